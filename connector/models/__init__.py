"""Who we are joined to: people, organizations, the agreement with its revisions and decisions, keys, the trail."""

from connector.models.agreement import Connection, Decision, EhrSignIn, Environment, Revision, new_ref
from connector.models.closing import Closing
from connector.models.history import Change, Checkpoint, Entry, Verification
from connector.models.key import Key
from connector.models.people import Administrator, Organization, Reader, User, UserManager
from connector.models.upkeep import Check, Downtime, Notice, Preflight, Proof

__all__ = [
    "Administrator",
    "Change",
    "Check",
    "Checkpoint",
    "Closing",
    "Connection",
    "Decision",
    "Downtime",
    "EhrSignIn",
    "Entry",
    "Environment",
    "Key",
    "Notice",
    "Organization",
    "Preflight",
    "Proof",
    "Reader",
    "Revision",
    "User",
    "UserManager",
    "Verification",
    "new_ref",
]
