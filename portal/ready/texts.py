"""What the codes of checks say in words."""

from collections.abc import Callable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from connector import problems

Evidence = dict[str, Any]

REGIONS = {"amer": _("the Americas"), "emea": _("Europe, the Middle East or Africa"), "apac": _("Asia or the Pacific")}

PLAIN: dict[str, Promise] = {
    "": _("Not tried yet."),
    "consent-works": _("Consent was given: Microsoft 365 answers the connector."),
    "consent-missing": _("Microsoft does not accept the connector for your organization: consent was not given yet."),
    "consent-withdrawn": _("Consent worked before and does not any more: it was taken back, or the app was removed."),
    "permission-missing": _("Consent was given, but not for everything. Missing: %(missing)s. Give consent again."),
    "needs-consent": _("This can be tried once admin consent was given."),
    "graph-permission": _("A permission that this needs was not granted. Give admin consent again."),
    "no-organizer": _("Nobody is named yet in whose name a meeting can be tried."),
    "organizer-unknown": _("Your directory does not know the account in whose name this was tried. Name another."),
    "policy-works": _("A throwaway meeting was made in this account's name, and deleted."),
    "policy-missing": _("Teams refuses: no application access policy covers this account yet."),
    "policy-not-yet": _("Teams still refuses. That is usual after granting: it can take up to 48 hours."),
    "policy-refused": _("Teams still refuses, more than 48 hours after the policy was granted."),
    "policy-lost": _("This worked before. Now no application access policy covers this account."),
    "product-held": _("Your organization holds a product that the operator asks for."),
    "product-missing": _("Your organization holds none of the products that the operator asks for."),
    "anonymous-unseen": _("Microsoft does not let the connector read this: somebody has to look."),
    "anonymous-confirmed": _("Looked at by a person, not by the connector."),
    "region-other": _("Your organization was set up for %(region)s, but this deployment serves %(here)s."),
    "region-unconfirmed": _("Data is kept in %(here)s. Country of your organization in Microsoft 365: %(country)s."),
    "region-confirmed": _("Data is kept in %(here)s. Country of your organization in Microsoft 365: %(country)s."),
    "help-lines-named": _("Every connection names its own help line."),
    "mail-off": _("This deployment sends no mail: its operator has named no mail server."),
    "mail-named": _("Every connection names an address."),
    "keys-token": _("The EHR gave the connector a token of its own for its key."),
    "keys-signed-in": _("An approver signed in to the EHR, which accepted the connector's key."),
    "keys-untried": _("Not shown yet: it shows with the approver's first EHR sign-in."),
    "keys-refused": _("The EHR does not accept the connector's key. A JWKS URL that is new there can take an hour."),
}


COUNTED: dict[str, Callable[[Evidence], str]] = {
    "administrators": lambda e: (
        ngettext(
            "%(count)d administrator has signed in here. Two are recommended.",
            "%(count)d administrators have signed in here.",
            e["count"],
        )
        % e
    ),
    "help-line-default": lambda e: (
        ngettext(
            "%(count)d connection names none, so the deployment's own is shown.",
            "%(count)d connections name none, so the deployment's own is shown.",
            e["count"],
        )
        % e
    ),
    "help-line-missing": lambda e: (
        ngettext("%(count)d connection names no help line.", "%(count)d connections name no help line.", e["count"]) % e
    ),
    "mail-missing": lambda e: (
        ngettext("%(count)d connection names no address.", "%(count)d connections name no address.", e["count"]) % e
    ),
    "mail-undelivered": lambda e: (
        ngettext("%(count)d mail could not be delivered.", "%(count)d mails could not be delivered.", e["count"]) % e
    ),
    "licensed": lambda e: _licences(_("This account has a Teams licence."), e),
    "unlicensed": lambda e: _licences(_("This account has no Teams licence."), e),
}


def _licences(first: Promise, evidence: Evidence) -> str:
    counts = ngettext(
        "%(used)d of the organization's %(units)d licence with Teams is in use.",
        "%(used)d of the organization's %(units)d licences with Teams are in use.",
        evidence["units"],
    )
    return f"{first} {counts % evidence}"


def say(code: str, evidence: Evidence) -> str:
    """What a finding says, with its evidence; for an error of the wire, what happened."""
    if code in COUNTED:
        return COUNTED[code](evidence)
    if code in PLAIN:
        return str(PLAIN[code]) % _named(evidence)
    return str(problems.find(code).what)


def _named(evidence: Evidence) -> Evidence:
    """Evidence with its region codes as people say them."""
    return evidence | {key: REGIONS.get(evidence[key], evidence[key]) for key in ("region", "here") if key in evidence}
