"""Junk that other systems answer: the EHR and Microsoft, through a whole flow or to one call of ours."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.conf import settings
from django.urls import reverse
from hypothesis.strategies import DataObject

from connector import jwks
from connector.ehr import backend, discovery, fhir, smart
from connector.ehr.preflight import Subject, run
from connector.errors import WireError
from connector.http import Deadline
from connector.teams import attendance, entra, graph, meetings
from tests.connector.tokens import claims, public, rsa_key, signed
from tests.fuzz import junk
from tests.fuzz.edges import Case, ask, outcome
from tests.fuzz.judge import Act, Outcome
from tests.fuzz.world import MEETING, World, link_clinician
from tests.servers import Reply
from tests.visits import pressing
from tests.visits.pressing import CLINICIAN, CONTEXT, ISSUER
from tests.visits.test_writeback.ehr import TOKEN
from visits import facts, reconcile
from visits.models import Fact, Visit

CONFIGURATION, METADATA = "{base}/.well-known/smart-configuration", "{base}/metadata"
GRAPH_USER = "/v1.0/users/{oid}"
GRAPH_MEETING = f"{GRAPH_USER}/onlineMeetings/{MEETING}"
JWKS = "/keys-of-somebody"
ROLES = "transitiveMemberOf/microsoft.graph.directoryRole"
LINK = {"value": "https://teams.example/v/1"}
ORGANIZATION = {"value": [{"displayName": "Riverside", "countryLetterCode": "US"}]}
HELD = {"value": [{"roleTemplateId": "62e90394-69f5-4237-9190-012177145e10"}]}
SECONDS = 5.0
WHEN = "2026-08-01T10:00:00Z"
Call = Callable[[World, Deadline], object]

SMART = {
    "authorization_endpoint": "https://ehr.example/authorize",
    "token_endpoint": "https://ehr.example/token",
    "issuer": "https://ehr.example/oauth2",
    "jwks_uri": "https://ehr.example/keys",
    "capabilities": ["launch-ehr", "permission-v1", "sso-openid-connect"],
    "code_challenge_methods_supported": ["S256"],
    "scopes_supported": ["launch", "openid"],
}
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "Epic", "version": "May 2026"},
    "rest": [
        {
            "mode": "server",
            "security": {
                "extension": [
                    {
                        "url": discovery.OAUTH_URIS,
                        "extension": [
                            {"url": "authorize", "valueUri": "https://ehr.example/authorize"},
                            {"url": "token", "valueUri": "https://ehr.example/token"},
                        ],
                    }
                ]
            },
            "resource": [{"type": "Appointment", "interaction": [{"code": "read"}]}],
        }
    ],
}
PERSON = {
    "resourceType": "Practitioner",
    "id": "e1",
    "name": [{"text": "Dr. C", "given": ["C"], "family": "M"}],
    "identifier": [{"value": "1", "assigner": {"display": "Riverside", "reference": "Organization/o1"}}],
}
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "booked",
    "start": WHEN,
    "end": "2026-08-01T10:30:00Z",
    "participant": [{"actor": {"reference": "Practitioner/e1"}, "status": "accepted"}],
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "n1",
    "status": "planned",
    "period": {"start": WHEN, "end": "2026-08-01T10:30:00Z"},
    "participant": [{"individual": {"reference": "Practitioner/e1"}}],
}
GRANTED = {
    "access_token": "granted",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "launch openid fhirUser user/Appointment.read user/Practitioner.read",
    "patient": "p1",
    "appointment": "a1",
    "departmentId": "D1",
    "initials": "PS",
    "fhirContext": [{"reference": "Appointment/a1"}],
} | CONTEXT
REPORTS = {"value": [{"id": "r-1", "meetingStartDateTime": WHEN, "meetingEndDateTime": "2026-08-01T10:30:00Z"}]}
REPORT = {
    "id": "r-1",
    "meetingStartDateTime": WHEN,
    "meetingEndDateTime": "2026-08-01T10:30:00Z",
    "attendanceRecords": [
        {
            "identity": {"id": "u1", "displayName": "C", "tenantId": "t1"},
            "attendanceIntervals": [{"joinDateTime": WHEN, "leaveDateTime": "2026-08-01T10:20:00Z"}],
        }
    ],
}
SKUS = {
    "value": [
        {
            "skuId": "s1",
            "skuPartNumber": "E3",
            "capabilityStatus": "Enabled",
            "prepaidUnits": {"enabled": 25},
            "consumedUnits": 7,
            "servicePlans": [{"servicePlanName": "TEAMS1"}],
        }
    ]
}
USER = {"id": "u1", "displayName": "Ada", "userPrincipalName": "a@r.example", "mail": "a@r.example", "jobTitle": "MD"}
MADE = {"id": MEETING, "joinWebUrl": "https://teams.example/meet/1"}
SUBSCRIBED = {"id": "s-1", "expirationDateTime": "2026-08-02T10:00:00Z"}
TOKENS = {"access_token": "app", "token_type": "Bearer", "expires_in": 3600, "error_description": "AADSTS700016: no"}


def asking(path: str, valid: Any, call: Call) -> Case:
    """One call of ours, whose answer at a path is broken. It returns something or raises a WireError."""

    def case(world: World, data: DataObject) -> Act:
        reply = data.draw(junk.replies(valid))

        def act() -> Outcome:
            world.ehr.server.choose(_where(world, path), lambda _asked: reply)
            try:
                call(world, Deadline.after(SECONDS))
            except WireError as error:
                return Outcome(False, shown=f"{error} {error.code} {error.reason}")
            return Outcome(True)

        return act

    return case


def _where(world: World, path: str) -> str:
    base = urlsplit(world.connection.base_url).path
    return path.format(base=base, tid=world.tid, oid=world.user.oid)


def flow(path: str, valid: Any, who: str, door: str = "") -> Case:
    """A launch in which the EHR's answer at a path is broken."""

    def case(world: World, data: DataObject) -> Act:
        reply = data.draw(junk.replies(valid))

        def act() -> Outcome:
            browser = world.browser()
            asked = pressing.press(world.ehr, browser, who, door)
            world.ehr.server.choose(_where(world, path), lambda _asked: reply)
            return _back(world, browser, who, door, asked, GRANTED)

        return act

    return case


def granted(who: str, door: str = "") -> Case:
    """A launch in which the token response is broken, beside an id_token that holds."""

    def case(world: World, data: DataObject) -> Act:
        reply = data.draw(junk.replies(GRANTED | {"id_token": "@"}))

        def act() -> Outcome:
            browser = world.browser()
            asked = pressing.press(world.ehr, browser, who, door)
            token = _id_token(world, asked, who).encode()
            world.ehr.server.answer(
                TOKEN, Reply(bytes(reply.content()).replace(b"@", token), reply.status, reply.headers)
            )
            address = reverse("launch_callback", args=[world.connection.ref, door or pressing.DOORS[who]])
            return outcome(ask(browser, "GET", f"{address}?code=c&state={asked['state']}"))

        return act

    return case


def claimed(who: str) -> Case:
    """A launch with an id_token of the EHR's own key that says something broken."""

    def case(world: World, data: DataObject) -> Act:
        valid = claims(iss="@issuer", aud="@client", nonce="@nonce", fhirUser=who, profile=who)
        said, head = data.draw(junk.documents(valid)), data.draw(junk.documents({"kid": "r1", "typ": "JWT"}))

        def act() -> Outcome:
            browser = world.browser()
            asked = pressing.press(world.ehr, browser, who)
            ours = {"@issuer": world.ehr.server.url + ISSUER, "@client": asked["client_id"], "@nonce": asked["nonce"]}
            token = _signed(_filled(said, ours), head)
            world.ehr.server.answer(TOKEN, Reply(GRANTED | {"id_token": token}))
            address = reverse("launch_callback", args=[world.connection.ref, pressing.DOORS[who]])
            return outcome(ask(browser, "GET", f"{address}?code=c&state={asked['state']}"))

        return act

    return case


def _filled(said: Any, ours: dict[str, str]) -> Any:
    if isinstance(said, dict):
        return {name: ours.get(value, value) if isinstance(value, str) else value for name, value in said.items()}
    return said


def _signed(said: Any, head: Any) -> str:
    """A token over any payload, and under any header, even such as no library would make."""
    parts = [_octets(({"alg": "RS256"} | head) if isinstance(head, dict) else head), _octets(said)]
    signature = rsa_key().get_op_key("sign").sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
    return ".".join([*parts, _base64(signature)])


def _octets(document: Any) -> str:
    return _base64(json.dumps(document).encode())


def _base64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _id_token(world: World, asked: dict[str, str], who: str) -> str:
    said = claims(iss=world.ehr.server.url + ISSUER, aud=asked["client_id"], nonce=asked["nonce"], fhirUser=who)
    return signed(rsa_key(), said, kid="r1")


def _back(world: World, browser: Any, who: str, door: str, asked: dict[str, str], context: dict[str, Any]) -> Outcome:
    return outcome(pressing.come_back(world.ehr, browser, who, asked, door, **context))


def microsoft(start: Callable[[World], str], broken: str) -> Case:
    """A Microsoft sign-in whose token answer, keys, or id_token is broken."""

    def case(world: World, data: DataObject) -> Act:
        now = int(time.time())
        valid = {
            "iss": f"{world.ehr.server.url}/{world.tid}/v2.0",
            "aud": settings.ENTRA_CLIENT_ID,
            "tid": world.tid,
            "oid": str(world.user.oid),
            "nonce": "@nonce",
            "sub": "s",
            "iat": now,
            "exp": now + 300,
            "name": "Ada",
            "preferred_username": "ada@riverside.example",
            "roles": [settings.ENTRA_ADMINISTRATOR_APP_ROLE],
            "wids": [],
        }
        said = data.draw(junk.documents(valid)) if broken == "id_token" else valid
        reply = (
            data.draw(junk.replies(TOKENS | {"id_token": "@"}))
            if broken == "answer"
            else Reply(TOKENS | {"id_token": "@"})
        )
        keys = data.draw(junk.replies({"keys": [public(rsa_key(), kid="r1", use="sig")]})) if broken == "keys" else None

        def act() -> Outcome:
            browser, server = world.browser(), world.ehr.server
            asked = parse_qs(urlsplit(browser.get(start(world))["Location"]).query)
            token = _signed(_filled(said, {"@nonce": asked["nonce"][0]}), {"kid": "r1"}).encode()
            told = Reply(
                reply.content().replace(b"@", token), reply.status, {"Content-Type": "application/json"} | reply.headers
            )
            app = Reply({"access_token": "app", "expires_in": 3600})
            path = "/organizations/oauth2/v2.0/token"
            server.choose(path, lambda request: told if request.form.get("code") else app)
            if keys:
                server.choose("/organizations/discovery/v2.0/keys", lambda _asked: keys)
            return outcome(ask(browser, "GET", f"{reverse('microsoft_callback')}?code=c&state={asked['state'][0]}"))

        return act

    return case


def approver(path: str, valid: Any) -> Case:
    """An approver's sign-in at the EHR, where the answer at a path is broken; `@` is an id_token that holds."""

    def case(world: World, data: DataObject) -> Act:
        reply = data.draw(junk.replies(valid))

        def act() -> Outcome:
            browser, server = world.browser("staff"), world.ehr.server
            started = browser.get(reverse("ehr_signin", args=[world.connection.ref]))
            asked = {name: one for name, [one] in parse_qs(urlsplit(started["Location"]).query).items()}
            token = _id_token(world, asked, CLINICIAN)
            server.answer(TOKEN, Reply(GRANTED | {"id_token": token}))
            server.answer(_where(world, "{base}/Practitioner/e1"), Reply(PERSON))
            body = reply.content().replace(b"@", token.encode())
            server.choose(_where(world, path), lambda _asked: Reply(body, reply.status, reply.headers))
            return outcome(ask(browser, "GET", f"{reverse('ehr_signin_callback')}?code=c&state={asked['state']}"))

        return act

    return case


def opened(path: str, valid: Any) -> Case:
    """A clinician's way into a new meeting, where Graph's answer at a path is broken."""

    def case(world: World, data: DataObject) -> Act:
        reply = data.draw(junk.replies(valid))

        def act() -> Outcome:
            link_clinician(world)
            browser = world.browser()
            asked = pressing.press(world.ehr, browser, CLINICIAN)
            arrived = pressing.come_back(world.ehr, browser, CLINICIAN, asked, sessionId="another")
            world.ehr.server.choose(_where(world, path), lambda _asked: reply)
            begun = world.rows()
            return replace(outcome(browser.get(arrived["Location"])), before=begun)

        return act

    return case


def reconciled(world: World, data: DataObject) -> Act:
    """An attendance report that is broken, read into the facts of a visit. Facts come from what it tells."""
    reply = data.draw(junk.replies(REPORT))

    def act() -> Outcome:
        world.ehr.server.answer(_where(world, f"{GRAPH_MEETING}/attendanceReports"), Reply(REPORTS))
        world.ehr.server.choose(_where(world, f"{GRAPH_MEETING}/attendanceReports/r-1"), lambda _asked: reply)
        visit = Visit.objects.filter(test=False, organizer__isnull=False).latest("created_at")
        reconcile.look_into(visit, world.user, MEETING)
        return Outcome(Fact.objects.filter(visit=visit, source__startswith=facts.REPORT).exists())

    return act


def keys_of_the_ehr() -> dict[str, Any]:
    return {"keys": [public(rsa_key(), kid="r1", use="sig", alg="RS256")]}


def discovered(world: World, deadline: Deadline) -> object:
    return discovery.endpoints(world.connection.base_url, deadline=deadline).hosts()


def described(world: World, deadline: Deadline) -> object:
    return discovery.epic_release(discovery.describe(world.connection.base_url, deadline=deadline))


def stated(world: World, deadline: Deadline) -> object:
    base = world.connection.base_url
    return discovery.stated(base, discovery.read_metadata(base, deadline=deadline))


def checked(world: World, deadline: Deadline) -> object:
    return run(Subject(world.connection.base_url, "testing"), deadline=deadline)


def named(world: World, deadline: Deadline) -> object:
    person = fhir.read(world.connection.base_url, "Practitioner/e1", token="t", deadline=deadline)
    return (fhir.human_name(person) + fhir.assigner(person)).encode()


def planned(path: str) -> Call:
    def call(world: World, deadline: Deadline) -> object:
        resource = fhir.read(world.connection.base_url, path, token="t", deadline=deadline)
        return [one.encode() for one in fhir.plan_of(resource).clinicians]

    return call


def backend_token(world: World, deadline: Deadline) -> object:
    client = smart.Client("backend-1", secret="s")
    return backend.token(world.ehr.server.url + TOKEN, client, "system/*.read", deadline=deadline)


def app_token(world: World, deadline: Deadline) -> object:
    return entra.app_token(world.tid, deadline=deadline)


def verified(world: World, deadline: Deadline) -> object:
    return jwks.verified_claims(
        signed(rsa_key(), claims(aud="a"), kid="r1"),
        jwks_uri=world.ehr.server.url + JWKS,
        algorithms=["RS256"],
        audience="a",
        required=["sub"],
        deadline=deadline,
        leeway=0,
        keys_name_issuer=True,
    )


def made(world: World, deadline: Deadline) -> object:
    meeting = meetings.create_or_get(
        world.tid, str(world.user.oid), external_id="x", subject="Video visit", deadline=deadline
    )
    return (meeting.id + meeting.join_url).encode()


def options(world: World, deadline: Deadline) -> object:
    meetings.set_options(world.tid, str(world.user.oid), MEETING, lobby="organization", deadline=deadline)
    return meetings.exists(world.tid, str(world.user.oid), MEETING, deadline=deadline)


def subscribed(world: World, deadline: Deadline) -> object:
    kept, _ends = meetings.subscribe(
        world.tid,
        join_url="https://teams.example/1",
        client_state="c",
        certificate="x",
        certificate_id="k",
        deadline=deadline,
    )
    return kept.encode()


def visitor(world: World, deadline: Deadline) -> object:
    return meetings.visitor_url(world.tid, str(world.user.oid), MEETING, deadline=deadline).encode()


def reports(world: World, deadline: Deadline) -> object:
    return attendance.reports(world.tid, str(world.user.oid), MEETING, deadline=deadline)


def person(world: World, deadline: Deadline) -> object:
    found = graph.read_person(world.tid, str(world.user.oid), deadline=deadline)
    return found and (found.name + found.upn + found.mail + found.oid).encode()


def search(world: World, deadline: Deadline) -> object:
    return graph.search_people(world.tid, "ada", deadline=deadline)


def organization(world: World, deadline: Deadline) -> object:
    return graph.organization_name(world.tid, deadline=deadline).encode()


def products(world: World, deadline: Deadline) -> object:
    return graph.subscribed_skus(world.tid, deadline=deadline)


def roles(world: World, deadline: Deadline) -> object:
    return graph.directory_roles(world.tid, str(world.user.oid), deadline=deadline)
