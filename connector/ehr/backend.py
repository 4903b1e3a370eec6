"""SMART Backend Services: the connector's own token at an EHR, for writing back after the people have left."""

from connector import token_cache
from connector.ehr import smart
from connector.ehr.smart import Client
from connector.http import Deadline

USUAL_SECONDS = 300  # where a server does not say how long a token lives


def token(token_url: str, client: Client, scope: str, *, deadline: Deadline) -> str:
    """An access token by client_credentials, from the cache while it lives. Raises Permanent("ehr-client-refused")
    or Retry."""
    return token_cache.cached(_audience(token_url, client, scope), lambda: _request(token_url, client, scope, deadline))


def forget(token_url: str, client: Client, scope: str) -> None:
    """Drop a token that was refused."""
    token_cache.forget(_audience(token_url, client, scope))


def _audience(token_url: str, client: Client, scope: str) -> str:
    return f"ehr|{token_url}|{client.client_id}|{scope}"


def _request(token_url: str, client: Client, scope: str, deadline: Deadline) -> token_cache.Token:
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    answer = smart.token_request(token_url, client, form, deadline)
    lives = str(answer.json().get("expires_in"))
    return token_cache.Token(smart.access_token_of(answer), int(lives) if lives.isdecimal() else USUAL_SECONDS)
