"""The preflight, against servers that answer as EHRs do and as they should not."""
