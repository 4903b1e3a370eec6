"""Redirects: followed on the same host, told of any other."""

from dataclasses import replace

import pytest

from connector.ehr import discovery
from connector.http import Deadline
from tests.connector.test_preflight.behaviours.replies import NO_ENDPOINTS
from tests.connector.test_preflight.ehr import BASE, CONFIGURATION, HEALTHY, METADATA, STATED, Ehr, levels, without
from tests.servers import Reply, Server

MOVED = f"{BASE}/moved"


def redirect(target: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": target})


def came(ehr: Ehr, check: str) -> str:
    return next(finding.came for finding in ehr.report().findings if finding.check == check)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_host_is_followed_and_told(status: int, ehr: Ehr) -> None:
    ehr.server.answer(METADATA, redirect(f"{MOVED}?session=1", status))
    ehr.server.answer(MOVED, Reply(ehr.statement(), headers={"Content-Type": "application/fhir+json"}))
    assert levels(ehr.report()) == HEALTHY | {"redirect-followed": "warns"}
    assert came(ehr, "redirect-followed") == f"200 {ehr.server.url}{MOVED}"


def test_what_discovery_follows_is_what_the_preflight_saw(ehr: Ehr) -> None:
    ehr.server.answer(CONFIGURATION, redirect("moved"))
    ehr.server.answer(f"{BASE}/.well-known/moved", Reply(ehr.configuration()))
    assert levels(ehr.report()) == HEALTHY | {"redirect-followed": "warns"}
    assert discovery.discover(ehr.base_url, deadline=Deadline.after(5)).source == "smart-configuration"


def test_nobody_is_followed_to_another_host(ehr: Ehr, neighbour: Server) -> None:
    for path in (METADATA, CONFIGURATION):
        ehr.server.answer(path, redirect(f"{neighbour.url}/login?from=here"))
    found = NO_ENDPOINTS | {"redirect-elsewhere": "blocks", "smart-missing": "blocks"}
    assert levels(ehr.report()) == found
    assert came(ehr, "redirect-elsewhere") == f"302 {neighbour.url}/login"
    assert neighbour.requests == []


def test_metadata_behind_another_hosts_login_warns_while_launches_work(ehr: Ehr, neighbour: Server) -> None:
    ehr.server.answer(METADATA, redirect(f"{neighbour.url}/login"))
    assert levels(ehr.report()) == without(*STATED) | {"redirect-elsewhere": "warns"}


@pytest.mark.parametrize(
    "target", [METADATA, "", "http://[nobody", "mailto:ehr@example.org"], ids=["itself", "none", "no address", "mail"]
)
def test_redirects_that_lead_nowhere_are_told(target: str, ehr: Ehr) -> None:
    ehr.server.answer(METADATA, redirect(target))
    assert levels(ehr.report()) == without(*STATED) | {"redirect-loop": "warns"}
    assert len(ehr.server.asked(METADATA)) <= discovery.HOPS + 1


def test_a_loop_of_everything_blocks(ehr: Ehr) -> None:
    for path in (METADATA, CONFIGURATION):
        ehr.server.answer(path, replace(redirect(CONFIGURATION), delay=0.01))
    assert levels(ehr.report()) == NO_ENDPOINTS | {"redirect-loop": "blocks", "smart-missing": "blocks"}
