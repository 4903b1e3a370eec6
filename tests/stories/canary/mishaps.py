"""What goes wrong, each with the page that says so: launches that lead nowhere, sign-ins that are not finished, an EHR
or Microsoft that fails. By the code of the problem that is to be met."""

from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote, urljoin

from sandbox.cast import LAKESIDE_TID, RIVERSIDE_TID
from tests.portal.steps import Shown, Visitor, switch, tell
from tests.stories.canary.acts import (
    Act,
    clinician,
    goes_in,
    launch,
    opens,
    patient,
    while_failing,
    while_settled,
    while_told,
    with_a_table_gone,
    with_context,
    with_the_database_away,
)
from tests.stories.people import INSTANCE
from tests.visits import steps
from tests.visits.call import CARLA_OID
from tests.visits.steps import CARLA, CSN, PIA, PRODUCTION, Clinic

GROUP = "sessionId=one-for-all&externalId=%EXTERNALID%&externalIdType=%EXTERNALIDTYPE%"


def from_another_environment(clinic: Clinic) -> object:
    theirs = f"{clinic.house.urls['epic']}/{PRODUCTION}/api/FHIR/R4"
    return launch(f"iss={quote(theirs, safe='')}&launch=launch-astray-4f2c")(clinic)


def without_a_token(clinic: Clinic) -> object:
    ours = f"{clinic.house.urls['epic']}/{INSTANCE}/api/FHIR/R4"
    return launch(f"iss={quote(ours, safe='')}")(clinic)


def by_the_others_door(clinic: Clinic) -> None:
    """The patient's record holds the clinician's address."""
    record = clinic.records["patient"]
    theirs = {name: clinic.records["provider"][name] for name in ("URL", "CLIENTID")}
    clinic.paste("patient", record | theirs)
    goes_in(clinic, PIA)
    clinic.paste("patient", record)


def denied_by_the_ehr(clinic: Clinic) -> object:
    someone = clinic.visitor()
    return someone.open(steps.denied(steps.callback_of(clinic, someone, PIA)))


def in_another_browser(clinic: Clinic) -> object:
    """One that has been here before."""
    other = clinic.visitor()
    steps.callback_of(clinic, other, PIA)
    return other.open(steps.callback_of(clinic, clinic.visitor(), PIA))


def too_late(clinic: Clinic) -> object:
    someone = clinic.visitor()
    callback = steps.callback_of(clinic, someone, PIA)
    clinic.database.execute("UPDATE visits_launch SET created_at = created_at - interval '1 hour'")
    return someone.open(callback)


def twice(clinic: Clinic) -> object:
    someone = clinic.visitor()
    callback = steps.callback_of(clinic, someone, PIA)
    someone.open(callback)
    return someone.open(callback)


def without_cookies(clinic: Clinic) -> object:
    """Redirects are followed one by one: by itself, requests brings along what the answer before has set."""
    someone = clinic.visitor()
    someone.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return someone.open(steps.callback_of(clinic, someone, CARLA), follow=False)


def of_another_patient(clinic: Clinic) -> None:
    """Two appointments of two patients that the record calls by one name."""
    with_context(CARLA, GROUP)(clinic)
    other = clinic.visitor()
    clinic.paste("provider", clinic.records["provider"] | {"CONTEXT": GROUP})
    other.open(clinic.press(CARLA, "770012"))
    clinic.paste("provider", clinic.records["provider"])


def of_either_side(clinic: Clinic) -> None:
    """Clinicians and patients come with one client ID, and no id_token says who they are."""
    shared = clinic.records["provider"]["CLIENTID"]
    while_told("epic", "no_openid", while_settled({"patient_client_id": shared}, clinician))(clinic)


def a_board_of_nobody(clinic: Clinic) -> None:
    record = clinic.records["provider"]
    clinic.paste("board", record | {"URL": record["URL"].replace("/provider/", "/board/"), "CONTEXT": "nothing=1"})
    switch(clinic.house, "epic", no_openid=True)
    clinic.forget_cache()
    clinic.visitor().open(str(tell(clinic.house, "epic", f"{INSTANCE}/launches", record="board", user=CARLA)["url"]))
    switch(clinic.house, "epic", no_openid=False)


def without_licence(clinic: Clinic) -> object:
    return goes_in(clinic, CARLA, "Nora Novak")  # whom nobody has linked to an EHR user yet


def without_consent(clinic: Clinic) -> object:
    """An administrator took the consent back."""
    tell(clinic.house, "entra", f"consents/{RIVERSIDE_TID}", granted=False)
    goes_in(clinic)
    page = clinic.administrator.press(clinic.administrator.open("/consent/"), "Check again")
    tell(clinic.house, "entra", f"consents/{RIVERSIDE_TID}", granted=True)
    return page


def after_the_end(clinic: Clinic) -> object:
    """The clinician's page, open while the visit ends."""
    _at_the_door(clinic, "UPDATE visits_visit SET ended_at = now()")
    return clinic.database.execute("UPDATE visits_visit SET ended_at = NULL")


def after_unlinking(clinic: Clinic) -> object:
    return _at_the_door(clinic, "UPDATE visits_participant SET user_id = NULL WHERE role = 'provider'")


def _at_the_door(clinic: Clinic, meanwhile: str) -> object:
    someone = clinic.visitor()
    steps.enter(clinic, CARLA, CSN, someone)
    page = someone.open(clinic.press(CARLA))
    handle = next(step.url for step in (*page.response.history, page.response) if "/visit/" in step.url)
    clinic.database.execute(meanwhile.encode())
    return someone.open(urljoin(handle, "join/"))


def cancelled_at_microsoft(clinic: Clinic) -> object:
    someone = clinic.visitor()
    return someone.press(someone.follow(someone.open("/signin/"), "Sign in with Microsoft"), "Cancel")


def signs_in(name: str) -> Act:
    return lambda clinic: clinic.visitor().sign_in(name)


def consent_denied(clinic: Clinic) -> object:
    address = clinic.visitor().open("/consent/start/", follow=False).response.headers["Location"]
    return clinic.visitor().open(f"/consent/callback/?error=access_denied&state={steps.state_of(address)}")


def without_the_forms_token(clinic: Clinic) -> object:
    return clinic.administrator.post(f"{clinic.house.urls['web']}/people/", {"person": "Pia Sandberg"}, timeout=30)


def asked_too_often(clinic: Clinic) -> None:
    """More launches than a browser may begin in a minute, though the minute ends in the middle of them."""
    someone, address = clinic.visitor(), clinic.press(PIA)
    for _ in range(64):
        if someone.open(address, follow=False).status == 429:
            return


def at_the_ehr(clinic: Clinic, name: str = "Ben Okafor") -> Shown:
    """The approver signs in at the EHR, by the settings that are live, as far as he gets."""
    ben = clinic.visitor()
    ben.sign_in("Ben Okafor")
    return _picks(clinic, ben, ben.open(f"/approve/{clinic.ref}/epic/?for=try"), name)


def _picks(clinic: Clinic, ben: Visitor, page: Shown, name: str) -> Shown:
    """Choose an account, where the EHR asks for one."""
    return ben.press(page, name) if page.url.startswith(clinic.house.urls["epic"]) else page


def by_the_proposal(clinic: Clinic) -> object:
    """The same by the settings that wait, with a secret that Epic does not know."""
    ben = clinic.visitor()
    ben.sign_in("Ben Okafor")
    return _picks(clinic, ben, ben.open(f"/approve/{clinic.ref}/epic/"), "Ben Okafor")


def as_a_patient(clinic: Clinic) -> object:
    return at_the_ehr(clinic, "Pia Sandberg")


def by_an_error_of_its_own(clinic: Clinic) -> object:
    """What no standard names comes back in place of a code."""
    ben = clinic.visitor()
    ben.sign_in("Ben Okafor")
    state = steps.state_of(ben.open(f"/approve/{clinic.ref}/epic/?for=try").url)
    return ben.open(f"/approve/epic/callback?error=something_new&state={state}")


def not_sent_back(clinic: Clinic) -> object:
    ben = clinic.visitor()
    ben.sign_in("Ben Okafor")
    return ben.open(f"/approve/{clinic.ref}/epic/error/")


def in_the_ehrs_sign_in(clinic: Clinic) -> object:
    return clinic.administrator.open("/approve/epic/callback?state=forged&code=code-forged-4f2c")


def authorize(error: str) -> Act:
    return while_told("epic", f"authorize_{error}", at_the_ehr)


def token(error: str, act: Act = at_the_ehr) -> Act:
    return while_told("epic", f"token_{error}", act)


SMART = "smart-configuration|metadata"
MISHAPS: dict[str, Act] = {
    # Launches, by what the EHR sends and the browser brings.
    "launch-unknown": opens("/launch/no-such-ref/patient/?iss=https%3A%2F%2Fehr.example&launch=launch-astray-4f2c"),
    "launch-iss-unlike": launch("iss=https%3A%2F%2Fehr.elsewhere.example&launch=launch-astray-4f2c"),
    "launch-other-environment": from_another_environment,
    "launch-token-missing": without_a_token,
    "launch-wrong-door": by_the_others_door,
    "launch-refused": denied_by_the_ehr,
    "launch-other-browser": in_another_browser,
    "launch-expired": too_late,
    "launch-replayed": twice,
    "cookies-needed": without_cookies,
    "connection-not-approved": lambda clinic: clinic.visitor().open(f"/launch/{clinic.returned_ref}/patient/"),
    "context-unfilled": while_told("epic", "csn_unfilled", patient),
    "patient-unlike": of_another_patient,
    "person-unknown": of_either_side,
    "board-of-nobody": a_board_of_nobody,
    "ehr-host-changed": while_told("epic", "issuer_elsewhere", patient),
    "ehr-unavailable": while_failing("epic", "/token", "status", 503, patient),
    "ehr-address": while_failing("epic", SMART, "html", None, patient),
    "ehr-client-refused": token("invalid_client", patient),
    "code-refused": token("invalid_grant", patient),
    # Microsoft, on a clinician's way into the meeting.
    "entra-unavailable": while_failing("entra", "/token", "status", 503, clinician),
    "graph-unavailable": while_failing("graph", "/v1.0", "status", 503, clinician),
    "graph-permission": while_failing("graph", "/v1.0", "status", 401, clinician),
    "graph-refused": while_failing("graph", "onlineMeetings", "status", 403, clinician),
    "graph-not-found": while_told("graph", "account-gone", clinician, [CARLA_OID], []),
    "meeting-answer": while_failing("graph", "onlineMeetings", "broken", None, clinician),
    "join-url-host": while_told("graph", "foreign-links", clinician),
    "application-access-policy": while_told("graph", "access-policy-missing", clinician),
    "teams-licence": without_licence,
    "admin-consent": without_consent,
    # Links and pages whose time is over.
    "page-lost": opens("/visit/somebody-elses/"),
    "handover-over": opens("/visit/other-browser/forged/"),
    "ticket-old": opens("/beside/forged/"),
    "forward-over": opens("/forward/forged/"),
    "visit-ended": after_the_end,
    "not-linked": after_unlinking,
    # The portal.
    "sign-in-expired": opens("/signin/microsoft/callback/?state=forged&code=code-forged-4f2c"),
    "sign-in-cancelled": cancelled_at_microsoft,
    "personal-account": signs_in("Carla Mendes"),
    "nobody": signs_in("Dr. Carla Mendes"),
    "tenant-not-allowed": opens(f"/consent/start/{LAKESIDE_TID}/"),
    "consent-expired": opens("/consent/callback/?state=forged&tenant=forged"),
    "consent-denied": consent_denied,
    "ehr-sign-in-expired": in_the_ehrs_sign_in,
    "ehr-sign-in-patient": as_a_patient,
    "ehr-sign-in-refused": by_an_error_of_its_own,
    "epic-not-sent-back": not_sent_back,
    "epic-permission": authorize("access_denied"),
    "epic-client": authorize("unauthorized_client"),
    "epic-request": authorize("invalid_request"),
    "epic-scopes": authorize("invalid_scope"),
    "epic-own-error": authorize("server_error"),
    "epic-keys": token("invalid_client"),
    "epic-code": token("invalid_grant"),
    "epic-secret": by_the_proposal,
    # Anywhere.
    "csrf": without_the_forms_token,
    "too-many": asked_too_often,
    "unexpected": with_a_table_gone,
    "database-away": with_the_database_away,
}


def all_of_them(clinic: Clinic) -> None:
    """One after the other, each in a product that has nothing cached, and knows no clinician and no meeting yet."""
    for act in MISHAPS.values():
        clinic.forget_cache()
        clinic.database.execute("DELETE FROM visits_ehruserlink; UPDATE visits_participant SET user_id = NULL")
        clinic.database.execute("UPDATE visits_visit SET opened_at = NULL, join_url_sealed = '', organizer_id = NULL")
        act(clinic)
