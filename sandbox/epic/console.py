"""The sandbox's own console: switches, the status calls that came in, and a JSON API for tests."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.epic import clients, keys, launches, people, records, repository, telehealth
from sandbox.epic.instance import CONSOLE_ROUTE, INSTANCES, SWITCHES, store, table
from sandbox.epic.telehealth import PARAMETERS
from sandbox.standin import CONSOLE
from sandbox.store import Document

pages = Blueprint("console", __name__)
Answer = tuple[dict[str, Any], int]


@pages.get(f"{CONSOLE}/")
def show() -> str:
    """Switches, faults, and each instance's status calls."""
    calls = {name: list(store().table(f"{name}/status").values()) for name in INSTANCES}
    audited = {name: [repository.line(kept) for kept in store().table(f"{name}/audit").values()] for name in INSTANCES}
    return render_template(
        "console.html",
        switches=SWITCHES,
        on=set(store().table("switches")),
        calls=calls,
        parameters=PARAMETERS,
        audited=audited,
    )


@pages.post(f"{CONSOLE}/switches")
def switch() -> AnyResponse | Answer:
    """Set switches: the named ones of a JSON object {name: bool}, or all of them from the form's ticks."""
    wanted: dict[str, bool] = (
        request.get_json() if request.is_json else {name: name in request.form for name in SWITCHES}
    )
    unknown = set(wanted) - set(SWITCHES)
    if unknown:
        return {"error": f"No such switch: {', '.join(sorted(unknown))}"}, 400
    kept = store().table("switches")
    for name, on in wanted.items():
        if on:
            kept[name] = {}
        else:
            kept.pop(name, None)
    if request.is_json:
        return {name: name in kept for name in SWITCHES}, 200
    return redirect(url_for("console.show"), 303)


@pages.post(f"{CONSOLE}/start-over")
def start_over() -> AnyResponse:
    """Forget everything, and show the console again."""
    store().forget()
    return redirect(url_for("console.show"), 303)


@pages.post(f"{CONSOLE_ROUTE}/launches")
def make_launch() -> Answer:
    """{record: a slot, user: a login, csn} -> {url}: what pressing the button would open."""
    asked = request.get_json()
    slot = str(asked.get("record"))
    side = records.SLOTS[slot][0] if slot in records.SLOTS else ""
    person = people.find_person(f"{side}:{asked.get('user')}")
    if person is None:
        return {"error": "record is no slot, or user does not sign in on that side."}, 400
    try:
        return {"url": launches.make(slot, person, asked.get("csn"))}, 201
    except LookupError as error:
        return {"error": str(error)}, 409


@pages.post(f"{CONSOLE_ROUTE}/keys/rotate")
def rotate() -> tuple[str, int]:
    """Sign id_tokens with another key from now on."""
    keys.rotate()
    return "", 204


@pages.get(f"{CONSOLE_ROUTE}/status")
def status() -> list[Document]:
    """The status calls in order, refused ones too: the call's parameters, time, who, state, accepted, reason."""
    return telehealth.calls()


@pages.get(f"{CONSOLE_ROUTE}/audit")
def audit() -> list[Document]:
    """The AuditEvents that the repository has accepted, in order: {time, event}."""
    return repository.kept()


@pages.put(f"{CONSOLE_ROUTE}/records/<slot>")
def put_record(slot: str) -> Answer:
    """Paste a record: JSON {URL, CLIENTID, LAUNCHTYPE, CONTEXT}, or the text as a person would paste it."""
    if request.is_json:
        record = {str(name).upper(): str(value) for name, value in request.get_json().items()}
    else:
        record = records.parse(request.get_data(as_text=True))
    found = records.problems(slot, record) if slot in records.SLOTS else ["No such slot."]
    if found:
        return {"error": " ".join(found)}, 400
    table("records")[slot] = record
    return record, 200


@pages.put(f"{CONSOLE_ROUTE}/clients/<client_id>")
def put_client(client_id: str) -> Answer:
    """Change a client record: any of {redirect_uris, jwks_url, authentication, mapped, apis} -> the whole record."""
    client = clients.find_client(client_id)
    if client is None:
        return {"error": "No such client."}, 404
    changes = request.get_json()
    unknown = set(changes) - {"redirect_uris", "jwks_url", "authentication", "mapped", "apis"}
    if unknown or changes.get("authentication", clients.PUBLIC) not in clients.AUTHENTICATIONS:
        return {"error": "Unknown field or authentication."}, 400
    return dict(vars(clients.save_client(client, **changes))), 200


@pages.post(f"{CONSOLE_ROUTE}/visits")
def make_visit() -> Answer:
    """{practitioner, patient}: FHIR ids -> {csn}: a new visit."""
    asked = request.get_json()
    if asked.get("patient") not in people.PATIENTS:
        return {"error": "No such patient."}, 400
    return {"csn": people.add_visit(asked["patient"], asked["practitioner"], "Test visit").csn}, 201
