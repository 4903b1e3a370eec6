"""The wire to the EHR: FHIR, SMART App Launch, SMART Backend Services, the telehealth status service. Knows no
model."""
