"""Each secret that is given to the product is replaced while people work with what the one before has signed."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter
from pytest_django import Settings

from connector import keys, wires
from connector.errors import Permanent
from connector.http import Deadline
from connector.models import Key
from connector.teams import entra
from portal import forward
from tests.portal.deciding import browser_of
from tests.servers import Reply, Request, serving
from tests.visits import factories
from tests.visits.pressing import PATIENT, come_back, leads_to, press
from tests.visits.test_writeback.ehr import Ehr
from visits import devices, handover, receipts, tickets
from visits.models import Launch

pytestmark = pytest.mark.django_db
Holds = Callable[[], bool]
NEXT = "n" * 50


def session(ehr: Ehr) -> Holds:
    browser = browser_of(factories.administrator(ehr.connection.organization))
    return lambda: browser.get(reverse("configure")).status_code == 200


def launch_under_way(ehr: Ehr) -> Holds:
    browser = Client()
    asked = press(ehr, browser, PATIENT)
    return lambda: leads_to(come_back(ehr, browser, PATIENT, asked), "visit")


def page_of_a_visit(ehr: Ehr) -> Holds:
    browser = Client()
    page = come_back(ehr, browser, PATIENT, press(ehr, browser, PATIENT))["Location"]
    return lambda: browser.get(page).status_code == 200


def _launch(ehr: Ehr) -> Launch:
    browser = Client()
    come_back(ehr, browser, PATIENT, press(ehr, browser, PATIENT))
    return Launch.objects.exclude(participant=None).latest("created_at")


def link_into_another_browser(ehr: Ehr) -> Holds:
    path = urlsplit(handover.link_to(_launch(ehr).id)).path
    return lambda: Client().get(path).status_code == 200


def way_out_of_a_frame(ehr: Ehr) -> Holds:
    row = _launch(ehr)
    ticket = tickets.way_out(row.id).split("/")[-2]

    def holds() -> bool:
        try:
            return tickets.launch_of(ticket, tickets.SECONDS) == str(row.id)
        except signing.BadSignature:
            return False

    return holds


def forwarded_link(ehr: Ehr) -> Holds:
    path = urlsplit(forward.link(ehr.connection.organization, "policy")).path
    return lambda: Client().get(path).status_code == 200


def device_test(ehr: Ehr) -> Holds:
    path = reverse("device_test", args=[devices.token_for(ehr.connection)])
    return lambda: Client().get(path).status_code == 200


def client_state(ehr: Ehr) -> Holds:
    row = factories.subscription(factories.visit(ehr.connection, session="other"))
    state = receipts.client_state(row)
    return lambda: receipts.subscription_id(state) == row.pk


SIGNED = (
    session,
    launch_under_way,
    page_of_a_visit,
    link_into_another_browser,
    way_out_of_a_frame,
    forwarded_link,
    device_test,
    client_state,
)


@pytest.mark.parametrize("signed", SIGNED)
def test_what_the_secret_key_of_before_signed_holds_while_it_is_a_fallback(
    signed: Callable[[Ehr], Holds], ehr: Ehr, settings: Settings
) -> None:
    holds, before = signed(ehr), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEXT, [before]
    assert holds()


@pytest.mark.parametrize("signed", SIGNED)
def test_what_the_next_secret_key_signed_holds_in_a_process_that_knows_it_as_a_fallback(
    signed: Callable[[Ehr], Holds], ehr: Ehr, settings: Settings
) -> None:
    """While processes restart with their keys exchanged, one whose turn is yet to come reads what another signed."""
    before, settings.SECRET_KEY = settings.SECRET_KEY, NEXT
    holds = signed(ehr)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = before, [NEXT]
    assert holds()


@pytest.mark.parametrize("signed", sorted(set(SIGNED) - {launch_under_way}, key=str))
def test_and_not_where_it_was_never_told_of_it(signed: Callable[[Ehr], Holds], ehr: Ehr, settings: Settings) -> None:
    """Why the next key is made known to every process before the first one signs by it."""
    before, settings.SECRET_KEY = settings.SECRET_KEY, NEXT
    holds = signed(ehr)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = before, []
    assert not holds()


@pytest.mark.parametrize("signed", sorted(set(SIGNED) - {launch_under_way}, key=str))
def test_and_no_longer(signed: Callable[[Ehr], Holds], ehr: Ehr, settings: Settings) -> None:
    holds = signed(ehr)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEXT, []
    assert not holds()


def test_two_secrets_of_the_registration_are_both_good_until_entra_drops_the_older(settings: Settings) -> None:
    """A rolling restart: processes with the old secret and with the new one ask side by side."""
    good = {"old", "new"}

    def token(request: Request) -> Reply:
        if request.form["client_secret"] in good:
            return Reply({"access_token": request.form["client_secret"], "expires_in": 3600})
        return Reply({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}, 401)

    def ask(secret: str) -> str:
        settings.ENTRA_CLIENT_SECRET = secret
        entra.forget_app_token("t")
        return entra.app_token("t", deadline=Deadline.after(5))

    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        settings.ENTRA_AUTHORITY = server.url
        server.choose("/t/oauth2/v2.0/token", token)
        assert [ask("old"), ask("new"), ask("old")] == ["old", "new", "old"]
        good.remove("old")
        assert ask("new") == "new"
        with pytest.raises(Permanent, match="entra-client-secret"):
            ask("old")


def test_an_ehrs_client_secret_changes_with_the_approval_and_not_before(ehr: Ehr) -> None:
    organization = ehr.connection.organization
    rows = [keys.store(organization, Key.Purpose.SECRET, secret) for secret in (b"old", b"new")]
    settled: list[dict[str, Any]] = [{"authentication": "client_secret_basic", "secret_kid": row.kid} for row in rows]

    def used() -> str:
        return wires.provider_client(wires.live_settings(ehr.connection), "testing").secret

    factories.approve(ehr.connection, **settled[0])
    live = ehr.connection.live
    ehr.connection.proposed = factories.approve(ehr.connection, **settled[1])
    ehr.connection.live = live
    assert used() == "old"
    ehr.connection.live = ehr.connection.proposed
    assert used() == "new"


def test_secrets_are_not_in_what_the_settings_show() -> None:
    """Django's own error page and `diffsettings` mask by name; ours are named so."""
    shown = SafeExceptionReporterFilter().get_safe_settings()
    secret = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "KEY_ENCRYPTION_KEYS", "ENTRA_CLIENT_SECRET", "EMAIL_HOST_PASSWORD"}
    assert {str(shown[name]) for name in secret} == {SafeExceptionReporterFilter.cleansed_substitute}
    assert configured.DEBUG is False
