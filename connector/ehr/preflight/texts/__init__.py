"""What each finding means to people. `docs/preflight.md` lists the same."""

from django.utils.translation import gettext_lazy as _

from connector.ehr.preflight.shapes import Explanation
from connector.ehr.preflight.texts.fhir import FHIR
from connector.ehr.preflight.texts.network import NETWORK
from connector.ehr.preflight.texts.services import SERVICES
from connector.ehr.preflight.texts.sign_in import SIGN_IN

TEXTS: dict[str, Explanation] = NETWORK | FHIR | SIGN_IN | SERVICES
EARLIER = Explanation(
    _("A check of another release of the connector"),
    _("It was made before the connector was changed."),
    _("Check again."),
    _("You can do this yourself"),
)
