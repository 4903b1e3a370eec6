"""A stand-in for Microsoft Entra ID: sign-in, tokens, keys and admin consent at the v2.0 paths."""
