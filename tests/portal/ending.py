"""An organization with something of everything that may be kept of it, and a scripted Graph that has its part."""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.utils import timezone

from connector import keys, mail, trail
from connector.models import Change, Check, Closing, Connection, Key, Organization, Preflight, Proof, Reader, User
from portal import history
from portal.actors import Actor
from tests.portal.deciding import Directory, browser_of
from tests.servers import Reply
from tests.visits import factories
from visits.models import Browser, EhrUserLink, Launch, Report, Visit, Writeback

MEETING, GRAPH_ID = "meeting-1", "subscription-1"


def whole(organization: Organization, ada: User) -> Visit:
    """One ended visit with all its rows, and rows of every other kind, of connections that are suspended."""
    connection = factories.connection(organization, mail="ehr-team@riverside.example")
    Connection.objects.filter(pk=connection.pk).update(suspended=True)
    visit = factories.visit(connection)
    carla = factories.user(organization.tid)
    clinician, patient = factories.participant(visit, "provider", linked=carla), factories.participant(visit)
    visit.organizer, visit.opened_at, visit.ended_at = carla, timezone.now(), timezone.now()
    visit.seal("meeting_id", MEETING)
    visit.save()
    factories.subscription(visit, graph_id=GRAPH_ID)
    Launch.objects.create(connection=connection, door="patient", state_hash="s", participant=patient)
    Launch.objects.create(connection=connection, door="provider", state_hash="t", participant=clinician)
    EhrUserLink.objects.create(connection=connection, ehr_user_hash="h", hash_kid="k", user=carla)
    Browser.objects.create(id_hash="b", user=carla)
    entry = trail.record(organization, "meeting-opened", visit=visit.pk)
    for told in ({"participant": patient}, {"entry": entry}):
        Writeback.objects.create(
            target=connection.targets.get(),
            organization=organization,
            visit=visit,
            sequence=1,
            lane=0,
            presence="disconnected",
            happened_at=timezone.now(),
            state=Writeback.State.DELIVERED,
            **told,
        )
    moment = {"at": timezone.now(), "began_at": timezone.now()}
    Report.objects.create(
        organization=organization, connection=connection, visit=visit.pk, generation=1, outcome="took-place", **moment
    )
    _upkeep(organization, connection, ada)
    return visit


def _upkeep(organization: Organization, connection: Connection, ada: User) -> None:
    history.record(organization, Change.Kind.CONSENT, actor=Actor(ada, "Ada Lindqvist"))
    history.record(organization, Change.Kind.DETAILS, actor=Actor(ada, "Ada Lindqvist"), connection=connection)
    Check.objects.create(organization=organization, name="consent")
    Proof.objects.create(organization=organization, organizer_oid=ada.oid, started_by=ada)
    Preflight.objects.create(connection=connection, trigger="done", report={})
    Reader.objects.create(organization=organization, oid=ada.oid, name="Ben Okafor", upn="ben@riverside.example")
    keys.store(organization, Key.Purpose.SECRET, b"a client secret")
    mail.tell(organization, connection, "edited", ["ehr-team@riverside.example"], by="Ben", path="/")
    browser_of(ada).get("/keys/")


def due(closing: Closing) -> None:
    """Let the days of an end be over."""
    Closing.objects.filter(pk=closing.pk).update(due_at=timezone.now() - timedelta(minutes=1))


def at_once() -> None:
    """Let whatever was put off be due again."""
    Closing.objects.update(next_at=timezone.now())


class Microsoft:
    """What Graph has of the visit."""

    def __init__(self, directory: Directory, visit: Visit) -> None:
        self.server = directory.server
        assert visit.organizer
        self.meeting = f"/v1.0/users/{visit.organizer.oid}/onlineMeetings/{MEETING}"
        self.subscription = f"/beta/subscriptions/{GRAPH_ID}"

    def says(self, status: int) -> None:
        for path in (self.meeting, self.subscription):
            self.server.answer(path, Reply(b"", status))

    def deleted(self) -> list[str]:
        return [one.path for one in self.server.requests if one.method == "DELETE"]


def left_of(organization: Organization) -> dict[str, int]:
    """How many rows there are of each model, of whomever; but for the ends themselves, and what Django keeps of its
    own."""
    labels = ("connector", "visits", "socialaccount", "sessions")
    models: list[Any] = [model for model in apps.get_models() if model._meta.app_label in labels]
    counts = {model._meta.label: model._default_manager.count() for model in models}
    return {label: count for label, count in counts.items() if count and label != "connector.Closing"}
