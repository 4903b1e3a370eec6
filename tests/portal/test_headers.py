"""Headers that an administrator types for the status service: none of them is ours, or of one hop alone."""

import pytest

from portal.configure.settings_form import is_header

OURS = (
    "Accept Authorization Connection Content-Encoding Content-Length Content-Type Cookie Expect Forwarded Host "
    "Keep-Alive Proxy-Authorization Proxy-Connection TE Trailer Transfer-Encoding Upgrade Via X-Forwarded-For "
    "X-Forwarded-Host X-Forwarded-Proto X-Request-ID"
)


@pytest.mark.parametrize("name", OURS.split())
def test_what_is_ours_or_of_one_hop_is_not_typed(name: str) -> None:
    assert not is_header(name, "x")
    assert not is_header(name.upper(), "x")


@pytest.mark.parametrize("name", ["Epic-Client-ID", "Epic-User-ID", "X-Api-Key", "Accept-Language", "Forwarded-By"])
def test_what_a_status_service_may_want_is(name: str) -> None:
    assert is_header(name, "x")
