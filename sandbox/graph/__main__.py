from sandbox.graph.app import create_app
from sandbox.standin import serve

serve("graph", create_app)
