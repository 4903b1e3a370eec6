"""What the stand-ins share: where each lives, and how one becomes a running process."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, request, send_from_directory
from werkzeug.serving import make_server

from sandbox import faults, state
from sandbox.store import Store

CONSOLE = "/sandbox"  # every stand-in's own pages: they belong to no product


def url_of(name: str) -> str:
    """The base URL of the stand-in `entra`, `graph`, `teams`, `epic` or `mail`, without a trailing slash."""
    return os.environ[f"SANDBOX_{name.upper()}_URL"].rstrip("/")


def new_app(name: str) -> tuple[Flask, Store]:
    """A Flask app with its store, its own cookie name, health, reset and faults."""
    app = Flask(f"sandbox.{name}", template_folder=str(Path(__file__).parent / name / "templates"), static_folder=None)
    store = Store(Path(os.environ["SANDBOX_DATA"]) / f"{name}.sqlite3")
    app.secret_key = os.environ["SANDBOX_SECRET"]
    app.config["SESSION_COOKIE_NAME"] = f"{name}_session"

    @app.get(f"{CONSOLE}/health")
    def health() -> dict[str, str]:
        return {"name": name}

    @app.get(f"{CONSOLE}/sandbox.css")
    def style() -> Response:
        return send_from_directory(Path(__file__).parent / "static", "sandbox.css")

    @app.post(f"{CONSOLE}/reset")
    def reset() -> Response:
        store.forget()
        state.set_clock(0)
        return Response(status=204)

    @app.post(f"{CONSOLE}/clock")
    def clock() -> Response:
        state.set_clock(float(request.get_json()["seconds"]))
        return Response(status=204)

    faults.install(app, store)
    return app, store


def serve(name: str, create_app: Callable[[], Flask]) -> None:
    """Serve the stand-in on 127.0.0.1 at the port of its own URL, a thread a request, until killed. Over TLS, where the
    launcher names a certificate."""
    logging.getLogger("werkzeug").setLevel(os.environ.get("SANDBOX_LOG_LEVEL", "WARNING"))
    chain, port = os.environ.get("SANDBOX_TLS_CHAIN"), urlsplit(url_of(name)).port or 80
    tls = (chain, os.environ["SANDBOX_TLS_KEY"]) if chain else None
    make_server("127.0.0.1", port, create_app(), threaded=True, ssl_context=tls).serve_forever()


def form(name: str) -> str:
    """A form value of the request, stripped of nothing: empty when it is absent."""
    return request.form.get(name, "")
