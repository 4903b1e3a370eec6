"""The EHR stand-in as one Flask app."""

from flask import Flask

from sandbox.epic import (
    administration,
    authorize,
    console,
    discovery,
    fhir,
    instance,
    repository,
    screens,
    smart,
    telehealth,
)
from sandbox.standin import new_app


def create_app() -> Flask:
    """The app with both instances; environment as the sandbox's launcher sets it."""
    app, store = new_app("epic")
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = dict.fromkeys(smart.GRANT_TYPES, smart.LIFETIME)
    instance.install(app, store)
    server = smart.make_server(app)
    for pages in (
        discovery.pages,
        authorize.make_pages(server),
        fhir.pages,
        telehealth.pages,
        repository.pages,
        screens.pages,
        administration.pages,
        console.pages,
    ):
        app.register_blueprint(pages)
    return app
