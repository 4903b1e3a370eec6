"""`python -m sandbox.epic`: serve the stand-in until killed."""

from sandbox.epic.app import create_app
from sandbox.standin import serve

serve("epic", create_app)
