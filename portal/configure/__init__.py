"""Configure: the administrator adds FHIR base URLs, each with an environment and an approver, and changes them."""
