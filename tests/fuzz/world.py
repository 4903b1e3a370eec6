"""What is broken into: a hospital with rows of every kind in PostgreSQL, and one local server that is its EHR, its
Entra and its Graph, so that every answer passes connector.http."""

import io
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection as database
from django.db import transaction
from django.test import Client, override_settings
from django.test.client import ClientHandler
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from connector.models import Connection, Downtime, EhrSignIn, Organization, Reader, User
from portal import forward
from tests.connector.tokens import claims, public, rsa_key, signed
from tests.fuzz import forms
from tests.fuzz.forms import Form
from tests.portal.deciding import PROOF, browser_of, waiting
from tests.publisher import Publisher
from tests.rules.test_routes import ROUTES
from tests.servers import Reply
from tests.visits import factories, pressing
from tests.visits.pressing import CLINICIAN, PATIENT
from tests.visits.test_writeback.ehr import Ehr, running
from visits import arrival, devices, handover, tickets
from visits import services as visits
from visits.models import EhrUserLink, Launch, Participant, Target, Visit, Writeback

CONTENT_FREE = ("django_migrations", "django_content_type", "auth_permission")
MEETING, NEWCOMER = "meeting-1", "Practitioner/e2"
# Lead away from us, or end the session: not walked.
LEAVE = {"signout", "signin_start", "signin_start_tenant", "consent_start", "consent_start_tenant", "ehr_signin"}
ARGUMENTS = {"name": "consent", "slug": "client-records", "side": "patient", "environment": "testing"}


@dataclass
class World:
    """Everything that junk may be aimed at."""

    ehr: Ehr
    user: User
    log: io.StringIO
    publisher: Publisher
    tables: list[str] = field(default_factory=list)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    handler: ClientHandler = field(default_factory=lambda: ClientHandler(enforce_csrf_checks=False))

    @property
    def connection(self) -> Connection:
        return self.ehr.connection

    @property
    def organization(self) -> Organization:
        return self.connection.organization

    @property
    def tid(self) -> str:
        return str(self.organization.tid)

    def rows(self) -> dict[str, int]:
        """How many rows each table holds."""
        counts = sql.SQL(", ").join(
            sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(one)) for one in self.tables
        )
        with database.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT {}").format(counts))
            return dict(zip(self.tables, cursor.fetchone(), strict=True))

    def browser(self, who: str = "nobody") -> Client:
        """A browser of `nobody`, of the administrator (`staff`), or of who launched (`clinician`, `patient`)."""
        client = Client(raise_request_exception=False)
        client.handler = self.handler  # one for all: a new one reads every static file again
        for name, value in self.cookies.get(who, {}).items():
            client.cookies[name] = value
        return client

    def said(self) -> str:
        """What was logged since this was asked last."""
        text = self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        return text

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever the block does to rows, cache and server is undone: each example meets the same world."""
        cache.clear()
        scripted = dict(self.ehr.server._replies)
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
        self.ehr.server._replies, self.ehr.server._chosen = scripted, {}
        self.ehr.server.requests.clear()


@contextmanager
def built() -> Iterator[World]:
    """The world, for as long as the block runs; its rows go with the transaction around it."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.root.handlers[0].formatter)
    with running() as ehr, override_settings(**_settings(ehr)):
        _speak(ehr)
        world = World(ehr, _staff(ehr), log, Publisher(ehr.server))
        _fill(world)
        logging.root.addHandler(handler)
        try:
            yield world
        finally:
            logging.root.removeHandler(handler)


def _settings(ehr: Ehr) -> dict[str, Any]:
    return {
        "OUTGOING_ALLOWED_HOSTS": frozenset({ehr.server.host}),
        "ENTRA_AUTHORITY": ehr.server.url,
        "GRAPH_URL": ehr.server.url,
        "ENTRA_ALLOWED_TENANTS": frozenset({str(ehr.connection.organization.tid)}),
        "TEAMS_HOSTS": frozenset({"teams.example"}),
        "HELP_LINE": "+1 555 0199",
        "RATE_LIMITS": dict.fromkeys(settings.RATE_LIMITS, 0),  # junk comes faster than anybody presses
    }


def _speak(ehr: Ehr) -> None:
    """Let the server answer as a good EHR, Entra and Graph do."""
    server, tid = ehr.server, ehr.connection.organization.tid
    pressing.describe(ehr)
    key = public(rsa_key(), kid="r1", use="sig")
    server.answer(pressing.KEYS, Reply({"keys": [key]}))
    for tenant in (str(tid), "organizations"):
        server.answer(f"/{tenant}/discovery/v2.0/keys", Reply({"keys": [key]}))
        server.answer(f"/{tenant}/oauth2/v2.0/token", Reply({"access_token": "app", "expires_in": 3600}))


def _staff(ehr: Ehr) -> User:
    """The administrator of the organization, who is its approver too and has signed in to the EHR."""
    made = factories.administrator(ehr.connection.organization)
    factories.approve(ehr.connection, **pressing.CLIENTS, launch_kind="context")
    return made


def _fill(world: World) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        world.tables = [name for (name,) in cursor.fetchall() if name not in CONTENT_FREE]
    world.cookies["staff"] = _kept(browser_of(world.user))
    waiting(world.connection, world.user)
    _open_graph(world)
    patient = _arrived(world, "patient", PATIENT)
    clinician = _arrived(world, "clinician", CLINICIAN)
    board = _arrived(world, "board", CLINICIAN, "board", departmentId="D1")
    world.paths |= {"visit": patient, "clinician": clinician, "board": board}
    world.paths |= _tickets(world)
    _leave(world)
    shown = [*_newcomer(world), *_found(world), *forms.on_pages(_pages(world), world.browser)]
    unseen = [Form(name, "POST", named_path(world, name), sent, "staff") for name, sent in forms.UNSEEN.items()]
    world.forms = forms.once([*shown, *unseen])


def _open_graph(world: World) -> None:
    """A Graph that makes a meeting and subscribes to it, for the clinician who is linked."""
    server, oid = world.ehr.server, str(world.user.oid)
    meeting = {"id": MEETING, "joinWebUrl": "https://teams.example/meet/1"}
    person = {"id": oid, "displayName": "Ada Lindqvist", "userPrincipalName": "ada@riverside.example"}
    told: dict[str, Any] = {
        "v1.0/organization": {"value": [{"displayName": "Riverside", "countryLetterCode": "US"}]},
        "v1.0/users": {"value": [person]},
        f"v1.0/users/{oid}": person,
        f"v1.0/users/{oid}/onlineMeetings/createOrGet": meeting,
        f"v1.0/users/{oid}/onlineMeetings/{MEETING}": meeting,
        f"v1.0/users/{oid}/onlineMeetings/{MEETING}/getVirtualAppointmentJoinWebUrl": {
            "value": "https://teams.example/v/1"
        },
        f"v1.0/users/{oid}/licenseDetails/getTeamsLicensingDetails": {"hasTeamsLicense": True},
        "v1.0/subscribedSkus": {"value": []},
        "beta/subscriptions": {"id": "s-1", "expirationDateTime": "2099-01-01T00:00:00Z"},
    }
    for path, body in told.items():
        server.answer(f"/{path}", Reply(body))


def link_clinician(world: World) -> None:
    """Let the clinician of the EHR be our user in Microsoft 365."""
    hashed, kid = arrival.hash_of_user(world.connection, CLINICIAN)
    EhrUserLink.objects.get_or_create(
        connection=world.connection, ehr_user_hash=hashed, defaults={"hash_kid": kid, "user": world.user}
    )


def _arrived(world: World, name: str, who: str, door: str = "", **context: str) -> str:
    """Somebody launches in a browser of his own; the path of the page he comes to."""
    if who == CLINICIAN:
        link_clinician(world)
    client = world.browser()
    answer = pressing.arrive(world.ehr, client, who, door, **context)
    world.cookies[name] = _kept(client)
    if door != "board":
        client.get(answer["Location"])  # a clinician's way into the meeting opens it
    handle = urlsplit(answer["Location"]).path.split("/")[2]
    return reverse("board" if door == "board" else "visit", args=[handle])


def _kept(client: Client) -> dict[str, str]:
    return {name: morsel.value for name, morsel in client.cookies.items()}


def _tickets(world: World) -> dict[str, str]:
    """One address of each kind that gives its holder something."""
    launch = Launch.objects.filter(participant__role=Participant.Role.PATIENT).earliest("created_at")
    sides = {side: visits.Ids(" 1", "CSN") for side in ("provider", "patient")}
    visits.begin_test(world.connection, world.user, "770011", sides)
    token = devices.token_for(world.connection)
    return {
        "handover": urlsplit(handover.link_to(launch.pk)).path,
        "beside": tickets.way_out(launch.pk),
        "device_test": reverse("device_test", args=[token]),
        "device_sample": reverse("device_sample", args=[token]),
        "forward": urlsplit(forward.link(world.organization, "consent")).path,
        "jwks": reverse("jwks", args=["testing"]),
    }


def named_path(world: World, route: str) -> str:
    """The address of a route with everything in it that is there."""
    trial = Visit.objects.filter(test=True).latest("created_at")
    known = ARGUMENTS | {
        "ref": world.connection.ref,
        "tid": world.tid,
        "door": "provider",
        "visit": str(trial.pk),
        "number": str(Target.objects.get_or_create(connection=world.connection)[0].pk),
        "handle": world.paths["clinician"].split("/")[2],
    }
    wanted = ROUTES[route].pattern.converters
    return reverse(route, kwargs={name: known.get(name, "x") for name in wanted})


def _pages(world: World) -> dict[str, str]:
    """Every address, and who looks at it."""
    pages = {named_path(world, route): "staff" for route in ROUTES if route not in LEAVE}
    pages |= {world.paths["clinician"]: "clinician", world.paths["board"]: "board", world.paths["visit"]: "patient"}
    return pages | {world.paths[name]: "patient" for name in ("handover", "forward", "beside")}


def _leave(world: World) -> None:
    """What pages offer to act on: a sign-in of today's, a reader, a downtime, a target that is off and what it was not
    told."""
    connection, user, now = world.connection, world.user, timezone.now()
    assert connection.live
    EhrSignIn.objects.create(revision=connection.live, user=user, proof=PROOF)
    Reader.objects.create(organization=world.organization, oid=uuid.uuid4(), name="Nora", upn="nora@riverside.example")
    hours = {"begins_at": now + timedelta(hours=1), "ends_at": now + timedelta(hours=2)}
    Downtime.objects.create(connection=connection, announced_by=user, announced_by_name="Ada", **hours)
    target, _new = Target.objects.get_or_create(connection=connection)
    Target.objects.filter(pk=target.pk).update(off_under=connection.live, off_code="status-unsupported", off_since=now)
    patient = Participant.objects.filter(role=Participant.Role.PATIENT).earliest("pk")
    told = {"organization": world.organization, "sequence": 99, "lane": 0, "presence": "waiting", "happened_at": now}
    Writeback.objects.create(
        target=target, visit=patient.visit, participant=patient, state=Writeback.State.DEAD, **told
    )


def _found(world: World) -> list[Form]:
    """An administrator has looked for somebody who is linked."""
    address = reverse("people")
    return list(forms.on_page(address, "staff", world.browser("staff").post(address, {"person": "ada"}).content))


def _newcomer(world: World) -> list[Form]:
    """A clinician who comes for the first time has signed in with Microsoft, and is asked to confirm it."""
    browser, server = world.browser(), world.ehr.server
    arrived = pressing.arrive(world.ehr, browser, NEWCOMER, "provider")
    asked = {name: value for name, [value] in parse_qs(urlsplit(arrived["Location"]).query).items()}
    said = claims(iss=f"{server.url}/{world.tid}/v2.0", aud=settings.ENTRA_CLIENT_ID, nonce=asked["nonce"])
    token = signed(rsa_key(), said | {"tid": world.tid, "oid": str(world.user.oid), "name": "Ada"}, kid="r1")
    told, app = Reply({"access_token": "a", "id_token": token}), Reply({"access_token": "app", "expires_in": 3600})
    server.choose(f"/{world.tid}/oauth2/v2.0/token", lambda request: told if request.form.get("code") else app)
    address = reverse("microsoft_callback")
    page = browser.get(address, {"code": "c", "state": asked["state"]})
    world.cookies["newcomer"] = _kept(browser)
    return list(forms.on_page(address, "newcomer", page.content))
