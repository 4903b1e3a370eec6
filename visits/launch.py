"""Launch: the EHR opens us with `iss` and `launch`; we come back with a token and know who presses for which visit.

SMART App Launch 2.2 §"EHR launch"; PKCE, OpenID and the grammar of scopes as the EHR of today knows them. One launch
row a state, good once, within five minutes, in one browser.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from connector import keys, limits
from connector.addresses import public_url
from connector.agreement import Settings
from connector.crypto import base64url
from connector.ehr import discovery, scopes, smart
from connector.ehr.discovery import Endpoints
from connector.ehr.smart import EhrIdentity, Granted
from connector.http import Deadline
from connector.models import Connection
from connector.signin import nonce_for
from visits import arrival, board, browsers, devices
from visits.browsers import hash_of
from visits.bulkhead import room
from visits.doors import DOORS
from visits.models import Launch
from visits.trouble import Stop, explained, open_settings, page, remember

SECONDS = 8.0
LAUNCH_LIFE = timedelta(minutes=5)
CODE_LIFE = timedelta(minutes=1)  # the least that EHRs have: RFC 6749 §4.1.2 names only the most
LONGEST_TOKEN = 8192  # characters: no address could carry more to the EHR


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "POST"])
@explained
def launch(request: HttpRequest, ref: str, door: str) -> HttpResponse:
    """Check where the launch comes from, remember it, and send the browser to the EHR for a code."""
    query = request.POST if request.method == "POST" else request.GET
    connection, agreed = open_connection(request, ref, door)
    remember(connection)
    iss, token = query.get("iss", ""), query.get("launch", "")
    if not 0 < len(token) <= LONGEST_TOKEN:
        raise Stop("launch-token-missing")
    if not discovery.same_base(iss, connection.base_url):
        raise Stop(_why_unlike(connection, iss))
    if seconds := _wait(request, connection):
        return _rest(request, connection, door, seconds)
    endpoints = trusted_endpoints(connection, agreed)
    client = DOORS[door].client(agreed, connection.environment)
    browser_id = "" if browsers.browser_of(request) else browsers.new_id()
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    row = Launch(connection=connection, door=door, state_hash=hash_of(state), cookie_seen=not browser_id)
    row.browser_hash = browsers.browser_of(request) or hash_of(browser_id)
    row.framed = request.headers.get("Sec-Fetch-Dest") == "iframe"
    row.verifier_sealed = keys.encrypt(connection.organization_id, verifier, _place(row))
    response = HttpResponseRedirect(
        smart.authorize_url(
            endpoints,
            client_id=client.client_id,
            redirect_uri=redirect_uri(ref, door),
            scope=asked_scopes(endpoints, agreed, door),
            state=state,
            aud=iss,
            launch=token,
            **_proofs(endpoints, verifier),
        )
    )
    row.save(force_insert=True)  # an address that no browser may be sent to has raised before
    if browser_id:
        browsers.give_cookie(response, browser_id)
    return response


def _wait(request: HttpRequest, connection: Connection) -> int:
    """How many seconds this browser has to wait. Those without our cookie are counted together with their neighbours,
    but for other connections."""
    if browser := browsers.browser_of(request):
        return limits.wait("launch", browser)
    return limits.wait("launch-new", f"{connection.pk} {limits.address_of(request)}")


def _rest(request: HttpRequest, connection: Connection, door: str, seconds: int) -> HttpResponse:
    """Ask for patience, and give a new browser the cookie by which its next press counts for itself alone."""
    response = page(request, "too-many", door=door, connection=connection, wait=seconds)
    browsers.give_cookie(response, "" if browsers.browser_of(request) else browsers.new_id())
    return response


@login_not_required
@require_GET
@explained
def callback(request: HttpRequest, ref: str, door: str) -> HttpResponse:
    """Redeem the code once, learn who it is and which visit it is for, and go on to that person's page."""
    connection, agreed = open_connection(request, ref, door)
    row = _unspent(request, connection, door)
    deadline = Deadline.after(SECONDS)
    # Who finds no room has spent nothing, and comes again with the same code while that is good.
    with room(connection, again=row.created_at > timezone.now() - CODE_LIFE):
        _spend(row, browsers.browser_of(request))
        granted, identity = _redeem(request, row, agreed, deadline)
    if door == "device-test":
        return devices.arrive(row)
    if door == "board":
        return board.arrive(row, granted, identity)
    return arrival.arrive(request, row, agreed, granted, identity, deadline)


def _redeem(
    request: HttpRequest, row: Launch, agreed: Settings, deadline: Deadline
) -> tuple[Granted, EhrIdentity | None]:
    """What the EHR grants for the code, and who it says has pressed."""
    if "code" not in request.GET:
        raise Stop("launch-refused")
    connection, door = row.connection, row.door
    verifier = keys.decrypt(row.verifier_sealed, _place(row))
    endpoints = trusted_endpoints(connection, agreed, deadline)
    smart.check_issuer(endpoints, request.GET.get("iss", ""))
    client = DOORS[door].client(agreed, connection.environment)
    granted = smart.redeem(
        endpoints,
        client,
        code=request.GET["code"],
        redirect_uri=redirect_uri(connection.ref, door),
        code_verifier=verifier if endpoints.takes_pkce else "",
        deadline=deadline,
    )
    # RFC 6749 §5.1: a server that grants what it was asked need not repeat it.
    granted = replace(granted, scope=granted.scope or asked_scopes(endpoints, agreed, door))
    if not endpoints.takes_openid:  # an id_token that nobody asked for proves nothing
        return granted, None
    identity = smart.identity_of(
        granted, endpoints, client_id=client.client_id, nonce=nonce_for(verifier), deadline=deadline
    )
    return granted, identity


def open_connection(request: HttpRequest, ref: str, door: str) -> tuple[Connection, Settings]:
    """The connection behind a launch address and its live settings. Raises Stop when launches are not open there."""
    if door not in DOORS:
        raise Stop("launch-unknown")
    connection = Connection.objects.select_related("organization", "live").filter(ref=ref).first()
    if connection is None:
        raise Stop("launch-unknown")
    request.door, request.connection = door, connection  # type: ignore[attr-defined]
    return connection, open_settings(connection)


def trusted_endpoints(connection: Connection, agreed: Settings, deadline: Deadline | None = None) -> Endpoints:
    """Where the EHR's sign-in lives today. A host that was not there at approval stops launches."""
    endpoints = discovery.endpoints(
        connection.base_url,
        deadline=deadline or Deadline.after(SECONDS),
        client_id=agreed.provider_client_id,
    )
    if not endpoints.hosts() <= set(connection.approved_hosts):
        raise Stop("ehr-host-changed")
    return endpoints


def asked_scopes(endpoints: Endpoints, agreed: Settings, door: str) -> str:
    """What is asked of this EHR at a door, written as it can read it."""
    agreed_scopes = DOORS[door].scopes(agreed)
    return scopes.written(agreed_scopes, grammar=endpoints.grammar, openid=endpoints.takes_openid)


def _proofs(endpoints: Endpoints, verifier: str) -> dict[str, str]:
    """What binds code and id_token to this launch, where the EHR knows such things."""
    proofs = {"nonce": nonce_for(verifier)} if endpoints.takes_openid else {}
    challenge = {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
    return proofs | (challenge if endpoints.takes_pkce else {})


def redirect_uri(ref: str, door: str) -> str:
    """The redirect URI as it stands in the client record, to the letter."""
    return public_url("launch_callback", ref, door)


def challenge_of(verifier: str) -> str:
    """RFC 7636 §4.2, S256."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


def _place(row: Launch) -> keys.Place:
    return ("launch", "verifier", str(row.id))


def _why_unlike(connection: Connection, iss: str) -> str:
    """A record pasted into the other environment is the usual reason, and worth a page of its own."""
    others = Connection.objects.filter(organization=connection.organization).exclude(pk=connection.pk)
    known = any(discovery.same_base(iss, other.base_url) for other in others)
    return "launch-other-environment" if known else "launch-iss-unlike"


def _unspent(request: HttpRequest, connection: Connection, door: str) -> Launch:
    """The launch that this state belongs to, good to be spent. A browser with another cookie than the launch's is
    refused, and one without a cookie where the launch brought one."""
    state = hash_of(request.GET.get("state", ""))
    row = Launch.objects.filter(state_hash=state, connection=connection, door=door).first()
    if row is None or row.created_at < timezone.now() - LAUNCH_LIFE:
        raise Stop("launch-expired")
    browser = browsers.browser_of(request)
    if browser != row.browser_hash and (browser or row.cookie_seen):
        raise Stop("launch-other-browser")
    if row.redeemed_at is not None:
        raise Stop("launch-replayed")
    row.connection = connection
    return row


def _spend(row: Launch, browser: str) -> None:
    """Spend the launch now, for this browser."""
    bare = {} if browser else {"browser_hash": ""}
    if not Launch.objects.filter(pk=row.pk, redeemed_at=None).update(redeemed_at=timezone.now(), **bare):
        raise Stop("launch-replayed")
    row.browser_hash = browser
