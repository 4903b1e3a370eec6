"""What both files say: an EHR whose endpoints were discovered, and what goes wrong there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.ehr.discovery import Endpoints
from connector.errors import WireError
from tests.servers import Server

CLIENT_ID = "provider-1"
TOKEN, KEYS, OPENID = "/oauth2/token", "/oauth2/keys", "/oauth2/.well-known/openid-configuration"


def endpoints_of(server: Server, **changes: Any) -> Endpoints:
    """What discovery finds at a server with OpenID, with changes."""
    found = Endpoints(
        authorize=f"{server.url}/oauth2/authorize",
        token=server.url + TOKEN,
        issuer=f"{server.url}/oauth2",
        jwks_uri=server.url + KEYS,
    )
    return replace(found, **changes)


def error_of(act: Callable[[], object]) -> WireError:
    with pytest.raises(WireError) as caught:
        act()
    return caught.value
