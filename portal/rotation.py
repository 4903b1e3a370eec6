"""The deployment's keys as people rotate them: who may, what the history keeps, who is told. The keys belong to the
deployment and not to an organization; what happens to them is kept in the history of each that uses them."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from connector import keys, mail
from connector.each import each
from connector.models import Change, Environment, Key, Organization
from portal import history
from portal.actors import Actor
from visits import services as visits

log = logging.getLogger(__name__)

SIGNING, NOTIFICATION, AUDIT = Key.Purpose.SIGNING, Key.Purpose.NOTIFICATION, Key.Purpose.AUDIT
# Each key pair of the deployment: (purpose, environment).
PAIRS: tuple[tuple[Key.Purpose, str], ...] = (
    (SIGNING, Environment.TESTING.value),
    (SIGNING, Environment.PRODUCTION.value),
    (NOTIFICATION, ""),
    (AUDIT, ""),
)


def may_rotate(organization: Organization) -> bool:
    """Whether this organization is the only one that the operator lets in: a rotation that concerns others too is the
    operator's (`manage.py keys`)."""
    return frozenset({str(organization.tid)}) == settings.ENTRA_ALLOWED_TENANTS


@transaction.atomic
def rotate(
    purpose: Key.Purpose, environment: str, *, actor: Actor | None = None, at_once: bool = False, instead_of: str = ""
) -> Key | None:
    """Make the key that follows, or with `at_once` replace every signing key now; keep it in the history and tell those
    concerned. None where nothing was to be done. Without an actor it was the schedule or the operator."""
    if at_once:
        made = keys.replace_at_once(environment, instead_of=instead_of)
    else:
        made = keys.rotate(purpose, environment, instead_of=instead_of)
    if made is not None:
        for organization in _concerned(environment):
            _tell(organization, made, actor, at_once)
        log.warning("key rotated", extra={"kind": purpose.value, "reason": "at once" if at_once else "planned"})
    return made


def _concerned(environment: str) -> QuerySet[Organization]:
    every = Organization.objects.all()
    return every.filter(connections__environment=environment).distinct() if environment else every


def _tell(organization: Organization, made: Key, actor: Actor | None, at_once: bool) -> None:
    history.record(
        organization,
        Change.Kind.KEY_ROTATED,
        actor=actor if actor and actor.user.tid == organization.tid else None,
        purpose=made.purpose,
        environment=made.environment,
        kid=made.kid,
        at_once=at_once,
    )
    connections = organization.connections.all()
    if made.environment:
        connections = connections.filter(environment=made.environment)
    mail.tell(
        organization,
        None,
        "key-rotated",
        connections.values_list("notification_mail", flat=True),
        purpose=f"{made.purpose}-at-once" if at_once else made.purpose,
        environment=str(made.get_environment_display()),
        path=reverse("keys"),
    )


def renew(organization: Organization) -> int:
    """New keys for what an organization's rows seal and hash, and the rows brought over to them; returns how many
    values were sealed anew. The keys of before are forgotten by the schedule, a day later."""
    made = [keys.follow_field(organization), visits.rehash(organization)]
    sealed = visits.reseal(organization)
    for key in made:
        history.record(organization, Change.Kind.KEY_ROTATED, purpose=key.purpose, kid=key.kid)
        log.warning("key rotated", extra={"kind": key.purpose, "reason": "planned"})
    return sealed


def sweep() -> None:
    """Rotate what the schedule asks for, and forget the keys that nobody needs any more."""
    each(PAIRS, _sweep_one)
    followed = Count("keys", filter=Q(keys__purpose=Key.Purpose.FIELD, keys__retired=None))
    each(Organization.objects.annotate(followed=followed).filter(followed__gt=1), visits.finish_rekeying)


def _sweep_one(pair: tuple[Key.Purpose, str]) -> None:
    if keys.is_due(*pair):
        rotate(*pair)
    forgotten = keys.forget_due(*pair, named=visits.notification_kids() if pair[0] == NOTIFICATION else ())
    if forgotten:
        log.info("old keys forgotten", extra={"kind": pair[0].value, "count": forgotten})
