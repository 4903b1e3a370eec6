"""The mail stand-in as a Flask app, with its SMTP server running beside it."""

import os

from flask import Flask, Response, jsonify, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from sandbox.mail import server
from sandbox.standin import CONSOLE, new_app
from sandbox.store import Document, Store


def create_app() -> Flask:
    """The whole stand-in. SMTP listens on 127.0.0.1 at SANDBOX_SMTP_PORT."""
    app, store = new_app("mail")
    _add_pages(app, store)
    server.start(store, int(os.environ["SANDBOX_SMTP_PORT"]))
    return app


def _add_pages(app: Flask, store: Store) -> None:
    @app.get("/")
    def home() -> AnyResponse:
        return redirect(f"{CONSOLE}/")

    @app.get(f"{CONSOLE}/")
    def inbox() -> str:
        return render_template("inbox.html", mails=newest(store))

    @app.get(f"{CONSOLE}/mails")
    def mails() -> Response:
        return jsonify(list(store.table("mails").values()))

    @app.post(f"{CONSOLE}/start-again")
    def start_again() -> AnyResponse:
        store.forget()
        return redirect(f"{CONSOLE}/", 303)


def newest(store: Store) -> list[Document]:
    """What came {id, sender, recipients, subject, text, message_id, at}, the last one first."""
    return list(store.table("mails").values())[::-1]
