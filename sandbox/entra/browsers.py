"""Who is signed in in which browser. The cookie holds a random id only, so that a reset signs everybody out."""

import secrets

from flask import session

from sandbox.entra import accounts
from sandbox.entra.accounts import SignIn
from sandbox.store import Store


def _logins(store: Store) -> list[str]:
    entry = store.table("browsers").get(session.get("browser", ""), {})
    return list(entry.get("logins", []))


def signed_in(store: Store, tenant: str) -> list[SignIn]:
    """The accounts of this browser which exist at the tenant, the last used first."""
    by_login = {one.login: one for one in accounts.sign_ins(tenant)}
    return [by_login[login] for login in _logins(store) if login in by_login]


def sign_in(store: Store, person: SignIn) -> None:
    """Remember the person in this browser."""
    browser = session.setdefault("browser", secrets.token_urlsafe(16))
    others = [login for login in _logins(store) if login != person.login]
    store.table("browsers")[browser] = {"logins": [person.login, *others]}


def sign_out(store: Store) -> None:
    """Forget everybody in this browser."""
    store.table("browsers").pop(session.pop("browser", ""), None)
