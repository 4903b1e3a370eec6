"""Where the story has been: every address and every problem that the product has, or a reason."""

from collections.abc import Iterable

from connector.problems.table import PROBLEMS, SAME
from tests.rules.test_routes import ROUTES

# Addresses where the story cannot go, and what holds there instead.
NOT_REACHED: dict[str, str] = {
    "record_certificate": "of a connection that signs in by certificate: tests/portal/test_review/test_records.py",
}
# Problems that the story does not meet. That no page of a problem shows what a request brought along is held for each
# of them by tests/rules/test_problem_pages.py.
NOT_MET: dict[str, str] = {
    "context-missing": "each launch of the sandbox is about an appointment: tests/visits/test_who_and_which.py",
    "ehr-crowded": "a crowd presses while an EHR hangs: tests/visits/test_slow.py",
    "entra-client-secret": "the deployment's own secret is wrong: tests/connector/test_entra.py",
    "key-service-unavailable": "a key service guards the keys: tests/connector/test_key_service.py",
    "notification-url": "is said on the page of the proof: tests/portal/test_proof_in_the_house.py",
    # Alarms, which are lines of a page and mails: no request leads to one.
    **dict.fromkeys(
        (
            "events-given-up",
            "preflight-blocks",
            "target-off",
            "trail-broken",
            "writebacks-given-up",
            "writebacks-late",
        ),
        "an alarm: tests/portal/test_status.py",
    ),
}


def not_reached(routes: Iterable[str]) -> set[str]:
    """The addresses that are neither among these nor excused."""
    return ROUTES.keys() - set(routes) - NOT_REACHED.keys()


def not_met(codes: Iterable[str]) -> set[str]:
    """The problems that none of these codes stands for, and that are not excused."""
    return PROBLEMS.keys() - {SAME.get(code, code) for code in codes} - NOT_MET.keys()
