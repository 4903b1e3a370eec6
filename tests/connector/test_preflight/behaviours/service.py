"""Clocks, silence, the backend token and the status service."""

from email.utils import formatdate
from time import time

from tests.connector.test_preflight.behaviours.replies import BOTH, LOGIN, NOT_FOUND, Behaviour, dated, refused, silent
from tests.connector.test_preflight.ehr import CONFIGURATION, CONTROL, HEALTHY, STATUS, TOKEN, without
from tests.servers import Reply

SERVICE_ROWS = [
    # The clock
    Behaviour("a clock 20 s ahead", CONFIGURATION, dated(20), HEALTHY),
    Behaviour("a clock 90 s behind", CONFIGURATION, dated(-90), without("clock-right") | {"clock-wrong": "warns"}),
    Behaviour("a clock 10 min ahead", CONFIGURATION, dated(600), without("clock-right") | {"clock-wrong": "blocks"}),
    Behaviour(
        "no date",
        CONFIGURATION,
        lambda ehr: Reply(ehr.configuration(), headers={"Date": ""}),
        without("clock-right") | {"clock-unknown": "info"},
    ),
    Behaviour(
        "an impossible date",
        CONFIGURATION,
        lambda ehr: Reply(ehr.configuration(), headers={"Date": "Mon, 20 Nov 1995 19:12:08 +99999999999999999999"}),
        without("clock-right") | {"clock-unknown": "info"},
    ),
    Behaviour(
        "an old date out of a cache",
        CONFIGURATION,
        lambda ehr: Reply(ehr.configuration(), headers={"Date": formatdate(time() - 900, usegmt=True), "Age": "900"}),
        without("clock-right") | {"clock-unknown": "info"},
    ),
    # Nobody there
    Behaviour("hanging up", BOTH, Reply(hang_up=True), silent("unreachable")),
    Behaviour("an answer after 30 s", BOTH, Reply(delay=30), silent("slow"), seconds=1.2),
    Behaviour("bytes that drip", BOTH, Reply("x" * 500, drip=0.05), silent("slow"), seconds=1.2),
    # The backend token
    Behaviour(
        "invalid_client",
        TOKEN,
        refused("invalid_client"),
        without("backend-token") | {"backend-client-unknown": "warns"},
    ),
    Behaviour(
        "401 without a word", TOKEN, Reply(status=401), without("backend-token") | {"backend-client-unknown": "warns"}
    ),
    Behaviour(
        "unauthorized_client",
        TOKEN,
        refused("unauthorized_client"),
        without("backend-token") | {"backend-client-unmapped": "warns"},
    ),
    Behaviour("invalid_scope", TOKEN, refused("invalid_scope"), without("backend-token") | {"backend-scope": "warns"}),
    Behaviour(
        "unsupported_grant_type",
        TOKEN,
        refused("unsupported_grant_type"),
        without("backend-token") | {"backend-grant": "warns"},
    ),
    Behaviour(
        "an error of its own making", TOKEN, refused("oops"), without("backend-token") | {"backend-refused": "warns"}
    ),
    Behaviour("503 for a token", TOKEN, Reply(status=503), without("backend-token") | {"backend-unavailable": "warns"}),
    Behaviour("a login page for a token", TOKEN, LOGIN, without("backend-token") | {"backend-no-token": "warns"}),
    Behaviour("success without a token", TOKEN, Reply({}), without("backend-token") | {"backend-no-token": "warns"}),
    # The status service
    Behaviour("404 at the status service", STATUS, NOT_FOUND, without("status-answers") | {"status-missing": "warns"}),
    Behaviour("401 at the status service alone", STATUS, Reply(status=401), HEALTHY),
    Behaviour("200 at the status service alone", STATUS, Reply(headers={"Content-Type": "text/plain"}), HEALTHY),
    Behaviour("501 at the status service alone", STATUS, Reply(status=501), HEALTHY),
    Behaviour(
        "every OPTIONS answered alike",
        (STATUS, CONTROL),
        Reply(status=401),
        without("status-answers") | {"status-undecided": "info"},
    ),
    Behaviour(
        "a login page at the status service", STATUS, LOGIN, without("status-answers") | {"status-page": "warns"}
    ),
    Behaviour(
        "503 at the status service",
        STATUS,
        Reply(status=503),
        without("status-answers") | {"status-unavailable": "warns"},
    ),
    Behaviour(
        "a redirect at the status service",
        STATUS,
        Reply(status=302, headers={"Location": "https://login.example/"}),
        without("status-answers") | {"status-moved": "warns"},
    ),
]
