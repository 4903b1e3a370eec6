"""What the directory says now of somebody who is about to act, and of somebody who is named: asked of Microsoft Graph
at each act, because a session outlives a role and an account."""

import logging
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import access
from connector.errors import NeedsConsent, WireError
from connector.http import Deadline
from connector.models import Administrator, Organization, User
from connector.signin import signed_in
from connector.teams import graph
from connector.teams.graph import Person
from portal import shell

log = logging.getLogger(__name__)

SECONDS = 6.0  # for the answers to one act
UNAVAILABLE = "directory-unavailable"
SILENT = _("The directory does not answer just now. Try again in a minute.")  # where a person was looked for

# Why an act is refused, for the person whose act it is. Callers show it beside what was typed, which stays.
TEXTS: dict[str, Promise] = {
    "account-disabled": _(
        "Your Microsoft account was disabled, so nothing was changed. An administrator of your organization's "
        "directory can enable it."
    ),
    "account-gone": _(
        "Your organization's directory does not know your account any more, so nothing was changed. An administrator "
        "of the directory can tell you why."
    ),
    "role-gone": _(
        "You are no longer an administrator in your organization's directory, so nothing was changed. If you should "
        "be, ask for the role, then sign out and in again."
    ),
    UNAVAILABLE: _(
        "Microsoft could not confirm your account just now, so nothing was changed. Try again in a minute; if it "
        "stays, check the admin consent."
    ),
}


class Unconfirmed(Exception):
    """The directory does not confirm who acts. `code` is one of TEXTS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def silent(self) -> bool:
        """Whether nothing is known against the person: the directory only did not answer. What stops something goes on
        then; what starts or shows something does not."""
        return self.code == UNAVAILABLE

    @property
    def text(self) -> str:
        return str(TEXTS[self.code])


def confirm(actor_user: User, organization: Organization, *, needs_role: bool, deadline: Deadline) -> None:
    """Ask the directory again whether the acting account works and, where the act takes an administrator, whether it
    still has the role. Raises Unconfirmed. An administrator whose role is gone is none from then on.

    Submit, approve and export refuse on any code and lose nothing typed. Suspend, resume and withdraw refuse but for
    `silent`: stopping must always work.
    """
    _confirm_account(actor_user, deadline)
    if needs_role:
        _confirm_role(actor_user, organization, deadline)


def confirmed(
    request: HttpRequest, organization: Organization, *, needs_role: bool | None = None, waits: bool = True
) -> bool:
    """Whether the directory still knows the person behind a request as somebody who may act (`confirm`), by default an
    administrator as such; if not, the next page says why. What `waits` for no directory that is silent: an act that
    stops something or undoes that, and what comes before the consent by which we may ask it."""
    user = signed_in(request)
    if needs_role is None:
        needs_role = access.administered_by(user) == organization
    try:
        confirm(user, organization, needs_role=needs_role, deadline=Deadline.after(SECONDS))
    except Unconfirmed as unconfirmed:
        if unconfirmed.silent and not waits:
            return True
        messages.error(request, unconfirmed.text)
        return False
    return True


def refusal(request: HttpRequest, organization: Organization, *, waits: bool = True) -> HttpResponse | None:
    """The page of somebody whom the directory does not confirm (`confirmed`); None for who may go on."""
    if confirmed(request, organization, waits=waits):
        return None
    return shell.page(request, "portal/unconfirmed.html", "", status=403)


def _confirm_account(user: User, deadline: Deadline) -> None:
    try:
        person = graph.read_person(str(user.tid), str(user.oid), deadline=deadline)
    except WireError as error:
        log.warning("account not confirmed", extra={"code": error.code, "status": error.status})
        raise Unconfirmed(UNAVAILABLE) from error
    if person is None:
        raise Unconfirmed("account-gone")
    if not person.enabled:
        raise Unconfirmed("account-disabled")


def _confirm_role(user: User, organization: Organization, deadline: Deadline) -> None:
    administrator = organization.administrators.filter(user=user).first()
    if administrator is None:
        raise Unconfirmed("role-gone")
    # Who holds our app role could only be read with Application.Read.All, which is asked of no tenant for this alone:
    # such a role is as old as the sign-in that showed it, and its holder's account is what can be asked.
    if administrator.proof == Administrator.Proof.APP_ROLE:
        return
    found = access.from_directory(str(user.tid), str(user.oid), deadline)
    if found is access.Claim.SILENT:
        raise Unconfirmed(UNAVAILABLE)
    if found is access.Claim.NO:
        administrator.delete()
        raise Unconfirmed("role-gone")


@dataclass(frozen=True)
class Found:
    """Who may be meant by what was typed. `code`: why nobody is (nobody, disabled, or the code of a wire error)."""

    people: tuple[Person, ...] = ()
    code: str = ""

    def meant(self, oid: str) -> Person | None:
        """The one person found, or the one of several who was chosen by his object id."""
        chosen = [person for person in self.people if person.oid == oid] or list(self.people)
        return chosen[0] if len(chosen) == 1 else None


def find(tid: str, typed: str, *, deadline: Deadline, disabled: bool = False) -> Found:
    """Who in the directory is meant: the account with that sign-in name, else those whose name begins so. Accounts that
    are `disabled` are left out unless they are asked for."""
    try:
        exact = graph.read_person(tid, typed, deadline=deadline) if "@" in typed else None
        people = [exact] if exact else search(tid, typed, deadline=deadline)
    except WireError as error:
        return Found(code=error.code)
    enabled = tuple(person for person in people if person.enabled or disabled)
    return Found(enabled, "" if enabled else "disabled" if people else "nobody")


def search(tid: str, typed: str, *, deadline: Deadline) -> list[Person]:
    """Search by name; where the tenant has not consented to search, a whole sign-in name still works."""
    try:
        return graph.search_people(tid, typed, deadline=deadline)
    except NeedsConsent:
        person = graph.read_person(tid, typed, deadline=deadline)
        return [person] if person else []
