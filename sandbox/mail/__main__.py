"""`python -m sandbox.mail`: serve the stand-in until killed."""

from sandbox.mail.app import create_app
from sandbox.standin import serve

serve("mail", create_app)
