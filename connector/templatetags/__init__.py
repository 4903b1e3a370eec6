"""Template tags of the pages (loaded by name: ``{% load ui %}``)."""
