"""What is said about a FHIR base URL before it is submitted. Nothing here is wrong for certain, so nothing blocks."""

import re
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.models import Connection, Environment, Organization

# Words of hosts and paths that tell the environment of an Epic instance, without the digits at their ends.
WORDS: dict[str, frozenset[str]] = {
    Environment.TESTING: frozenset(
        {
            "test",
            "tst",
            "testing",
            "dev",
            "development",
            "sandbox",
            "sbx",
            "nonprod",
            "nonprd",
            "np",
            "poc",
            "uat",
            "qa",
        }
        | {"stage", "staging", "stg", "train", "training", "trn", "tng", "sup", "demo", "rel"}
    ),
    Environment.PRODUCTION: frozenset({"prd", "prod", "production", "live"}),
}
OTHER = {Environment.TESTING: Environment.PRODUCTION, Environment.PRODUCTION: Environment.TESTING}
NEGATED = re.compile(r"non[-_.](?=prd|prod)")  # non-prod is one word

TEXTS: dict[str, Promise] = {
    "other-environment": _(
        "Your organization has this address for the other environment too. Testing and production usually have two."
    ),
    "testing-as-production": _(
        "The address looks like a testing system, and it is marked production, which real patients reach."
    ),
    "production-as-testing": _(
        "The address looks like the production system, and it is marked testing. Test visits would write into real "
        "charts."
    ),
    "in-use-elsewhere": _(
        "This address is in use elsewhere. That is allowed, as with a shared EHR; the connector's operator is told."
    ),
    "international-host": _(
        "The host's name stands for letters outside a to z. Check that it is the host you mean and no look-alike."
    ),
}


def environments_in(base_url: str) -> set[str]:
    """The environments that the words of an address speak of."""
    parts = urlsplit(base_url.lower())
    host = (parts.hostname or "").rpartition(".")[0]  # .dev and .live are domains, not environments
    words = {word.strip("0123456789") for word in re.split(r"[^a-z0-9]+", NEGATED.sub("non", f"{host} {parts.path}"))}
    return {environment for environment, known in WORDS.items() if words & known}


def hints(organization: Organization, base_url: str, environment: str) -> list[str]:
    """The codes (TEXTS) of what to say about an address before it is submitted."""
    other = OTHER[Environment(environment)]
    unlike = "testing-as-production" if environment == Environment.PRODUCTION else "production-as-testing"
    ours = organization.connections.filter(base_url__iexact=base_url, environment=other)
    said = {
        "other-environment": ours.exists(),
        unlike: environments_in(base_url) == {other},
        "in-use-elsewhere": in_use_elsewhere(organization, base_url),
        "international-host": "xn--" in (urlsplit(base_url).hostname or ""),
    }
    return [code for code, so in said.items() if so]


def in_use_elsewhere(organization: Organization, base_url: str) -> bool:
    """Whether another organization has this address approved."""
    approved = Connection.objects.filter(base_url__iexact=base_url).exclude(live=None)
    return approved.exclude(organization=organization).exists()
