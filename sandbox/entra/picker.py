"""The account picker: the page on which a person says who he is."""

from collections.abc import Sequence

from flask import render_template, request, url_for

from sandbox.entra import accounts, browsers
from sandbox.entra.accounts import SignIn
from sandbox.entra.clients import Client
from sandbox.entra.errors import EntraError
from sandbox.standin import form
from sandbox.store import Store

Groups = list[tuple[str, list[SignIn]]]


def _groups(store: Store, people: Sequence[SignIn], tenant: str) -> Groups:
    """Those signed in here first, then whom the application suggests, then everybody by organization."""
    present = browsers.signed_in(store, tenant)
    hint = request.args.get("login_hint", "")
    taken = [("Signed in", [one for one in present if one in people])]
    taken.append(("Suggested by the application", [one for one in people if one.login == hint and one not in present]))
    rest = [one for one in people if all(one not in group for _, group in taken)]
    names = dict.fromkeys(one.tenant.name for one in rest)
    return [*taken, *((name, [one for one in rest if one.tenant.name == name]) for name in names)]


def page(store: Store, tenant: str, client: Client, personal: bool = True) -> str:
    """The picker for the request at hand: each choice is posted to this same address as `account`, or `cancel`."""
    people = [one for one in accounts.sign_ins(tenant) if personal or one.tenant is not accounts.PERSONAL]
    organization = "" if tenant in accounts.SHARED else accounts.DIRECTORIES[tenant].name
    groups = [(name, group) for name, group in _groups(store, people, tenant) if group]
    return render_template("picker.html", groups=groups, client=client, organization=organization)


def chosen(tenant: str, personal: bool = True) -> SignIn:
    """The account posted from the picker. EntraError, for a page, when it may not sign in here."""
    person = accounts.find(tenant, form("account"))
    if person is None or (person.tenant is accounts.PERSONAL and not personal):
        raise EntraError(50020, "access_denied", "This account does not exist in this organization.", status=403)
    if not person.account.enabled:
        raise EntraError(50057, "access_denied", "The user account is disabled.", status=403)
    return person


def again() -> str:
    """The address of this request, which will ask for an account whoever is signed in."""
    arguments = {**request.args, **(request.view_args or {}), "prompt": "select_account"}
    return url_for(request.endpoint or "", **arguments)
