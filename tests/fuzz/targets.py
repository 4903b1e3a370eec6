"""Everything that junk is sent to. One more is a line."""

from tests.fuzz import edges, notified, texts, wires
from tests.fuzz.judge import Target
from tests.fuzz.wires import CONFIGURATION, GRAPH_MEETING, GRAPH_USER, JWKS, METADATA, asking
from tests.visits.pressing import CLINICIAN, KEYS, PATIENT
from tests.visits.test_writeback.ehr import TOKEN

ANY = None  # tables: what was accepted is an act of somebody who may, and changes what it changes
NONE: frozenset[str] = frozenset()
LAUNCH = frozenset({"visits_launch"})
VISIT = LAUNCH | {
    f"visits_{name}" for name in ("visit", "participant", "fact", "report", "writeback", "subscription", "lane")
}
VISIT |= {"connector_entry", "django_session", "connector_key", "visits_browser"}
SIGN_IN = frozenset({"django_session"})
PROOF = frozenset({"connector_ehrsignin", "connector_entry", "django_session"})
MEMBER = SIGN_IN | {
    "connector_user",
    "connector_organization",
    "connector_administrator",
    "socialaccount_socialaccount",
}
MEMBER |= {"connector_entry", "connector_change", "connector_key", "visits_browser"}
TOLD = frozenset({"visits_receipt", "visits_fact", "connector_entry", "visits_writeback", "visits_report"})
KEPT = frozenset({"visits_receipt"})  # before it is understood
CONSENT = SIGN_IN | {"connector_change", "connector_check", "connector_entry"}

BROWSERS = (
    Target("launch, GET", edges.launches("GET"), 400, LAUNCH),
    Target("launch, POST", edges.launches("POST"), 400, LAUNCH),
    Target("launch callback", edges.launch_callback, 250, VISIT, LAUNCH),
    Target(
        "Microsoft callback, portal",
        edges.came_back("microsoft_callback", "nobody", edges.portal_start),
        250,
        SIGN_IN,
        SIGN_IN,
    ),
    Target(
        "Microsoft callback, visits",
        edges.came_back("microsoft_callback", "clinician", edges.visits_start),
        250,
        SIGN_IN,
        SIGN_IN,
    ),
    Target(
        "approver's EHR callback",
        edges.came_back("ehr_signin_callback", "staff", edges.epic_start),
        250,
        PROOF,
        SIGN_IN,
    ),
    Target("admin consent callback", edges.consent_callback, 250, CONSENT),
    Target("handles, tickets and links", edges.held, 700, ANY),
    Target("every address, every method", edges.everywhere, 1000, ANY),
    Target("every form and filter", edges.form_of, 1200, ANY),
    Target("record checker", texts.pasted, 500, NONE),
    Target("configuration as YAML", texts.configuration, 400, ANY),
)
GRAPH_TELLS = (
    Target("Graph notifications", notified.delivered("notifications"), 500, TOLD),
    Target("Graph lifecycle notifications", notified.delivered("lifecycle", "lifecycleEvent"), 250, TOLD),
    Target("notification content", notified.understood, 300, TOLD, KEPT),
    Target("notification envelope", notified.mistrusted, 250, TOLD, KEPT),
)
EHR_FLOWS = (
    Target("launch: smart-configuration", wires.flow(CONFIGURATION, wires.SMART, PATIENT), 100, VISIT, LAUNCH),
    Target("launch: EHR's keys", wires.flow(KEYS, wires.keys_of_the_ehr(), CLINICIAN), 100, VISIT, LAUNCH),
    Target("launch: patient's token answer", wires.granted(PATIENT), 200, VISIT, LAUNCH),
    Target("launch: clinician's token answer", wires.granted(CLINICIAN), 200, VISIT, LAUNCH),
    Target("launch: group's token answer", wires.granted(PATIENT, "group-patient"), 100, VISIT, LAUNCH),
    Target("launch: board's token answer", wires.granted(CLINICIAN, "board"), 100, VISIT, LAUNCH),
    Target("launch: patient's id_token", wires.claimed(PATIENT), 150, VISIT, LAUNCH),
    Target("launch: clinician's id_token", wires.claimed(CLINICIAN), 150, VISIT, LAUNCH),
    Target("launch: Appointment", wires.flow("{base}/Appointment/a1", wires.APPOINTMENT, PATIENT), 150, VISIT, LAUNCH),
    Target("launch: Practitioner", wires.flow("{base}/Practitioner/e1", wires.PERSON, CLINICIAN), 100, VISIT, LAUNCH),
    Target("approver: smart-configuration", wires.approver(CONFIGURATION, wires.SMART), 100, PROOF, SIGN_IN),
    Target("approver: token answer", wires.approver(TOKEN, wires.GRANTED | {"id_token": "@"}), 150, PROOF, SIGN_IN),
    Target("approver: Practitioner", wires.approver("{base}/Practitioner/e1", wires.PERSON), 100, PROOF, SIGN_IN),
)
MICROSOFT_FLOWS = (
    Target("sign-in: token answer", wires.microsoft(edges.portal_start, "answer"), 150, MEMBER, SIGN_IN),
    Target("sign-in: Microsoft's keys", wires.microsoft(edges.portal_start, "keys"), 100, MEMBER, SIGN_IN),
    Target("sign-in: id_token", wires.microsoft(edges.portal_start, "id_token"), 150, MEMBER, SIGN_IN),
    Target("clinician's sign-in: id_token", wires.microsoft(edges.visits_start, "id_token"), 100, MEMBER, SIGN_IN),
    Target("join: createOrGet", wires.opened(f"{GRAPH_USER}/onlineMeetings/createOrGet", wires.MADE), 80, VISIT),
    Target(
        "join: visitor link",
        wires.opened(f"{GRAPH_MEETING}/getVirtualAppointmentJoinWebUrl", wires.LINK),
        60,
        VISIT,
    ),
    Target("join: subscription", wires.opened("/beta/subscriptions", wires.SUBSCRIBED), 60, VISIT),
    Target("meeting's reports into facts", wires.reconciled, 150, ANY),
)
CALLS = (
    Target("smart-configuration", asking(CONFIGURATION, wires.SMART, wires.discovered)),
    Target("CapabilityStatement", asking(METADATA, wires.STATEMENT, wires.described)),
    Target("CapabilityStatement, endpoints", asking(METADATA, wires.STATEMENT, wires.stated)),
    Target("preflight", asking(METADATA, wires.STATEMENT, wires.checked), 60),
    Target("Practitioner", asking("{base}/Practitioner/e1", wires.PERSON, wires.named)),
    Target("Appointment", asking("{base}/Appointment/a1", wires.APPOINTMENT, wires.planned("Appointment/a1"))),
    Target("Encounter", asking("{base}/Encounter/n1", wires.ENCOUNTER, wires.planned("Encounter/n1"))),
    Target("backend token", asking(TOKEN, wires.TOKENS, wires.backend_token)),
    Target("Microsoft's app token", asking("/{tid}/oauth2/v2.0/token", wires.TOKENS, wires.app_token)),
    Target("JWKS", asking(JWKS, wires.keys_of_the_ehr(), wires.verified)),
    Target("Graph: createOrGet", asking(f"{GRAPH_USER}/onlineMeetings/createOrGet", wires.MADE, wires.made)),
    Target("Graph: meeting", asking(GRAPH_MEETING, wires.MADE, wires.options)),
    Target("Graph: subscription", asking("/beta/subscriptions", wires.SUBSCRIBED, wires.subscribed)),
    Target(
        "Graph: visitor link", asking(f"{GRAPH_MEETING}/getVirtualAppointmentJoinWebUrl", wires.LINK, wires.visitor)
    ),
    Target("Graph: list of reports", asking(f"{GRAPH_MEETING}/attendanceReports", wires.REPORTS, wires.reports)),
    Target("Graph: report", asking(f"{GRAPH_MEETING}/attendanceReports/r-1", wires.REPORT, wires.reports)),
    Target("Graph: user", asking(GRAPH_USER, wires.USER, wires.person)),
    Target("Graph: search", asking("/v1.0/users", {"value": [wires.USER]}, wires.search)),
    Target("Graph: organization", asking("/v1.0/organization", wires.ORGANIZATION, wires.organization)),
    Target("Graph: products", asking("/v1.0/subscribedSkus", wires.SKUS, wires.products)),
    Target("Graph: roles", asking(f"{GRAPH_USER}/{wires.ROLES}", wires.HELD, wires.roles)),
)
TARGETS = (*BROWSERS, *GRAPH_TELLS, *EHR_FLOWS, *MICROSOFT_FLOWS, *CALLS)
