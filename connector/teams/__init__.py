"""The wire to Microsoft: Entra ID and Microsoft Graph. Knows no model."""
