"""Run with `python -m sandbox.entra`."""

from sandbox.entra.app import create_app
from sandbox.standin import serve

if __name__ == "__main__":
    serve("entra", create_app)
