"""Closed by default: who is not signed in to the portal reaches exactly the routes that are listed here."""

import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

OPEN = {
    # What others fetch, and what watches the process.
    "live",
    "readiness",
    "metrics",
    "jwks",
    "trail_keys",
    # The way into the portal.
    "signin",
    "signin_tenant",
    "signin_start",
    "signin_start_tenant",
    "microsoft_callback",
    # Whoever gives admin consent, or does what a forwarded link asks, may have no business in the portal.
    "consent_give",
    "consent_give_tenant",
    "consent_start",
    "consent_start_tenant",
    "consent_callback",
    "forward",
    # Whoever's organization was ended has a token from his sign-in, and no session.
    "end_receipt",
    # Visits know their people by launch and handle, never by a portal session.
    "launch",
    "launch_callback",
    "visit",
    "link",
    "unlink",
    "join",
    "timeline",
    "board",
    "board_noticed",
    "handover",
    "beside",
    # A clinician who signs in with Microsoft for his own open visits has no portal session either.
    "open_visits",
    "open_visits_signin",
    "open_visit",
    "device_check",
    # The check alone is opened by a token that names a connection and nobody.
    "device_test",
    "device_sample",
    # Microsoft Graph, known by clientState.
    "notifications",
    "lifecycle",
}
ARGUMENTS: dict[str, object] = {
    "tid": str(uuid.uuid4()),
    "ref": "0123456789abcdef",
    "door": "provider",
    "environment": "testing",
    "number": 1,
    "visit": str(uuid.uuid4()),
}


def routes(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern)
        else:
            yield pattern


ROUTES = {str(route.name): route for route in routes(get_resolver())}
CLOSED = sorted(name for name in ROUTES if name not in OPEN)


def address(name: str) -> str:
    wanted = ROUTES[name].pattern.converters
    return reverse(name, kwargs={argument: ARGUMENTS.get(argument, "x") for argument in wanted})


def test_every_route_has_a_name_of_its_own() -> None:
    names = [route.name for route in routes(get_resolver())]
    assert len(names) == len(set(names))
    assert None not in names


def test_the_routes_that_opt_out_of_the_sign_in_are_exactly_these() -> None:
    opted_out = {name for name, route in ROUTES.items() if not getattr(route.callback, "login_required", True)}
    assert opted_out == OPEN


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", CLOSED)
def test_every_other_route_sends_a_stranger_to_the_sign_in(client: Client, name: str, method: str) -> None:
    path = address(name)
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{reverse('signin')}?next={path}")
