"""A stand-in for Microsoft Graph: directory, online meetings, subscriptions and their encrypted notifications."""
