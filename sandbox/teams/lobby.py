"""Who waits in the lobby, and who may let people in: pure rules over a person and a meeting's options."""

from sandbox.store import Document

OF_THE_TENANT = ("organization", "organizationAndFederated", "organizationExcludingGuests", "everyone")
SIGNED_IN = ("organizationAndFederated", "everyone")


def waits(person: Document, meeting: Document, staffed: bool) -> bool:
    """Whether a person waits. `staffed`: somebody of the tenant is in; nobody without an account starts a meeting."""
    scope = meeting["options"]["lobbyBypassSettings"]["scope"]
    if leads(person, meeting):
        return False
    if person["kind"] != "member":
        return not (scope == "everyone" and staffed)
    if scope == "invited":
        return not invited(person, meeting)
    if not colleague(person, meeting):
        return scope not in SIGNED_IN
    return scope not in OF_THE_TENANT or (scope == "organizationExcludingGuests" and bool(person["guest_account"]))


def may_admit(person: Document, meeting: Document) -> bool:
    """Whether a person may admit, deny and remove others: the organizers, and presenters of the tenant by option."""
    if leads(person, meeting):
        return True
    if meeting["options"]["allowedLobbyAdmitters"] == "organizerAndCoOrganizers" or not colleague(person, meeting):
        return False
    presenters = meeting["options"]["allowedPresenters"]
    return presenters in ("everyone", "organization") or (
        presenters == "roleIsPresenter" and role(person, meeting) == "presenter"
    )


def leads(person: Document, meeting: Document) -> bool:
    """Whether a person is the organizer or a co-organizer."""
    return organizes(person, meeting) or role(person, meeting) == "coorganizer"


def organizes(person: Document, meeting: Document) -> bool:
    return colleague(person, meeting) and person["oid"] == meeting["organizer"]


def colleague(person: Document, meeting: Document) -> bool:
    return bool(person["kind"] == "member" and person["tid"] == meeting["tid"])


def invited(person: Document, meeting: Document) -> bool:
    return role(person, meeting) is not None


def role(person: Document, meeting: Document) -> str | None:
    """The role in which the organizer listed this person, None when he is not listed."""
    if person["kind"] != "member":
        return None
    for attendee in meeting["attendees"]:
        if attendee.get("identity", {}).get("user", {}).get("id") == person["oid"]:
            return str(attendee.get("role", "attendee"))
    return None
