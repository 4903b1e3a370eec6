"""Rotation of the deployment's key pairs: nobody who keeps to the rules ever meets a key he cannot know. Time passes by
making every key older."""

import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from django.conf import settings as loaded
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector import agreement, crypto, keys, wires
from connector.ehr.smart import client_assertion
from connector.keys import State, pairs
from connector.models import Key
from tests.visits import factories

SIGNING, NOTIFICATION = Key.Purpose.SIGNING, Key.Purpose.NOTIFICATION
TOKEN_URL = "https://ehr.hospital.example/oauth2/token"
LONGEST_CACHE = 29  # hours: what Epic keeps a key set for at most


def pass_time(**duration: float) -> None:
    Key.objects.update(not_before=F("not_before") - timedelta(**duration))


def states(purpose: Key.Purpose = SIGNING, environment: str = "testing") -> list[tuple[str, str]]:
    return [(line.key.kid, line.state.value) for line in keys.lines(purpose, environment)]


class RememberingEhr:
    """An EHR that reads our key set as seldom as it may, and not when it meets a key it does not know."""

    def __init__(self, read_hours_ago: int) -> None:
        self.age = read_hours_ago
        self.read()

    def read(self) -> None:
        published = Client().get("/jwks/testing.json").json()
        self.known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}

    def pass_hour(self) -> None:
        self.age += 1
        if self.age > LONGEST_CACHE:
            self.age = 0
            self.read()

    def accept(self, assertion: str) -> dict[str, Any]:
        key = self.known[jwt.get_unverified_header(assertion)["kid"]]
        claims: dict[str, Any] = jwt.decode(assertion, key, ["RS384"], audience=TOKEN_URL)
        return claims


@pytest.mark.django_db
@pytest.mark.parametrize("read_hours_ago", [0, 1, 14, 28, LONGEST_CACHE])
def test_an_ehr_that_remembers_our_keys_for_29_hours_accepts_every_assertion_of_a_rotation(read_hours_ago: int) -> None:
    first = keys.signing_key("testing")
    ehr = RememberingEhr(read_hours_ago)
    following = keys.rotate(SIGNING, "testing")
    assert following is not None
    signed_with = []
    for _hour in range(60):
        key = keys.signing_key("testing")
        assert ehr.accept(client_assertion("client", TOKEN_URL, key))["iss"] == "client"
        signed_with.append(key.kid)
        pass_time(hours=1)
        keys.forget_due(SIGNING, "testing")
        ehr.pass_hour()
    assert signed_with == [first.kid] * 30 + [following.kid] * 30
    assert states() == [(following.kid, "current"), (first.kid, "retired")]


@pytest.mark.django_db
def test_a_key_is_next_then_in_use_then_old_then_retired_and_published_until_then() -> None:
    first = keys.signing_key("testing").kid
    following = keys.rotate(SIGNING, "testing")
    assert following is not None
    assert states() == [(following.kid, "next"), (first, "current")]
    pass_time(hours=30)
    assert states() == [(following.kid, "current"), (first, "old")]
    assert {key["kid"] for key in keys.published_keys("testing")} == {first, following.kid}
    assert keys.forget_due(SIGNING, "testing") == 0
    pass_time(hours=1)
    assert keys.forget_due(SIGNING, "testing") == 1
    assert states() == [(following.kid, "current"), (first, "retired")]
    assert [key["kid"] for key in keys.published_keys("testing")] == [following.kid]


@pytest.mark.django_db
def test_a_line_says_when_a_key_takes_over_and_how_long_the_one_before_is_published(settings: Settings) -> None:
    settings.SIGNING_KEY_DAYS = 180
    assert keys.lines(SIGNING, "testing") == []
    keys.signing_key("testing")
    (used,) = keys.lines(SIGNING, "testing")
    assert used.until == used.key.not_before + timedelta(days=180)
    keys.rotate(SIGNING, "testing")
    following, used = keys.lines(SIGNING, "testing")
    assert (following.since, following.until) == (None, following.key.not_before)
    assert used.until == following.until
    pass_time(hours=30)
    following, old = keys.lines(SIGNING, "testing")
    assert (old.state, old.since) == (State.OLD, following.since)
    assert old.until == following.key.not_before + timedelta(hours=1)


@pytest.mark.django_db
def test_a_key_that_waits_is_not_followed_by_another() -> None:
    keys.signing_key("testing")
    assert keys.rotate(SIGNING, "testing") is not None
    assert keys.rotate(SIGNING, "testing") is None
    assert len(keys.published_keys("testing")) == 2


@pytest.mark.django_db
def test_a_form_that_is_sent_twice_rotates_once() -> None:
    seen = keys.notification_key().kid
    made = keys.rotate(NOTIFICATION, instead_of=seen)
    assert made is not None
    assert keys.rotate(NOTIFICATION, instead_of=seen) is None
    assert keys.notification_key() == made
    signing = keys.signing_key("testing").kid
    assert keys.replace_at_once("testing", instead_of=signing) is not None
    assert keys.replace_at_once("testing", instead_of=signing) is None


@pytest.mark.django_db(transaction=True)
def test_several_who_rotate_at_the_same_moment_make_one_key() -> None:
    keys.signing_key("testing")

    def rotate(_: int) -> Key | None:
        try:
            return keys.rotate(SIGNING, "testing")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(rotate, range(4)))
    assert len([one for one in made if one]) == 1
    assert [state for _, state in states()] == ["next", "current"]


@pytest.mark.django_db(transaction=True)
def test_what_another_process_rotates_is_used_without_a_restart() -> None:
    before = keys.signing_key("testing")
    name = connection.settings_dict["NAME"]
    url = f"{loaded.DATABASE_URL.rpartition('/')[0]}/{name}"
    command = [sys.executable, "manage.py", "keys", "rotate", "--environment", "testing", "--at-once"]
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "connector.settings"}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    now = keys.signing_key("testing")
    assert now.kid == said.split()[0] != before.kid
    assert [key["kid"] for key in keys.published_keys("testing")] == [now.kid]


@pytest.mark.django_db
def test_replacing_at_once_withdraws_every_key_of_that_environment_alone_and_forgets_them() -> None:
    other = keys.signing_key("production").kid
    known, following = keys.signing_key("testing").kid, keys.rotate(SIGNING, "testing")
    assert following is not None
    made = keys.replace_at_once("testing")
    assert made is not None
    assert keys.signing_key("testing").kid == made.kid
    assert [key["kid"] for key in keys.published_keys("testing")] == [made.kid]
    assert set(Key.objects.filter(kid__in=[known, following.kid]).values_list("wrapped", flat=True)) == {""}
    with pytest.raises(crypto.Undecryptable):
        keys.unwrap(Key.objects.get(kid=following.kid))
    assert keys.signing_key("production").kid == other


@pytest.mark.django_db
def test_new_subscriptions_get_the_new_certificate_at_once_and_the_old_key_opens_for_its_time() -> None:
    old = keys.notification_key()
    made = keys.rotate(NOTIFICATION)
    assert keys.notification_key() == made
    assert states(NOTIFICATION, "")[1] == (old.kid, "old")
    pass_time(minutes=4320, hours=23)
    assert keys.forget_due(NOTIFICATION) == 0
    assert keys.notification_private(old.kid).startswith(b"-----BEGIN")
    pass_time(hours=1)
    assert keys.forget_due(NOTIFICATION, named={old.kid}) == 0
    assert keys.notification_private(old.kid).startswith(b"-----BEGIN")
    assert keys.forget_due(NOTIFICATION) == 1
    with pytest.raises(Key.DoesNotExist):
        keys.notification_private(old.kid)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "age_hours", "due"),
    [
        (0, 24 * 4000, False),
        (10, 24 * 10 - 31, False),
        (10, 24 * 10 - 29, True),
        (10, 24 * 30, True),
        (1, 0, True),
    ],
)
def test_the_schedule_publishes_so_early_that_the_key_changes_on_its_day(
    days: int, age_hours: int, due: bool, settings: Settings
) -> None:
    settings.SIGNING_KEY_DAYS = days
    keys.signing_key("testing")
    pass_time(hours=age_hours)
    assert keys.is_due(SIGNING, "testing") is due


@pytest.mark.django_db
def test_nothing_is_due_before_the_first_use_nor_while_the_next_key_waits(settings: Settings) -> None:
    settings.SIGNING_KEY_DAYS = settings.NOTIFICATION_KEY_DAYS = 1
    assert not keys.is_due(SIGNING, "testing")
    keys.signing_key("testing")
    assert keys.is_due(SIGNING, "testing")
    keys.rotate(SIGNING, "testing")
    assert not keys.is_due(SIGNING, "testing")
    keys.notification_key()
    assert not keys.is_due(NOTIFICATION)
    pass_time(days=1)
    assert keys.is_due(NOTIFICATION)


@pytest.mark.django_db
def test_where_an_ehr_holds_our_certificate_two_weeks_are_left_to_enter_the_next_one() -> None:
    factories.approve(factories.connection(target=False), authentication="certificate")
    keys.signing_key("testing")
    made = keys.rotate(SIGNING, "testing")
    assert made is not None
    assert made.not_before > timezone.now() + timedelta(days=13, hours=23)
    assert keys.overlap(SIGNING, "production") == timedelta(hours=30)


@pytest.mark.django_db
def test_certificate_signs_as_private_key_jwt_does() -> None:
    agreed = agreement.load({"authentication": "certificate", "provider_client_id": "client"})
    key = wires.provider_client(agreed, "testing").key
    assert key is not None
    certificate = x509.load_pem_x509_certificate(keys.signing_certificate("testing").encode())
    assertion = client_assertion("client", TOKEN_URL, key)
    public: Any = certificate.public_key()
    assert jwt.decode(assertion, public, ["RS384"], audience=TOKEN_URL)["sub"] == "client"


@pytest.mark.django_db
def test_the_key_set_carries_each_certificate_as_base64_of_der() -> None:
    keys.signing_key("testing")
    (published,) = keys.published_keys("testing")
    certificate = x509.load_der_x509_certificate(base64.b64decode(published["x5c"][0], validate=True))
    assert certificate.public_key() == jwt.PyJWK(published).key
    assert x509.load_pem_x509_certificate(keys.signing_certificate("testing").encode()) == certificate


@pytest.mark.django_db
def test_a_key_of_before_gets_its_certificate_when_it_is_asked_for_and_keeps_it() -> None:
    row = pairs.in_use(SIGNING, "testing")
    del row.public["x5c"]
    row.save()
    first = keys.signing_certificate("testing")
    assert keys.signing_certificate("testing") == first
    (published,) = keys.published_keys("testing")
    certificate = x509.load_pem_x509_certificate(first.encode())
    assert certificate.public_key() == jwt.PyJWK(published).key


@pytest.mark.django_db
def test_who_has_the_key_set_already_is_told_so_until_it_changes(client: Client) -> None:
    answer = client.get("/jwks/testing.json")
    assert {"public", "max-age=3600"} == set(answer["Cache-Control"].replace(" ", "").split(","))
    again = client.get("/jwks/testing.json", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    keys.rotate(SIGNING, "testing")
    changed = client.get("/jwks/testing.json", headers={"If-None-Match": answer["ETag"]})
    assert (changed.status_code, len(changed.json()["keys"])) == (200, 2)
    assert client.get("/jwks/elsewhere.json").status_code == 404


@pytest.mark.django_db
def test_the_key_set_holds_nothing_private(client: Client) -> None:
    (published,) = client.get("/jwks/testing.json").json()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "use", "alg", "x5c"}
