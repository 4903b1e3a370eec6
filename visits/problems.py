"""Texts for what can stop a launch or a join. Patients read some of them: plain words first."""

from django.utils.translation import gettext_lazy as _

from connector.problems.table import ADMINISTRATOR, ANALYST, OPERATOR, WAIT, YOU, Problem

AGAIN = _("Go back to the EHR or to the patient portal and press the button for the visit again.")
RECORD = _("The integration record in Epic: compare it with the record in the connector's portal, field by field.")

PROBLEMS: dict[str, Problem] = {
    "launch-unknown": Problem(
        _("This link leads nowhere"),
        _("No connection belongs to the address that the EHR opened."),
        _("The URL in Epic's integration record may have been cut or belong to another installation. Paste it again."),
        ANALYST,
        404,
    ),
    "connection-not-approved": Problem(
        _("Video visits are not switched on yet"),
        _("This connection has not been approved, was returned to the administrator, or was withdrawn."),
        _("The approver finds it in the connector's portal under “Approve or view”."),
        ANALYST,
        403,
    ),
    "connection-suspended": Problem(
        _("Video visits are switched off for now"),
        _("An administrator or the approver has suspended this connection."),
        _("The reason stands in the connector's portal. The same people can resume it."),
        ADMINISTRATOR,
        403,
    ),
    "launch-token-missing": Problem(
        _("Please open the visit from the patient portal or the EHR"),
        _("This page cannot be opened from a bookmark or a copied address."),
        AGAIN,
        YOU,
    ),
    "launch-iss-unlike": Problem(
        _("This record belongs to another EHR"),
        _("The launch came from a FHIR base URL that this connection was not approved for."),
        RECORD,
        ANALYST,
        403,
    ),
    "launch-other-environment": Problem(
        _("Testing and production are mixed up"),
        _("The launch came from the other environment than the one this integration record was made for."),
        _("In Epic, paste the record of this environment: each FHIR base URL has its own in the connector's portal."),
        ANALYST,
        403,
    ),
    "ehr-host-changed": Problem(
        _("The EHR's sign-in has moved"),
        _("The EHR now names another host for its sign-in than when the connection was approved."),
        _("If the move was planned, an administrator submits the connection again and the approver approves it."),
        ADMINISTRATOR,
        403,
    ),
    "launch-refused": Problem(
        _("The EHR did not let this launch through"),
        _("The EHR refused to sign you in for this visit."),
        _("Press the button again. If it stays, compare client id and redirect URIs in Epic's client record."),
        ANALYST,
        403,
    ),
    "launch-expired": Problem(
        _("This launch is too old"),
        _("A launch has to be finished within five minutes."),
        AGAIN,
        YOU,
    ),
    "launch-replayed": Problem(
        _("This launch was used already"),
        _("Each press of the button works once."),
        AGAIN,
        YOU,
    ),
    "launch-other-browser": Problem(
        _("This launch was started in another browser"),
        _("For the safety of the visit, the browser that began must also finish."),
        AGAIN,
        YOU,
        403,
    ),
    "cookies-needed": Problem(
        _("The first time needs cookies"),
        _("This browser, or the frame that the EHR opened, keeps no cookies, so your account cannot be linked."),
        _("Allow cookies for this site, or open the visit in a window of its own, and press the button again."),
        YOU,
        403,
    ),
    "launch-wrong-door": Problem(
        _("This is the other side's button"),
        _("A patient opened the clinician's record, or a clinician the patient's."),
        RECORD,
        ANALYST,
        403,
    ),
    "context-unfilled": Problem(
        _("The EHR did not say which visit this is"),
        _("A value of the integration record came back empty or as the token itself, with its percent signs."),
        _("The key named below, in the record's CONTEXT line. Ask Epic which token this release fills in."),
        ANALYST,
    ),
    "context-missing": Problem(
        _("The EHR did not say which visit this is"),
        _("Visits are known here by what is named below, and the EHR's answer held none, or more than one."),
        _("Open the visit from its appointment, not from the chart. If that is no help, see “What names a visit”."),
        ANALYST,
    ),
    "person-unknown": Problem(
        _("The EHR did not say who you are"),
        _("It named nobody, and clinicians and patients share one client ID here, so nothing tells them apart."),
        _("Give provider and patient app a client ID each, or let the EHR name the person (openid and fhirUser)."),
        ANALYST,
        403,
    ),
    "board-of-nobody": Problem(
        _("The EHR did not say whose board this is"),
        _("A board shows the visits of a department or of one clinician, and the EHR's answer named neither."),
        _("The record's CONTEXT line: departmentId. Ask Epic which token this release fills in."),
        ANALYST,
    ),
    "patient-unlike": Problem(
        _("This visit belongs to another patient"),
        _("The EHR named another patient than this visit began with, so nobody was let in."),
        _("Close this window, open the right patient's chart and press the button there."),
        YOU,
        403,
    ),
    "page-lost": Problem(
        _("Please press the button again"),
        _("This page was closed for too long, its visit is over, or another person or browser has taken its place."),
        AGAIN,
        YOU,
        410,
    ),
    "handover-over": Problem(
        _("Please press the button again"),
        _("A link into another browser works once, and for two minutes. This one was used or is too old."),
        AGAIN,
        YOU,
        410,
    ),
    "ticket-old": Problem(
        _("This link has run out"),
        _("It was good for two minutes, for the window that opens beside the EHR."),
        _("Close this window and press the button on the visit page in the EHR again."),
        YOU,
        410,
    ),
    "list-over": Problem(
        _("Please sign in again"),
        _("Your list of open visits has ended, or the visit has: a list is good for 15 minutes."),
        _("Open the page “My open visits” again and sign in with Microsoft."),
        YOU,
        410,
    ),
    "visit-ended": Problem(
        _("This visit has ended"),
        _("Its Teams meeting is closed, and its links lead nowhere any more."),
        _("To begin it anew, press the button for the visit in the EHR again."),
        YOU,
        410,
    ),
    "not-linked": Problem(
        _("Please press the button again"),
        _("Your Microsoft account is not linked to your EHR account yet."),
        AGAIN,
        YOU,
        403,
    ),
    "teams-licence": Problem(
        _("Your account has no Teams licence"),
        _("A clinician needs a Teams licence to hold a video visit."),
        _("Licences are given in the Microsoft 365 admin center, under Users, Active users, Licenses and apps."),
        ADMINISTRATOR,
        403,
    ),
    "application-access-policy": Problem(
        _("Teams does not let the connector make meetings yet"),
        _("The application access policy is missing for your account, or has not taken effect (up to 48 hours)."),
        _("A Teams administrator runs these lines once, in PowerShell with the MicrosoftTeams module:"),
        ADMINISTRATOR,
        403,
    ),
    "meeting-answer": Problem(
        _("Teams gave no meeting"),
        _("Microsoft answered, but without a meeting to join."),
        _("Try again in a few minutes."),
        WAIT,
        503,
    ),
    "graph-refused": Problem(
        _("Microsoft refused to make the meeting"),
        _("Microsoft Graph did not accept the request for this account."),
        _("Check that the account exists, is enabled and may hold Teams meetings."),
        ADMINISTRATOR,
        403,
    ),
    "join-url-host": Problem(
        _("The meeting's address is not one of Teams"),
        _("Microsoft named a meeting address on a host that this deployment does not know, so nobody is sent there."),
        _("If it is right (a national cloud), the operator adds the host to TEAMS_HOSTS."),
        OPERATOR,
        503,
    ),
}
PROBLEMS["graph-not-found"] = PROBLEMS["graph-refused"]
