"""Texts of the checks of the CapabilityStatement."""

from django.utils.translation import gettext_lazy as _

from connector.ehr.preflight.shapes import Explanation
from connector.ehr.preflight.texts.who import ADMINISTRATOR, ANALYST, EHR_OPERATIONS, NOBODY

FHIR = {
    "metadata-read": Explanation(
        _("The EHR describes itself"),
        _("Its CapabilityStatement tells the FHIR release, the software and what can be read."),
    ),
    "metadata-media-type": Explanation(
        _("The EHR names the wrong content type"),
        _("The CapabilityStatement is JSON, but is labelled as something else. The connector reads it all the same."),
        _("Nothing has to be done for the connector. Other applications may be stricter."),
        NOBODY,
    ),
    "metadata-slow": Explanation(
        _("The CapabilityStatement did not come in time"),
        _("Without it, neither FHIR release nor software is known, and old EHRs name their sign-in only there."),
        _("Check again. If it stays, find out why this address is slow."),
        EHR_OPERATIONS,
    ),
    "metadata-unreachable": Explanation(
        _("The CapabilityStatement came in part or not at all"),
        _("The connection was refused or cut off, or what came could not be unpacked."),
        _("Check again. If it stays, look at the proxy or firewall in front of the EHR."),
        EHR_OPERATIONS,
    ),
    "metadata-too-large": Explanation(
        _("The CapabilityStatement is too large"),
        _("The connector reads at most 8 MB. The largest that are known have about 5."),
        _("Check that the address is the FHIR base URL, and tell the EHR's vendor."),
        EHR_OPERATIONS,
    ),
    "metadata-guarded": Explanation(
        _("The CapabilityStatement is locked"),
        _("FHIR wants it to be readable by everybody. This server asks for a sign-in first."),
        _("Open metadata and .well-known/smart-configuration to everybody, also in the proxy in front of the EHR."),
        EHR_OPERATIONS,
    ),
    "metadata-missing": Explanation(
        _("There is no FHIR server at this address"),
        _("The host answers, but has nothing at this path."),
        _("Check the path to its end, capitals too: it usually ends in /api/FHIR/R4 or /api/FHIR/DSTU2."),
        ADMINISTRATOR,
    ),
    "metadata-busy": Explanation(
        _("The EHR has too much to do"),
        _("It asked to be left alone for a while. Launches would be refused in the same way."),
        _("Check again later. If it comes back, raise the limit for the connector's address."),
        EHR_OPERATIONS,
    ),
    "metadata-down": Explanation(
        _("The EHR reports an error of its own"),
        _("It may be down for maintenance. Launches would fail in the same way."),
        _("Check again later. If it stays, look at the EHR's web servers."),
        EHR_OPERATIONS,
    ),
    "metadata-refused": Explanation(
        _("The EHR refuses to describe itself"),
        _("It takes the request for a wrong one, though every FHIR server has to answer it."),
        _("Check the base URL, and whether a proxy or firewall refuses the connector."),
        EHR_OPERATIONS,
    ),
    "metadata-page": Explanation(
        _("A web page came in place of data"),
        _("This is often a login page, a maintenance page or an error page that claims success."),
        _("Check the base URL. If it is right, let the proxy pass metadata without a sign-in."),
        EHR_OPERATIONS,
    ),
    "metadata-no-json": Explanation(
        _("The EHR has no JSON"),
        _("It sends XML, though JSON was asked for. The connector reads only JSON."),
        _("Switch on JSON (application/fhir+json), or let the proxy pass the Accept header on."),
        EHR_OPERATIONS,
    ),
    "metadata-unreadable": Explanation(
        _("The CapabilityStatement cannot be read"),
        _("What came is empty, incomplete or not JSON."),
        _("Open the address in a browser and compare. A proxy may cut or change it."),
        EHR_OPERATIONS,
    ),
    "metadata-not-fhir": Explanation(
        _("This is not a FHIR server"),
        _("What came is JSON, but no CapabilityStatement."),
        _("Check the base URL to its end: it may be one part too short or too long."),
        ADMINISTRATOR,
    ),
    "release-r4": Explanation(
        _("FHIR R4"),
        _("Every function of the connector works with it."),
    ),
    "release-stu3": Explanation(
        _("FHIR STU3"),
        _("Visits, appointments and encounters work. Epic tells who signed in only to applications of R4."),
        _("Use the base URL of R4 if there is one. Else give clinicians and patients different client ids."),
        ANALYST,
    ),
    "release-dstu2": Explanation(
        _("FHIR DSTU2"),
        _("There are no appointments or encounters here, so the visit has to come from the CONTEXT of the record."),
        _("Use the base URL of R4 if there is one. Else keep the session kind at CONTEXT, with different client ids."),
        ANALYST,
    ),
    "release-newer": Explanation(
        _("A FHIR release after R4"),
        _("The connector is made for R4. Launches do not depend on the release, reading appointments may."),
        _("Use the base URL of R4 if there is one."),
        ANALYST,
    ),
    "release-unknown": Explanation(
        _("The FHIR release is not known"),
        _("The EHR names none, or one that the connector does not know."),
        _("Check the end of the base URL. It should name R4."),
        ADMINISTRATOR,
    ),
    "software-supported": Explanation(
        _("This Epic version is supported"),
        _("Launches need November 2018 or later."),
    ),
    "software-too-old": Explanation(
        _("This Epic version is too old"),
        _("SMART launches as the connector needs them exist since November 2018."),
        _("Upgrade Epic, or use an environment that has been upgraded."),
        EHR_OPERATIONS,
    ),
    "software-version-unknown": Explanation(
        _("The Epic version could not be read"),
        _("It is not written as month and year. The connector needs November 2018 or later."),
        _("Ask your Epic technical contact for the version."),
        ANALYST,
    ),
    "software-other": Explanation(
        _("This EHR is not Epic"),
        _("Launches work with every SMART R4 server. Status service and records are known for Epic only."),
        _("Check the kind of EHR in the connection's settings."),
        ADMINISTRATOR,
    ),
    "base-url-differs": Explanation(
        _("The EHR knows itself by another address"),
        _("This is usual behind a proxy. It can also mean that an old or internal address was entered."),
        _("Compare both. Launches carry the address that the EHR uses, and it has to be the one entered here."),
        ANALYST,
    ),
    "resources-offered": Explanation(
        _("Everything the connector reads is offered"),
        _("Names on the page that links accounts, and the start and state of an appointment, can be read."),
    ),
    "resources-missing": Explanation(
        _("Some of what the connector reads is not offered"),
        _("Visits work. Without appointments and encounters no time window applies, and some names are not shown."),
        _("Nothing, unless you want these functions: then add the named APIs to the client record."),
        ANALYST,
    ),
    "audit-event-accepted": Explanation(
        _("The EHR accepts AuditEvents"),
        _("The trail can be delivered there."),
    ),
    "audit-event-not-offered": Explanation(
        _("The EHR takes no AuditEvents"),
        _("Epic takes none. The connector keeps the trail itself and can deliver it elsewhere."),
        _("Nothing, unless you want the trail in a FHIR repository: then name one in the settings."),
        NOBODY,
    ),
}
