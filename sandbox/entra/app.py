"""The Entra stand-in as one Flask app."""

from flask import Flask, redirect
from werkzeug.wrappers import Response

from sandbox.entra import authorize, consent, console, discovery, grants
from sandbox.standin import new_app


def create_app() -> Flask:
    """Every page and endpoint of the stand-in."""
    app, store = new_app("entra")
    server = grants.create_server(app, store)
    for blueprint in (
        discovery.create_blueprint(store, server),
        authorize.create_blueprint(store, server),
        consent.create_blueprint(store),
        console.create_blueprint(store),
    ):
        app.register_blueprint(blueprint)

    @app.get("/")
    def home() -> Response:
        return redirect("/sandbox/")

    return app
