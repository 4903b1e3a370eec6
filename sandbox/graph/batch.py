"""JSON batching: up to twenty requests in one, each answered by itself."""

from typing import Any

from flask import Blueprint, current_app, request

from sandbox.graph.problems import Problem
from sandbox.graph.tokens import bearer
from sandbox.store import Document

routes = Blueprint("batch", __name__, url_prefix="/v1.0")

MOST = 20


@routes.post("/$batch")
def batch() -> Document:
    """Answer each request as if it had come alone, with the caller's token."""
    bearer()
    wanted = (request.get_json(silent=True) or {}).get("requests")
    if not isinstance(wanted, list) or not 0 < len(wanted) <= MOST:
        raise Problem(400, "BadRequest", f"A batch holds 1 to {MOST} requests.")
    if len({str(one.get("id")) for one in wanted}) < len(wanted):
        raise Problem(400, "BadRequest", "The ids of a batch are unique.")
    return {"responses": [_answered(one) for one in wanted]}


def _answered(one: dict[str, Any]) -> Document:
    headers = {"Authorization": request.headers["Authorization"]} | one.get("headers", {})
    address = f"/v1.0/{str(one['url']).lstrip('/')}"
    answer = current_app.test_client().open(address, method=one["method"], json=one.get("body"), headers=headers)
    return {"id": str(one["id"]), "status": answer.status_code, "body": answer.get_json(silent=True) or {}}
