"""Boards that a launch has opened, and the visits on them."""

from datetime import timedelta
from typing import Any

from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection
from tests.visits import factories
from visits import browsers, facts, handles
from visits.models import Fact, Launch, Participant, Visit

CARDIOLOGY = "10501"


def open_board(of: Connection, **covers: str) -> str:
    """The address of a board that a launch has opened, in a browser without cookies."""
    row = Launch(connection=of, door="board", redeemed_at=timezone.now(), **covers)
    row.state_hash = browsers.hash_of(str(row.id))
    row.save(force_insert=True)
    return reverse("board", args=[handles.issue(row)])


def a_visit(of: Connection, session: str, department: str = CARDIOLOGY, **more: Any) -> Visit:
    made = factories.visit(of, session=session)
    Visit.objects.filter(pk=made.pk).update(department=department, **more)
    return made


def tell(visit: Visit, who: Participant, kind: Fact.Kind, minutes: float) -> None:
    """Somebody came to our page, so many minutes ago; or, a clinician, into the call."""
    source = facts.PAGE if kind in (Fact.Kind.WAITING, Fact.Kind.SENT) else "subscription:1"
    key, oid = (
        (str(who.id), "") if source == facts.PAGE else (f"roster {who.id}", str(who.user.oid if who.user else ""))
    )
    at = timezone.now() - timedelta(minutes=minutes)
    facts.record(
        visit, kind=kind, participant_key=key, at=at, source=source, event_id=f"{who.id} {kind} {minutes}", oid=oid
    )


def a_patient_waits(of: Connection, session: str, minutes: float, **more: Any) -> Visit:
    visit = a_visit(of, session, **more)
    tell(visit, factories.participant(visit), Fact.Kind.WAITING, minutes)
    return visit


def rows(client: Client, address: str) -> list[Tag]:
    shown = BeautifulSoup(client.get(address, headers={"HX-Request": "true"}).content, "html.parser")
    return shown.select("tbody tr")
