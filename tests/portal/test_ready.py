"""Getting ready: each line tells how it stands, what backs that up, and keeps what it knew when nobody answers."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector.errors import WireError
from connector.http import Deadline
from connector.models import Change, Check, Environment
from portal.ready import keep, licence_allows
from portal.ready.lines import LINES
from tests.portal.deciding import BACKEND
from tests.portal.microsoft import DENIED, Microsoft, others, sku
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
State = Check.State


@pytest.fixture
def ada(client: Client, microsoft: Microsoft) -> Client:
    client.force_login(microsoft.administrator.user, BACKEND)
    return client


def tried(microsoft: Microsoft, line: str) -> Check:
    microsoft.organization.refresh_from_db()
    return keep.run(microsoft.organization, LINES[line])


def result(microsoft: Microsoft, line: str) -> tuple[str, str]:
    row = tried(microsoft, line)
    return row.state, row.code


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def read(client: Client, path: str = "/ready/") -> str:
    return text(client.get(path).content.decode())


def test_where_everything_is_in_order_each_try_says_so(microsoft: Microsoft) -> None:
    assert result(microsoft, "consent") == (State.OK, "consent-works")
    assert result(microsoft, "policy") == (State.OK, "policy-works")
    assert result(microsoft, "licence") == (State.OK, "licensed")


def test_the_throwaway_meeting_is_deleted(microsoft: Microsoft) -> None:
    tried(microsoft, "policy")
    (request,) = microsoft.server.asked(f"/v1.0/users/{microsoft.oid}/onlineMeetings/m1")
    assert request.method == "DELETE"


def test_missing_consent_is_outstanding_and_lost_consent_is_wrong(microsoft: Microsoft) -> None:
    microsoft.consent(False)
    assert result(microsoft, "consent") == (State.WRONG, "consent-withdrawn")
    type(microsoft.organization).objects.update(consented_at=None)
    assert result(microsoft, "consent") == (State.OPEN, "consent-missing")


def test_without_consent_the_other_lines_wait_for_it(microsoft: Microsoft) -> None:
    microsoft.consent(False)
    assert result(microsoft, "policy") == (State.OPEN, "needs-consent")
    assert result(microsoft, "licence") == (State.OPEN, "needs-consent")


def test_a_permission_that_was_left_out_is_named(microsoft: Microsoft, ada: Client) -> None:
    microsoft.answer(f"users/{microsoft.oid}", DENIED, 403)
    assert result(microsoft, "consent") == (State.WRONG, "permission-missing")
    assert "Missing: User.Read.All." in read(ada)


def test_consent_that_works_is_kept_at_the_organization(microsoft: Microsoft) -> None:
    type(microsoft.organization).objects.update(consented_at=None)
    tried(microsoft, "consent")
    microsoft.organization.refresh_from_db()
    assert microsoft.organization.consented_at is not None


def test_a_policy_that_nobody_has_granted_is_outstanding(microsoft: Microsoft) -> None:
    microsoft.policy(False)
    assert result(microsoft, "policy") == (State.OPEN, "policy-missing")


def test_right_after_granting_a_refusal_means_not_yet(microsoft: Microsoft, ada: Client) -> None:
    microsoft.policy(False)
    ada.post("/ready/policy/check/", {"granted": "1"})
    row = Check.objects.get(name="policy")
    assert (row.state, row.code) == (State.WAITING, "policy-not-yet")
    assert "Takes effect later" in read(ada)


def test_two_days_after_granting_a_refusal_is_wrong(microsoft: Microsoft) -> None:
    microsoft.policy(False)
    keep.say_granted(microsoft.organization)
    row = Check.objects.get(name="policy")
    row.evidence["granted_at"] = (timezone.now() - timedelta(hours=49)).isoformat()
    row.save()
    assert result(microsoft, "policy") == (State.WRONG, "policy-refused")


def test_a_policy_that_worked_and_does_not_any_more_is_wrong(microsoft: Microsoft) -> None:
    tried(microsoft, "policy")
    microsoft.policy(False)
    assert result(microsoft, "policy") == (State.WRONG, "policy-lost")


def test_saying_that_the_lines_were_run_twice_gains_no_time(microsoft: Microsoft) -> None:
    keep.say_granted(microsoft.organization)
    first = Check.objects.get(name="policy").evidence["granted_at"]
    keep.say_granted(microsoft.organization)
    assert Check.objects.get(name="policy").evidence["granted_at"] == first


def test_licences_are_counted_and_nobody_is_named(microsoft: Microsoft, ada: Client) -> None:
    microsoft.licence(False, [sku(units=25, used=7), sku(status="Suspended", units=100, used=0)])
    row = tried(microsoft, "licence")
    assert (row.state, row.code) == (State.WRONG, "unlicensed")
    assert {name: row.evidence[name] for name in ("units", "used")} == {"units": 25, "used": 7}
    assert "7 of the organization's 25 licences with Teams are in use." in read(ada)


@pytest.mark.parametrize(("line", "path"), [("consent", "organization"), ("licence", "subscribedSkus")])
def test_what_could_not_be_checked_keeps_what_was_known(
    line: str, path: str, microsoft: Microsoft, ada: Client
) -> None:
    good = tried(microsoft, line)
    microsoft.down(path)
    row = tried(microsoft, line)
    assert (row.state, row.code) == (State.UNKNOWN, "graph-unavailable")
    assert row.evidence == good.evidence
    shown = read(ada)
    assert "Could not be checked" in shown
    assert "Last known" in shown


def test_the_time_since_which_it_could_not_be_checked_stays(microsoft: Microsoft) -> None:
    tried(microsoft, "consent")
    microsoft.down("organization")
    first, second = tried(microsoft, "consent"), tried(microsoft, "consent")
    assert first.since == second.since
    assert (first.tried_at or timezone.now()) < (second.tried_at or timezone.now())


def test_what_no_program_can_read_is_confirmed_by_name(microsoft: Microsoft, ada: Client) -> None:
    assert result(microsoft, "anonymous") == (State.OPEN, "anonymous-unseen")
    ada.post("/ready/anonymous/confirm/")
    assert "Checked by Ada Lindqvist" in read(ada)
    assert result(microsoft, "anonymous") == (State.OK, "anonymous-confirmed")


def test_only_what_is_seen_by_hand_can_be_confirmed_by_hand(ada: Client) -> None:
    assert ada.post("/ready/policy/confirm/").status_code == 404


def test_a_region_that_was_confirmed_is_asked_again_for_another_country(microsoft: Microsoft, ada: Client) -> None:
    assert result(microsoft, "region") == (State.OPEN, "region-unconfirmed")
    ada.post("/ready/region/confirm/")
    assert result(microsoft, "region") == (State.OK, "region-confirmed")
    microsoft.answer("organization", {"value": [{"countryLetterCode": "DE"}]})
    assert result(microsoft, "region") == (State.OPEN, "region-unconfirmed")


def test_an_organization_of_another_region_is_told(microsoft: Microsoft) -> None:
    type(microsoft.organization).objects.update(region="emea")
    assert result(microsoft, "region") == (State.WRONG, "region-other")


def test_a_second_administrator_is_recommended_until_there_is_one(microsoft: Microsoft, ada: Client) -> None:
    assert "1 administrator has signed in here. Two are recommended." in read(ada)
    others(microsoft.organization)
    assert "2 administrators have signed in here." in read(ada)


def test_missing_help_lines_and_mail_are_counted(microsoft: Microsoft, ada: Client, settings: Settings) -> None:
    settings.HELP_LINE, settings.EMAIL_HOST = "", "smtp.example"
    connection = factories.connection(microsoft.organization, target=False)
    connection.help_line = ""
    connection.save()
    shown = read(ada)
    assert "1 connection names no help line." in shown
    assert "1 connection names no address." in shown


def test_keys_are_known_by_a_token_or_by_a_sign_in(microsoft: Microsoft, ada: Client) -> None:
    connection = factories.connection(microsoft.organization, target=False)
    factories.approve(connection, backend_client_id="")
    assert ada.post(f"/ready/keys/{connection.ref}/check/").status_code == 302
    assert Check.objects.get(name="keys").code == "keys-untried"
    assert connection.live
    connection.live.sign_ins.create(user=microsoft.administrator.user, proof={})
    ada.post(f"/ready/keys/{connection.ref}/check/")
    assert Check.objects.get(name="keys").code == "keys-signed-in"


def test_an_organizer_is_named_by_sign_in_name(microsoft: Microsoft, ada: Client) -> None:
    microsoft.answer("users/carla%40r.example", {"id": "c1", "displayName": "Carla"})
    ada.post("/ready/organizer/", {"organizer": "carla@r.example"})
    assert keep.organizer_of(microsoft.organization) == "c1"


def test_an_organizer_whom_the_directory_does_not_know_is_refused_at_the_field(ada: Client) -> None:
    page = ada.post("/ready/organizer/", {"organizer": "nobody@r.example"})
    assert page.status_code == 422
    assert "Nobody in your directory has this sign-in name." in text(page.content.decode())


def test_a_try_that_names_nobody_is_in_the_administrators_own_name(microsoft: Microsoft, ada: Client) -> None:
    others(microsoft.organization)
    ada.post("/ready/policy/check/")
    assert Check.objects.get(name="policy").evidence["organizer"] == microsoft.oid


def test_a_stranger_finds_no_such_page(client: Client, microsoft: Microsoft) -> None:
    stranger = factories.user()
    client.force_login(stranger, BACKEND)
    assert client.get("/ready/").status_code == 404
    assert client.post("/ready/policy/check/").status_code == 404
    assert client.get("/ready/proof/").status_code == 404


def test_another_organizations_connection_is_not_found(microsoft: Microsoft, ada: Client) -> None:
    other = factories.connection(target=False)
    administrator(other.organization)
    assert ada.post(f"/ready/keys/{other.ref}/check/").status_code == 404
    assert ada.post(f"/ready/keys/{other.ref}/forward/").status_code == 404


def test_the_powershell_lines_name_this_deployment(ada: Client, microsoft: Microsoft, settings: Settings) -> None:
    shown = read(ada)
    assert f'-AppIds "{settings.ENTRA_CLIENT_ID}"' in shown
    assert f'-Identity "{microsoft.oid}"' in shown


def test_the_product_licence_is_a_line_only_where_the_operator_lists_products(
    ada: Client, microsoft: Microsoft, settings: Settings
) -> None:
    assert "Product licence" not in read(ada)
    assert ada.post("/ready/product/check/").status_code == 404
    settings.LICENCE_SKUS = frozenset({"health"})
    assert "Product licence" in read(ada)
    assert result(microsoft, "product") == (State.OPEN, "product-missing")
    microsoft.licence(True, [sku("HEALTH")])
    assert result(microsoft, "product") == (State.OK, "product-held")


@pytest.mark.parametrize(
    ("listed", "environment", "part", "allowed"),
    [
        (frozenset(), Environment.PRODUCTION, "SPE_E3", True),
        (frozenset({"health"}), Environment.TESTING, "SPE_E3", True),
        (frozenset({"health"}), Environment.PRODUCTION, "SPE_E3", False),
        (frozenset({"health"}), Environment.PRODUCTION, "HEALTH", True),
    ],
)
def test_a_product_is_needed_for_production_alone(
    listed: frozenset[str], environment: str, part: str, allowed: bool, microsoft: Microsoft, settings: Settings
) -> None:
    settings.LICENCE_SKUS = listed
    microsoft.licence(True, [sku(part)])
    assert licence_allows(microsoft.organization, environment, Deadline.after(5)) is allowed


def test_a_product_that_has_run_out_is_not_held(microsoft: Microsoft, settings: Settings) -> None:
    settings.LICENCE_SKUS = frozenset({"health"})
    microsoft.licence(True, [sku("HEALTH", status="Deleted")])
    assert not licence_allows(microsoft.organization, Environment.PRODUCTION, Deadline.after(5))


def test_where_products_cannot_be_read_nothing_is_decided(microsoft: Microsoft, settings: Settings) -> None:
    settings.LICENCE_SKUS = frozenset({"health"})
    microsoft.down("subscribedSkus")
    with pytest.raises(WireError):
        licence_allows(microsoft.organization, Environment.PRODUCTION, Deadline.after(5))


def test_forwarding_shows_a_link_and_is_history(microsoft: Microsoft, ada: Client) -> None:
    page = ada.post("/ready/policy/forward/").content.decode()
    assert re.search(r"/forward/[^/\"]+/", page)
    change = Change.objects.get(kind=Change.Kind.FORWARDED)
    assert (change.actor_name, change.detail) == ("Ada Lindqvist", {"line": "policy"})
