"""Who fixes what a preflight finds."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

ADMINISTRATOR: Text = _("A Microsoft 365 administrator of your organization")
ANALYST: Text = _("The EHR analyst")
EHR_OPERATIONS: Text = _("The team that runs the EHR's servers and network")
OPERATOR: Text = _("Whoever operates this connector")
NOBODY: Text = _("Nobody needs to do anything")
