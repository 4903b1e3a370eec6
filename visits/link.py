"""Linking: an EHR user confirms once which Microsoft account is his. From then on he goes straight through, until he
unlinks it."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connector import keys, signin, trail
from connector.cached import quietly
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Change, User
from connector.teams import meetings
from connector.teams.entra import Identity
from visits import browsers, handles, languages, unlinking
from visits.models import EhrUserLink, Launch, Participant
from visits.trouble import Stop, belongs_to, explained, page

PURPOSE = "clinician"  # of a Microsoft sign-in that links
SALT = "visits.link"
SECONDS = 900
NAME_KEY = "ehr-name:{}"  # cache key of a launch's sealed name, while its page waits for the sign-in
LICENCE_SECONDS = 1.5


def sealed_name(row: Launch, name: str) -> str:
    """The clinician's name in the EHR, sealed for the one page that confirms the link; empty where there is none."""
    return keys.encrypt(row.connection.organization_id, name, _place(row)) if name else ""


def keep_name(row: Launch, sealed: str) -> None:
    """Keep a sealed name until the person presses the button that signs him in."""
    quietly(lambda: cache.set(NAME_KEY.format(row.id), sealed, SECONDS))


def kept_name(row: Launch) -> str:
    """The sealed name that was kept; without it the confirmation names the EHR's account in other words."""
    return str(quietly(lambda: cache.get(NAME_KEY.format(row.id))) or "")


def begin(request: HttpRequest, row: Launch, name: str) -> HttpResponse:
    """To Microsoft, at the organization's own tenant. `name` is sealed."""
    tenant = str(row.connection.organization.tid)
    return signin.begin(request, purpose=PURPOSE, tenant=tenant, prompt="select_account", launch=str(row.id), name=name)


def arrive(request: HttpRequest, identity: Identity, data: dict[str, str]) -> HttpResponse:
    """Back from Microsoft with a proven identity: show both accounts and ask once. Opens no portal session."""
    asked = handles.launches().filter(pk=data["launch"]).first()
    if asked is None or asked.participant is None:
        return page(request, "page-lost", door="provider")
    languages.speak(request, asked.language)
    # A page that is open already keeps its launch: this window, beside it, gets one of its own.
    row, browser_id = (
        (asked, "") if not asked.handle_hash else handles.open_page(request, asked.participant, asked.door)
    )
    ehr_name = keys.decrypt(data["name"], _place(asked)) if data["name"] else ""
    answer = {"launch": str(row.id), "asked": str(asked.id), "oid": identity.oid, "name": identity.name}
    context = {
        "ehr_name": ehr_name,
        "identity": identity,
        "organization": asked.connection.organization.name,
        "unlicensed": _is_unlicensed(identity),
        "lasting": _lasts(request, asked, named=bool(ehr_name)),
        "token": signing.dumps(answer | {"named": bool(ehr_name)}, salt=SALT),
        "handle": handles.issue(row),
    }
    response = render(request, "visits/link.html", context)
    browsers.give_cookie(response, browser_id)
    return response


@login_not_required
@require_POST
@explained
def confirm(request: HttpRequest, handle: str) -> HttpResponse:
    """Keep the link that the person confirmed, then go on to the meeting. An account that is linked to another EHR user
    as well is asked about once more."""
    row, handle = handles.follow(request, handle)
    belongs_to(request, row)
    answer = _answer(request.POST.get("token", ""))
    participant = row.participant
    if participant is None or answer["launch"] != str(row.id) or not participant.is_staff:
        raise Stop("page-lost")
    user = User.objects.of(str(row.connection.organization.tid), answer["oid"])
    second = _links_of_others(participant, user).exists()
    if second and not answer.get("second"):
        token = signing.dumps(answer | {"second": True}, salt=SALT)
        return render(request, "visits/link_second.html", {"handle": handle, "token": token, "name": answer["name"]})
    asked = Launch.objects.filter(pk=answer["asked"], participant=participant).first()
    _link(participant, user, lasting=asked is not None and _lasts(request, asked, named=answer["named"]))
    if second:
        _tell_history(participant, user, answer["name"])
    for browser_hash in {row.browser_hash, asked.browser_hash if asked else ""}:
        browsers.remember_user(browser_hash, user)
    context = {"handle": handle, "tap": browsers.needs_tap(request), "teams_app": browsers.teams_app(request)}
    return render(request, "visits/onward.html", context)


@login_not_required
@csrf_exempt  # its token's cookie does not reach a frame; the handle is a secret that no other site's page knows
@require_POST
@explained
def unlink(request: HttpRequest, handle: str) -> HttpResponse:
    """Forget which Microsoft account is his, at once and in every visit that has not ended. The page asks anew."""
    row, handle = handles.follow(request, handle)
    belongs_to(request, row)
    participant = row.participant
    if participant is None or not participant.is_staff or participant.visit.test:
        raise Stop("page-lost")
    with transaction.atomic():
        _own_link(participant).delete()
        unlinking.assign(_his_open(participant), None)
        browsers.forget_user(row.browser_hash, participant.user)
        _record(participant, "unlinked")
        unlinking.note("unlinked", participant.visit.connection)
    return redirect("visit", handle=handle)


def _place(row: Launch) -> keys.Place:
    return ("launch", "name", str(row.id))


def _lasts(request: HttpRequest, asked: Launch, *, named: bool) -> bool:
    """A link lasts only where the launch had our cookie, and either the same cookie shows that who confirms has pressed
    the button, or, in a window beside a frame, the confirmation names the EHR's user."""
    return bool(asked.browser_hash) and (named or browsers.browser_of(request) == asked.browser_hash)


def _is_unlicensed(identity: Identity) -> bool:
    """Whether Microsoft says that the account has no Teams licence. A service that does not answer says nothing."""
    try:
        return not meetings.has_licence(identity.tid, identity.oid, deadline=Deadline.after(LICENCE_SECONDS))
    except WireError:
        return False


def _answer(token: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = signing.loads(token, salt=SALT, max_age=SECONDS)
    except signing.BadSignature as error:
        raise Stop("page-lost") from error
    return answer


def _link(participant: Participant, user: User, *, lasting: bool) -> None:
    """From now on this EHR user is that account: here, in his other open visits, and where it lasts in all to come."""
    with keys.hashing(participant.organization_id):
        participant.refresh_from_db(fields=["ehr_user_hash", "hash_kid"])
        if lasting:
            _own_link(participant).update_or_create(
                connection=participant.visit.connection,
                ehr_user_hash=participant.ehr_user_hash,
                defaults={"user": user, "hash_kid": participant.hash_kid},
            )
        his = _his_open(participant) if lasting else Participant.objects.filter(pk=participant.pk)
        unlinking.assign(his, user)
        _record(participant, "linked")


def _tell_history(participant: Participant, user: User, name: str) -> None:
    connection = participant.visit.connection
    Change.objects.create(
        organization=connection.organization,
        connection=connection,
        kind=Change.Kind.LINKED,
        actor=user,
        actor_name=name,
    )


def _own_link(participant: Participant) -> QuerySet[EhrUserLink]:
    connection = participant.visit.connection
    return EhrUserLink.objects.filter(connection=connection, ehr_user_hash=participant.ehr_user_hash)


def _links_of_others(participant: Participant, user: User) -> QuerySet[EhrUserLink]:
    links = EhrUserLink.objects.filter(connection=participant.visit.connection, user=user)
    return links.exclude(ehr_user_hash=participant.ehr_user_hash)


def _his_open(participant: Participant) -> QuerySet[Participant]:
    """This EHR user in every visit of the connection that has not ended; what is over stays as it was."""
    same = {"ehr_user_hash": participant.ehr_user_hash, "role": participant.role}
    return Participant.objects.filter(visit__connection=participant.visit.connection, visit__ended_at=None, **same)


def _record(participant: Participant, event: str) -> None:
    organization = participant.visit.connection.organization
    trail.record(organization, event, visit=participant.visit_id, participant=participant.id)
