"""Errors in Graph's shape, request ids on every answer, and bodies checked against the schemas beside this file."""

import functools
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, g, jsonify, request
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from sandbox.state import now
from sandbox.store import Document

SCHEMAS = Path(__file__).parent / "schemas"


@dataclass
class Problem(Exception):
    """An answer which refuses: HTTP status, Graph's error code, and the message."""

    status: int
    code: str
    message: str


def install(app: Flask) -> None:
    """Answer every Problem, and every unknown path of the API, as Graph does."""
    app.register_error_handler(Problem, refusal)
    app.register_error_handler(404, lambda _: refusal(unknown_segment()))
    app.register_error_handler(405, lambda _: refusal(Problem(405, "BadRequest", "The method is not supported here.")))
    app.after_request(with_request_id)


def refusal(problem: Problem) -> tuple[Response, int]:
    inner = {
        "date": now().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id(),
        "client-request-id": client_request_id(),
    }
    return jsonify(error={"code": problem.code, "message": problem.message, "innerError": inner}), problem.status


def unknown_segment() -> Problem:
    return Problem(400, "BadRequest", f"Resource not found for the segment '{request.path.rsplit('/', 1)[-1]}'.")


def request_id() -> str:
    """The id of this request: one, however often it is asked for."""
    if "request_id" not in g:
        g.request_id = str(uuid.uuid4())
    return str(g.request_id)


def client_request_id() -> str:
    return request.headers.get("client-request-id") or request_id()


def with_request_id(response: Response) -> Response:
    response.headers["request-id"] = request_id()
    response.headers["client-request-id"] = client_request_id()
    return response


def body(definition: str) -> Document:
    """The JSON body, valid by `<file>/<definition>` of the schemas. Raises Problem 400 with the first thing wrong."""
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise Problem(400, "BadRequest", "Unable to read JSON request payload. The content type must be JSON.")
    error = best_match(validator(definition).iter_errors(document))
    if error:
        raise Problem(400, "BadRequest", complaint(error))
    return document


@functools.cache
def validator(definition: str) -> Draft202012Validator:
    file, name = definition.split("/")
    schema = json.loads((SCHEMAS / f"{file}.json").read_text())
    return Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})


def complaint(error: ValidationError) -> str:
    where = "/".join(str(step) for step in error.absolute_path) or "body"
    return f"Invalid request payload at {where}: {error.message}"
