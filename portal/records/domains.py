"""The domains that a visit passes: for Epic's browser allow-list and for MyChart's."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.models import Connection

GLOBAL_LOGIN = "login.microsoftonline.com"
# Published by Microsoft for its global cloud: what its pages load beside the hosts that people are sent to.
GLOBAL_WILDCARDS: dict[str, Promise] = {
    "*.teams.microsoft.com": _("Parts of Teams"),
    "*.teams.cloud.microsoft": _("Parts of Teams"),
    "*.msauth.net": _("Parts of the Microsoft sign-in page"),
    "*.msftauth.net": _("Parts of the Microsoft sign-in page"),
}


@dataclass(frozen=True)
class Domain:
    """One entry of an allow-list. `attested`: people are sent there; else ask whether the list needs it too.
    `patients`: a patient's visit passes it as well."""

    name: str
    what: str | Promise
    attested: bool
    patients: bool = True


def domains(connection: Connection) -> list[Domain]:
    """All of them in the order in which a visit passes them, each once."""
    found = [*_ours_and_the_ehrs(connection), *_microsofts()]
    return list({domain.name: domain for domain in reversed(found)}.values())[::-1]


def _ours_and_the_ehrs(connection: Connection) -> list[Domain]:
    ehr = [connection.host, *sorted(connection.approved_hosts)]
    return [
        Domain(urlsplit(settings.PUBLIC_URL).netloc, _("This connector"), attested=True),
        *(Domain(host, _("Your EHR and its sign-in; usually there already"), attested=True) for host in ehr),
    ]


def _microsofts() -> list[Domain]:
    login = urlsplit(settings.ENTRA_AUTHORITY).netloc
    return [
        Domain(login, _("Microsoft sign-in, for staff"), attested=True, patients=False),
        *(Domain(host, _("Teams"), attested=True) for host in sorted(settings.TEAMS_HOSTS)),
        *(_wildcards() if login == GLOBAL_LOGIN else []),
    ]


def _wildcards() -> list[Domain]:
    return [Domain(name, what, attested=False, patients="teams" in name) for name, what in GLOBAL_WILDCARDS.items()]
