"""What the faults of a check say."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEXTS: dict[str, Promise] = {
    # Right but for how it is written: copying may have done it, or it stands so in the EHR.
    "invisible": _("An invisible character stands in it."),
    "break": _("A line break stands in it."),
    "whitespace": _("There is whitespace too much or too little."),
    "quotes": _("Quotation marks stand around it."),
    "typography": _("Typographic characters stand in place of plain ones."),
    "escaped": _("It is written for HTML: “&amp;” stands in place of “&”."),
    "ending": _("A dot or a comma was added at the end."),
    "order": _("All parts are there, in another order. That does no harm."),
    "case-harmless": _("Capital and small letters differ. That does no harm."),
    "surplus": _("This one is not in the record. It may be there for something else."),
    # Wrong: it is the value of something else.
    "field": _("This is the value of %(field)s."),
    "record": _("This is the value for “%(record)s”."),
    "outdated": _("This was right in revision %(revision)s of this connection."),
    "environment": _("This belongs to another environment: %(name)s (%(environment)s)."),
    "connection": _("This belongs to another connection of your organization: %(name)s (%(environment)s)."),
    # Wrong: part of an address.
    "not-address": _("This is no web address."),
    "scheme": _("It begins with %(given)s in place of %(expected)s."),
    "slash-missing": _("The slash at the end is missing."),
    "slash-extra": _("A slash was added at the end."),
    "host": _("The host is %(given)s in place of %(expected)s."),
    "ref": _("It is the address of another connection, or was typed wrong: %(given)s in place of %(expected)s."),
    "door": _("It ends with %(given)s in place of %(expected)s."),
    "callback": _("This is a redirect URI. It belongs into the client record."),
    "fhir-url": _("This is a FHIR base URL, not the launch URL of this connector."),
    "query": _("Nothing may follow from ? or # on."),
    "encoded": _("It is encoded as within another address: %%25 stands in place of %%."),
    "fhir-suffix": _("The end is missing: %(suffix)s. Without it no FHIR release is named."),
    "fhir-release": _("It ends with %(given)s. This connection was approved for %(expected)s."),
    # Wrong: part of a context.
    "csn-in-group": _("%%CSN%% names one appointment. In a group visit all share %%CONFERENCEID%%."),
    "conference-in-visit": _("%%CONFERENCEID%% is for group visits. A one-to-one visit goes by %%CSN%%."),
    "token": _("%(given)s is no token that is known here."),
    "token-like": _("%(given)s is no token that is known here: did you mean %(meant)s?"),
    "token-other": _("%(given)s is another token than %(expected)s."),
    "percent": _("A percent sign is missing: Epic fills in only what stands between two."),
    "filled": _("For %(part)s a fixed value stands in place of a token: every visit would be the same one."),
    "part-missing": _("The part %(part)s is missing."),
    "part-like": _("The part %(given)s should be called %(part)s."),
    "part-extra": _("The part %(part)s is not in the record."),
    # Wrong: anything.
    "cut": _("It was cut off."),
    "case": _("Capital and small letters differ."),
    "no-field": _("This record has no %(field)s."),
    "more": _("More stands there than the value."),
    "unlike": _("It is another value."),
    "launch-type": _("LAUNCHTYPE is a number."),
    "missing": _("It was not in what you pasted."),
    "empty": _("Nothing stands there."),
}
# The state in a word, by the first fault; else by the state.
WORDS: dict[str, Promise] = {
    "right": _("Right"),
    "check": _("Check this"),
    "wrong": _("Wrong"),
    "missing": _("Missing"),
    "field": _("Swapped"),
    "record": _("Swapped"),
    "outdated": _("Outdated"),
    "environment": _("Other environment"),
    "connection": _("Other connection"),
}
EHR = _("FHIR base URL")
OPERATOR_DEFAULTS = _("the client records")
