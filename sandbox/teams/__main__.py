from sandbox.standin import serve
from sandbox.teams.app import create_app

serve("teams", create_app)
