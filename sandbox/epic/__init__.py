"""A stand-in for Epic: two instances of one EHR with its screens, SMART sign-in, FHIR and status service."""
