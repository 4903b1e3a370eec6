"""Microsoft Entra ID as its documents describe it: identities, refusals, app-only tokens."""

import uuid
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings
from redis import Redis

from connector.errors import NeedsConsent, Permanent, Retry, WireError
from connector.http import Deadline
from connector.teams import entra
from tests.connector.tokens import claims, public, rsa_key, signed
from tests.servers import Reply, Server

TID, OID = "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c01", "8d2b7c11-0000-4c11-8a11-000000000001"


@pytest.fixture
def authority(server: Server, settings: Settings) -> Server:
    """A server that is configured as Entra and publishes one key for every tenant."""
    settings.ENTRA_AUTHORITY = server.url
    for tenant in ("organizations", TID):
        keys = [public(rsa_key(), kid="k1", use="sig", issuer=f"{server.url}/{{tenantid}}/v2.0")]
        server.answer(f"/{tenant}/discovery/v2.0/keys", Reply({"keys": keys}))
    return server


def id_token(server: Server, **changes: Any) -> str:
    """An id_token as Entra issues it, with changes."""
    said = {
        "aud": configured.ENTRA_CLIENT_ID,
        "iss": f"{server.url}/{TID}/v2.0",
        "tid": TID,
        "oid": OID,
        "nonce": "n-1",
        "name": "Ana Betz",
        "preferred_username": "ana@clinic.example",
    }
    return signed(rsa_key(), claims(**(said | changes)), kid="k1")


def verify(token: str, tenant: str = "organizations") -> entra.Identity:
    return entra.verify_id_token(token, tenant=tenant, nonce="n-1", deadline=Deadline.after(5))


@pytest.mark.parametrize("tenant", ["organizations", TID])
def test_the_identity_is_tenant_and_object_id(tenant: str, authority: Server) -> None:
    assert verify(id_token(authority, roles=["Connector.Administrator"], wids=["62E9"]), tenant) == entra.Identity(
        tid=TID,
        oid=OID,
        name="Ana Betz",
        upn="ana@clinic.example",
        roles=frozenset({"connector.administrator"}),
        wids=frozenset({"62e9"}),
    )


def test_claims_that_the_token_does_not_carry_are_unknown_and_not_empty(authority: Server) -> None:
    found = verify(id_token(authority, name=None, preferred_username=None))
    assert (found.roles, found.wids, found.name, found.upn) == (None, None, "", "")
    assert verify(id_token(authority, roles=[], wids=[])).roles == frozenset()


@pytest.mark.parametrize(
    ("changes", "tenant", "code"),
    [
        ({"iss": f"https://login.evil.example/{TID}/v2.0"}, "organizations", "id-token-issuer"),
        ({"iss": "{server}/{{tenantid}}/v2.0"}, "organizations", "id-token-issuer"),
        ({"tid": "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c02"}, "organizations", "id-token-issuer"),
        ({}, "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c02", "id-token-tenant"),
        ({"nonce": "n-2"}, "organizations", "id-token-nonce"),
        ({"nonce": None}, "organizations", "id-token-claims"),
        ({"oid": None}, "organizations", "id-token-claims"),
        ({"oid": "ana@clinic.example"}, "organizations", "id-token-claims"),
        ({"tid": "common"}, "organizations", "id-token-claims"),
        ({"aud": "another-app"}, "organizations", "id-token-audience"),
        ({"exp": 1}, "organizations", "id-token-time"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    changes: dict[str, Any], tenant: str, code: str, authority: Server
) -> None:
    if "iss" in changes:
        changes = {"iss": changes["iss"].format(server=authority.url)}
    authority.answer(f"/{tenant}/discovery/v2.0/keys", Reply({"keys": [public(rsa_key(), kid="k1")]}))
    with pytest.raises(Permanent, match=code):
        verify(id_token(authority, **changes), tenant)


def test_a_personal_account_is_told_apart(authority: Server) -> None:
    tid = entra.PERSONAL_ACCOUNTS
    with pytest.raises(Permanent, match="personal-account"):
        verify(id_token(authority, tid=tid, iss=f"{authority.url}/{tid}/v2.0"))


def test_an_id_token_of_another_key_is_refused(authority: Server) -> None:
    forged = signed(rsa_key(2), claims(aud=configured.ENTRA_CLIENT_ID, tid=TID, oid=OID, nonce="n-1"), kid="k1")
    with pytest.raises(Permanent, match="id-token-signature"):
        verify(forged)


@pytest.fixture
def tid() -> str:
    """A tenant that no other test has tokens of."""
    return str(uuid.uuid4())


def token_path(tid: str) -> str:
    return f"/{tid}/oauth2/v2.0/token"


def ask(tid: str) -> str:
    return entra.app_token(tid, deadline=Deadline.after(5))


def test_an_app_token_is_asked_for_with_the_client_secret(authority: Server, tid: str, settings: Settings) -> None:
    settings.GRAPH_URL = "https://graph.example"
    authority.answer(token_path(tid), Reply({"access_token": "opaque", "expires_in": 3599}))
    assert ask(tid) == "opaque"
    assert authority.asked(token_path(tid))[0].form == {
        "grant_type": "client_credentials",
        "client_id": configured.ENTRA_CLIENT_ID,
        "client_secret": configured.ENTRA_CLIENT_SECRET,
        "scope": "https://graph.example/.default",
    }


def test_an_app_token_is_kept_sealed_until_it_is_refused(authority: Server, tid: str) -> None:
    secret = f"eyJ0eXAi.{tid}.c2VjcmV0"
    authority.answer(
        token_path(tid), Reply({"access_token": secret, "expires_in": "3599"}), Reply({"access_token": "2"})
    )
    assert [ask(tid), ask(tid)] == [secret, secret]
    with Redis.from_url(configured.CACHE_URL) as store:
        texts = [store.get(key) for key in store.scan_iter(match="*token:*")]
    assert texts
    assert not any(secret.encode() in (text or b"") for text in texts)
    entra.forget_app_token(tid)
    assert ask(tid) == "2"


@pytest.mark.parametrize(
    ("description", "status", "kind", "code"),
    [
        ("AADSTS700016: Application was not found in the directory.", 400, NeedsConsent, "admin-consent"),
        ("AADSTS65001: The user or administrator has not consented.", 400, NeedsConsent, "admin-consent"),
        ("AADSTS90002: Tenant not found.", 400, NeedsConsent, "admin-consent"),
        ("AADSTS650052: The app needs access to a service.", 400, NeedsConsent, "admin-consent"),
        ("AADSTS7000215: Invalid client secret provided.", 401, Permanent, "entra-client-secret"),
        ("AADSTS7000222: The provided client secret keys are expired.", 401, Permanent, "entra-client-secret"),
        ("AADSTS53003: Access has been blocked by Conditional Access.", 400, Permanent, "entra-refused"),
        ("Not what Entra says. AADSTS65001", 400, Permanent, "entra-refused"),
        ("AADSTS90033: A transient error has occurred.", 503, Retry, "entra-unavailable"),
        ("AADSTS50196: loop detected", 429, Retry, "entra-unavailable"),
    ],
)
def test_a_refused_token_request_is_read_by_its_number(
    description: str, status: int, kind: type[WireError], code: str, authority: Server, tid: str
) -> None:
    body = {"error": "invalid_client", "error_description": description}
    authority.answer(token_path(tid), Reply(body, status, {"Retry-After": "7"}))
    with pytest.raises(kind) as caught:
        ask(tid)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert getattr(caught.value, "after", 7) == 7


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("<h1>Service unavailable</h1>", 500), Retry),
        (Reply("<h1>Sign in</h1>"), Retry),
        (Reply({"token_type": "Bearer"}), Retry),
        (Reply({"access_token": "x", "expires_in": "soon"}), Retry),
        (Reply("<h1>Bad request</h1>", 400), Permanent),
        (Reply({"error_description": ["AADSTS65001"]}, 400), Permanent),
    ],
    ids=["500", "login page", "no token", "no number", "400 as HTML", "strange description"],
)
def test_an_answer_that_is_not_entras_is_no_token(
    reply: Reply, kind: type[WireError], authority: Server, tid: str
) -> None:
    authority.answer(token_path(tid), reply)
    with pytest.raises(kind):
        ask(tid)


def test_a_failed_request_is_not_kept(authority: Server, tid: str) -> None:
    authority.answer(token_path(tid), Reply(status=503), Reply({"access_token": "opaque"}))
    with pytest.raises(Retry):
        ask(tid)
    assert ask(tid) == "opaque"


def test_admin_consent_is_asked_for_graph_and_comes_back_with_the_state(settings: Settings) -> None:
    settings.ENTRA_AUTHORITY, settings.GRAPH_URL = "https://login.example", "https://graph.example"
    assert entra.consent_url(TID, redirect_uri="https://connector.example/consent/callback/", state="s 1") == (
        f"https://login.example/{TID}/v2.0/adminconsent?client_id={configured.ENTRA_CLIENT_ID}"
        "&scope=https%3A%2F%2Fgraph.example%2F.default"
        "&redirect_uri=https%3A%2F%2Fconnector.example%2Fconsent%2Fcallback%2F&state=s+1"
    )


def test_a_key_of_another_issuer_signs_nobody_in(authority: Server) -> None:
    keys = [public(rsa_key(), kid="k1", use="sig", issuer=f"{authority.url}/8b24c7e9-51aa-4f0d-8c3e-2d7746f0aa02/v2.0")]
    authority.answer("/organizations/discovery/v2.0/keys", Reply({"keys": keys}))
    with pytest.raises(Permanent, match="id-token-issuer"):
        verify(id_token(authority))
