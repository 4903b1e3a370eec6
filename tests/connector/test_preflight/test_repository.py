"""The repository of AuditEvents that the settings may name: what it says of itself, asked without creating anything."""

from typing import Any

import pytest

from tests.connector.test_preflight.ehr import HEALTHY, Ehr, levels
from tests.servers import Reply

PATH = "/audit/R4/metadata"


def statement(*codes: str, **more: Any) -> Reply:
    """The CapabilityStatement of a repository that allows this with AuditEvents."""
    resource = {"type": "AuditEvent", "interaction": [{"code": code} for code in codes]} | more
    return Reply({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": [resource]}]})


@pytest.mark.parametrize(
    ("reply", "check", "level"),
    [
        (statement("read", "create", conditionalCreate=True), "repository-accepts", "ok"),
        (statement("create"), "repository-unconditional", "info"),
        (statement("create", conditionalCreate="yes"), "repository-unconditional", "info"),
        (statement("read"), "repository-not-offered", "warns"),
        (Reply({"resourceType": "CapabilityStatement", "rest": "none"}), "repository-not-offered", "warns"),
        (Reply("<!doctype html>"), "repository-unreadable", "warns"),
        (Reply(status=503), "repository-unreadable", "warns"),
        (Reply(hang_up=True), "repository-unreadable", "warns"),
    ],
)
def test_a_repository_is_judged_by_what_it_says(ehr: Ehr, reply: Reply, check: str, level: str) -> None:
    ehr.server.answer(PATH, reply)
    report = ehr.report(audit_addresses=(f"{ehr.server.url}/audit/R4",))
    assert levels(report) == HEALTHY | {check: level}
    assert {asked.method for asked in ehr.server.requests if asked.path.startswith("/audit")} == {"GET"}
    assert not report.blocks, "visits do without it"


def test_each_of_several_repositories_is_judged(ehr: Ehr) -> None:
    ehr.server.answer(PATH, statement("create", conditionalCreate=True))
    ehr.server.answer("/archive/metadata", Reply(status=503))
    report = ehr.report(audit_addresses=(f"{ehr.server.url}/audit/R4", f"{ehr.server.url}/archive"))
    found = {finding.asked: finding.check for finding in report.findings if finding.check.startswith("repository")}
    assert found == {
        f"GET {ehr.server.url}{PATH}": "repository-accepts",
        f"GET {ehr.server.url}/archive/metadata": "repository-unreadable",
    }
