"""Texts of the checks of the backend token and the status service."""

from django.utils.translation import gettext_lazy as _

from connector.ehr.preflight.shapes import Explanation
from connector.ehr.preflight.texts.who import ADMINISTRATOR, ANALYST, EHR_OPERATIONS, NOBODY

SERVICES = {
    "backend-token": Explanation(
        _("The EHR gives the connector a token"),
        _("Keys and backend client id are right, so the EHR can be told who is connected."),
    ),
    "backend-not-asked": Explanation(
        _("No backend token was asked for"),
        _("The backend client id is not set, or the token address is not an approved one."),
        _("Enter the backend client id once the client record exists in the EHR."),
        ANALYST,
    ),
    "backend-client-unknown": Explanation(
        _("The EHR does not know the connector's keys"),
        _("Client id or keys were refused. After a change, an EHR may use old keys for up to 29 hours."),
        _("Check the backend client id and the JWKS URL in the client record. If they are new, wait until tomorrow."),
        ANALYST,
    ),
    "backend-client-unmapped": Explanation(
        _("The backend client has no background user"),
        _("The EHR knows the client, but nobody said as whom it works."),
        _("Map the backend client id to a background user in the EHR's client systems administration."),
        ANALYST,
    ),
    "backend-scope": Explanation(
        _("The EHR refuses the backend scopes"),
        _("They are more than the client record allows, or are written in another way."),
        _("Compare the backend scopes in the settings with the client record. Epic needs none."),
        ANALYST,
    ),
    "backend-grant": Explanation(
        _("The EHR gives no backend tokens"),
        _("It does not know client_credentials, so the EHR cannot be told who is connected."),
        _("Switch on SMART Backend Services, or make a client record of the backend kind."),
        ANALYST,
    ),
    "backend-refused": Explanation(
        _("The EHR refuses the request for a token"),
        _("It gave no reason that the connector knows."),
        _("Check the backend client id, that the record is active in this environment, and the EHR's own log."),
        ANALYST,
    ),
    "backend-unavailable": Explanation(
        _("The token address did not answer"),
        _("It was too slow, busy or down. Writing to the EHR waits until it answers."),
        _("Check again later. If it stays, look at the address named here."),
        EHR_OPERATIONS,
    ),
    "backend-no-token": Explanation(
        _("The EHR granted something, but no token"),
        _("What came is no token response. A proxy may have answered in the EHR's place."),
        _("Look at what answers at the address named here."),
        EHR_OPERATIONS,
    ),
    "status-answers": Explanation(
        _("The status service is there"),
        _("Something answers at its address that is not there for every address. No visit and nobody was named."),
    ),
    "status-undecided": Explanation(
        _("Whether the status service is there cannot be told"),
        _("The EHR gives the same answer for a service that cannot exist. The real call is never made as a test."),
        _("Nothing. A test visit shows whether it works."),
        NOBODY,
    ),
    "status-unknown": Explanation(
        _("The status service's address is not known"),
        _("Visits work. The EHR is not told who is connected."),
        _("Ask your EHR's technical contact for the address, and enter it in the settings."),
        ADMINISTRATOR,
    ),
    "status-unavailable": Explanation(
        _("The status service did not answer"),
        _("It was too slow, busy or down. What the EHR is to be told waits until it answers."),
        _("Check again later. If it stays, look at the address named here."),
        EHR_OPERATIONS,
    ),
    "status-missing": Explanation(
        _("The status service is not at its address"),
        _("The EHR has nothing at this path. Visits work, but the EHR cannot be told who is connected."),
        _("Check the path in the settings, and that the service is switched on in this environment."),
        ANALYST,
    ),
    "status-moved": Explanation(
        _("The status service redirects"),
        _("The connector does not follow, since it would carry ids and a token with it."),
        _("Enter the address that it leads to, if it is the EHR's own."),
        ANALYST,
    ),
    "status-page": Explanation(
        _("A web page answers for the status service"),
        _("This is often a login page. The EHR cannot be told who is connected."),
        _("Check the path in the settings, and let the proxy pass it without a sign-in page."),
        EHR_OPERATIONS,
    ),
    "repository-accepts": Explanation(
        _("The repository accepts AuditEvents"),
        _("It says that they can be created there, each once however often it is sent."),
    ),
    "repository-unconditional": Explanation(
        _("The repository does not promise to keep each AuditEvent once"),
        _("It accepts them, but says nothing of conditional create. What is sent again may be there twice."),
        _("Ask its operator whether If-None-Exist is honoured. Some servers do so without saying it."),
        EHR_OPERATIONS,
    ),
    "repository-not-offered": Explanation(
        _("The repository takes no AuditEvents"),
        _("It does not list their creation. At the first refusal it is turned off, and what it should get is held."),
        _("Let it accept AuditEvent, or name another repository in the settings. Epic's own FHIR server takes none."),
        ADMINISTRATOR,
    ),
    "repository-unreadable": Explanation(
        _("The repository does not describe itself"),
        _("Its CapabilityStatement could not be read, so nobody knows whether it accepts AuditEvents."),
        _("Check its address in the settings to its end, and that the connector may reach it."),
        ADMINISTRATOR,
    ),
}
