"""Announced downtime of an EHR: writebacks are held, nobody is alarmed, and all goes out when it is over."""

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector.models import Change, Connection, Downtime
from portal import history
from portal.actors import Actor
from portal.forms import ZoneField

LONGEST = timedelta(days=14)
WIDGET = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class DowntimeForm(forms.Form):
    """When the EHR is down. Times are in `zone`: UTC, or the reader's own where his browser says which that is."""

    begins = forms.DateTimeField(label=gettext_lazy("From"), widget=WIDGET)
    ends = forms.DateTimeField(label=gettext_lazy("Until"), widget=WIDGET)
    zone = ZoneField(help_text=gettext_lazy("The zone of the two times, such as UTC or America/Chicago."))
    reason = forms.CharField(label=gettext_lazy("What for"), max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if {"begins", "ends", "zone"} <= typed.keys():
            for name in ("begins", "ends"):
                typed[name] = typed[name].replace(tzinfo=ZoneInfo(typed["zone"]))
            self._judge(typed)
        return typed

    def _judge(self, typed: dict[str, Any]) -> None:
        if typed["ends"] <= typed["begins"]:
            self.add_error("ends", _("The end is not after the beginning."))
        elif typed["ends"] <= timezone.now():
            self.add_error("ends", _("This is over already."))
        elif typed["ends"] - typed["begins"] > LONGEST:
            self.add_error("ends", _("This is longer than 14 days. Announce it in parts."))


def announce(connection: Connection, typed: dict[str, Any], actor: Actor) -> None:
    """Keep a downtime of a DowntimeForm; the same one twice is one."""
    with transaction.atomic():
        _row, new = Downtime.objects.get_or_create(
            connection=connection,
            begins_at=typed["begins"],
            ends_at=typed["ends"],
            defaults={"reason": typed["reason"], "announced_by": actor.user, "announced_by_name": actor.name},
        )
        if new:
            times = {name: typed[name].astimezone(UTC).isoformat() for name in ("begins", "ends")}
            history.record(connection.organization, Change.Kind.DOWNTIME, actor=actor, connection=connection, **times)


def end(connection: Connection, number: int, actor: Actor) -> None:
    """End a downtime now, or take back one that has not begun."""
    now = timezone.now()
    rows = connection.downtimes.filter(pk=number, ends_at__gt=now)
    with transaction.atomic():
        if rows.filter(begins_at__lt=now).update(ends_at=now) or rows.delete()[0]:
            history.record(
                connection.organization, Change.Kind.DOWNTIME, actor=actor, connection=connection, ended=True
            )
