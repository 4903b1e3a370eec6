"""A stand-in for a mail server: SMTP in, and a page that shows what came."""
