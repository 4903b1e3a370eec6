"""Faults, tried at the Entra stand-in's discovery document, and notification faults as a sender asks for them."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import faults
from sandbox.store import Store
from tests.sandbox.standins import Sandbox

DISCOVERY = "/common/v2.0/.well-known/openid-configuration"
RULES = "/sandbox/faults"


@pytest.fixture(scope="module", autouse=True)
def entra(sandbox: Sandbox) -> None:
    sandbox.start("entra")


@pytest.fixture(autouse=True)
def no_faults(sandbox: Sandbox) -> None:
    sandbox.reset("entra")


def add(sandbox: Sandbox, kind: str, **rule: Any) -> str:
    response = requests.post(sandbox.url("entra", RULES), json={"kind": kind, "path": "openid", **rule}, timeout=10)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def ask(sandbox: Sandbox, path: str = DISCOVERY, timeout: float = 10) -> requests.Response:
    return requests.get(sandbox.url("entra", path), timeout=timeout)


def test_a_status_fault_answers_as_often_as_it_was_told(sandbox: Sandbox) -> None:
    add(sandbox, "status", value=502, times=2)
    assert [ask(sandbox).status_code for _ in range(3)] == [502, 502, 200]


def test_a_fault_without_a_number_of_times_stays_until_it_is_removed(sandbox: Sandbox) -> None:
    rule = add(sandbox, "status", times=0)
    assert [ask(sandbox).status_code for _ in range(3)] == [503] * 3
    assert requests.delete(sandbox.url("entra", f"{RULES}/{rule}"), timeout=10).status_code == 204
    assert requests.delete(sandbox.url("entra", f"{RULES}/{rule}"), timeout=10).status_code == 404
    assert ask(sandbox).status_code == 200


def test_all_faults_are_removed_at_once(sandbox: Sandbox) -> None:
    add(sandbox, "status")
    add(sandbox, "html")
    assert requests.delete(sandbox.url("entra", RULES), timeout=10).status_code == 204
    assert ask(sandbox).status_code == 200


def test_a_throttled_request_is_told_when_to_come_back(sandbox: Sandbox) -> None:
    add(sandbox, "throttle", value=7)
    response = ask(sandbox)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_a_delayed_request_is_answered_late_and_right(sandbox: Sandbox) -> None:
    add(sandbox, "delay", value=0.5)
    begun = time.monotonic()
    assert ask(sandbox).json()["issuer"]
    assert time.monotonic() - begun >= 0.5


def test_a_hanging_request_gets_no_answer_in_time_and_others_do(sandbox: Sandbox) -> None:
    add(sandbox, "hang", value=3, times=1)
    with pytest.raises(requests.ReadTimeout):
        ask(sandbox, timeout=0.5)
    assert ask(sandbox).status_code == 200


@pytest.mark.parametrize("kind", ["broken", "html"])
def test_nonsense_comes_with_a_good_status(sandbox: Sandbox, kind: str) -> None:
    add(sandbox, kind)
    response = ask(sandbox)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_a_fault_meets_its_own_path_and_never_the_sandboxs_pages(sandbox: Sandbox) -> None:
    add(sandbox, "status", path="keys$")
    assert ask(sandbox).status_code == 200
    assert ask(sandbox, "/common/discovery/v2.0/keys").status_code == 503
    add(sandbox, "status", path="")
    assert ask(sandbox).status_code == 503
    assert ask(sandbox, "/sandbox/health").status_code == 200


@pytest.mark.parametrize(
    "rule", [{"kind": "no-such"}, {"kind": "status", "path": "("}, {"kind": "delay", "value": "soon"}]
)
def test_a_rule_that_cannot_be_is_refused(sandbox: Sandbox, rule: dict[str, str]) -> None:
    response = requests.post(sandbox.url("entra", RULES), json=rule, timeout=10)
    assert response.status_code == 400
    assert response.json()["error"]


def test_the_page_adds_lists_and_removes_rules(sandbox: Sandbox) -> None:
    form = {"kind": "status", "path": "openid-conf", "value": "", "times": "1"}
    listed = requests.post(sandbox.url("entra", RULES), data=form, timeout=10).text
    assert "<code>openid-conf</code>" in listed
    rule = listed.split(f"{RULES}/")[1].split("/remove")[0]
    emptied = requests.post(sandbox.url("entra", f"{RULES}/{rule}/remove"), timeout=10).text
    assert "No rule" in emptied


def test_a_notification_fault_is_taken_as_often_as_told_and_meets_no_request(sandbox: Sandbox, tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    faults.add(store, {"kind": "notification-late", "value": 3, "times": 1})
    assert faults.take(store, "notification-lost") is None
    assert [faults.take(store, "notification-late") for _ in range(2)] == [3, None]
    add(sandbox, "notification-lost", path="")
    assert ask(sandbox).status_code == 200
