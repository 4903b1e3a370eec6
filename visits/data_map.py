"""The data map's part beside the models of visits (connector.data_map)."""

from django.conf import settings

from connector.data_map.browsers import cookie, stored
from connector.data_map.shapes import business, codes, identifiers, secrets, table, technical, times

RETENTION = (
    "The connection's retention after the visit's end (30 days unless changed), and not before its writebacks are final"
)
WITH_VISIT = "With its visit"

TABLES = (
    table(
        "visits.Visit",
        "What an EHR calls one encounter: whoever is launched with its session value lands here",
        RETENTION,
        identifiers(
            id="Our own number",
            connection="Of which",
            session_hash="Finds the visit when the next person presses",
            hash_kid="Key of the hashes",
            session_sealed="Told back to the EHR, byte for byte",
            patient_hash="So that nobody is sent into another patient's meeting",
            clinician_hash="Whose board shows it",
            initials_sealed="The patient's, where the connection shows them on its board",
            organizer="In whose name the meeting is",
        ),
        secrets(
            meeting_id_sealed="Graph's id; holds a part of the link",
            join_url_sealed="The meeting's link, with its passcode; gone when the meeting is deleted",
            visitor_url_sealed="The link for patients, as well",
        ),
        codes(
            session_kind="What kind of id",
            test="A test visit",
            lobby="Who passes the lobby",
            presence_live="Whether Microsoft tells who is there",
            department="The EHR's code of it",
            clinic="Where it is held, in words for patients",
        ),
        technical(generation="Which meeting of the visit"),
        times(
            claimed_at="Somebody began to open the meeting",
            starts_at="Planned start",
            ends_at="Planned end",
            noticed_at="Somebody reacted to the board's alert",
            opened_at="Meeting opened",
            ended_at="Visit over",
            due_at="To be looked at",
            look_at="Reports to be read",
            created_at="First press",
        ),
    ),
    table(
        "visits.Participant",
        "Somebody who launched a visit",
        WITH_VISIT,
        identifiers(
            id="Our own number; the trail calls the person by it",
            visit="Of which",
            ehr_user_hash="Finds the person at the next press",
            hash_kid="Key of the hash",
            external_id_sealed="Told back to the EHR, byte for byte",
            external_id_type_sealed="Its type, as well",
            user="A clinician's Microsoft account",
        ),
        codes(role="Clinician, patient or proxy", timing="Too early, too late, called off"),
        times(sent_at="Sent to Teams", created_at="First press"),
    ),
    table(
        "visits.EhrUserLink",
        "Which Microsoft account an EHR user is, as he confirmed once",
        "Until he unlinks it, an administrator erases it, the account is deleted (looked at daily) or "
        "the organization is ended",
        technical(id="Row"),
        identifiers(
            connection="At which EHR",
            ehr_user_hash="Who there: a keyed hash, so nobody can be shown it",
            hash_kid="Key of the hash",
            user="Microsoft account",
        ),
        times(linked_at="Confirmed", used_at="Last led into a visit"),
    ),
    table(
        "visits.Browser",
        "A clinician's or patient's browser",
        "90 days after it was last seen",
        identifiers(
            id_hash="Hash of its cookie's random id",
            user="Who last signed in with Microsoft in it, until he unlinks there or is erased",
        ),
        times(seen_at="Last seen", list_until="Lists open visits until"),
    ),
    table(
        "visits.Launch",
        "One press of the EHR's button",
        "With its visit; one that reached no visit for a day",
        identifiers(
            id="Our own number",
            connection="Of which",
            participant="Who",
            browser_hash="In which browser",
            ehr_user_hash="Whose board it is",
        ),
        secrets(
            state_hash="Hash of the sign-in's state",
            verifier_sealed="PKCE verifier",
            handle_hash="Hash of the page's handle",
            successor_hash="Hash of the next one",
        ),
        codes(
            door="Which record",
            cookie_seen="Whether a cookie came",
            framed="Whether in a frame",
            language="As picked",
            department="What a board covers",
        ),
        times(
            redeemed_at="Signed in",
            handed_over_at="Link into another browser used",
            handle_until="Page good until",
            created_at="Pressed",
        ),
    ),
    table(
        "visits.Subscription",
        "A Graph subscription to one meeting's events",
        WITH_VISIT,
        identifiers(id="Our own number", visit="Of which", key_kid="Key that Graph encrypts to", graph_id="Graph's id"),
        technical(generation="Which meeting"),
        times(expires_at="Ends", created_at="Asked for"),
    ),
    table(
        "visits.Receipt",
        "A notification as it came",
        WITH_VISIT,
        technical(id="Row", attempts="Tries"),
        identifiers(
            subscription="Of which",
            item="As sent: content encrypted to us, resource and tenant ids beside it",
        ),
        secrets(validation_tokens="Signed by Microsoft, naming the tenant and no person; emptied once understood"),
        codes(state="How far it is", reason="Why it was refused"),
        times(next_at="Next try", received_at="Received"),
    ),
    table(
        "visits.Fact",
        "Something that happened to somebody in a visit",
        WITH_VISIT,
        technical(id="Row", generation="Which meeting"),
        identifiers(
            visit="Of which",
            participant_key="Our participant's number, or a keyed hash of the roster's id",
            oid="A member's object id; empty for patients",
            event_id="Microsoft's number of the event, or our own",
        ),
        codes(source="Page, subscription or report", kind="What", foreign="Came with an account that is no member's"),
        times(at="Happened", recorded_at="Learned"),
    ),
    table(
        "visits.Ending",
        "What is left to do for a meeting that has ended",
        WITH_VISIT,
        identifiers(id="Our own number", visit="Of which", organizer="In whose name"),
        secrets(meeting_id_sealed="Graph's id, until the meeting is deleted"),
        codes(step="What is next", code="What the last try came to"),
        technical(generation="Which meeting", looked="Looks at the reports", attempts="Tries"),
        times(ended_at="Ended", due_at="Next try"),
    ),
    table(
        "visits.Target",
        "A place that is told about presence",
        "Until the organization is ended",
        technical(
            id="Row",
            failures="In a row",
            off_under="Under which revision it is off",
            rests_under="Under which revision it rests",
        ),
        identifiers(connection="Of which"),
        business(name="What administrators call the repository"),
        codes(kind="Status service or AuditEvent repository", off_code="What it answered"),
        times(failing_since="Failing since", open_until="Rests until", off_since="Off since"),
    ),
    table(
        "visits.Lane",
        "A part of a target's deliveries that one worker drains",
        "Until the organization is ended",
        technical(id="Row", target="Of which", number="Which", lease="Whose turn", leased_until="Until when"),
    ),
    table(
        "visits.Writeback",
        "What a target is to be told",
        WITH_VISIT,
        technical(id="Row", sequence="Order", lane="Which lane", attempts="Tries", lease="Whose turn"),
        identifiers(
            target="Whom", organization="Whose", visit="Of which", participant="About whom", entry="Line of the trail"
        ),
        codes(presence="What", state="How far it is", code="What the last try came to"),
        times(happened_at="Happened", next_at="Next try", created_at="Written", finished_at="Final"),
    ),
    table(
        "visits.Report",
        "One meeting of a visit, as reports tell it",
        "Until the organization is ended; it names nobody and outlives the visit",
        technical(id="Row", generation="Which meeting"),
        identifiers(
            organization="Whose", connection="Of which", visit="Opaque number: of nobody, once it is forgotten"
        ),
        codes(
            department="The EHR's code of it",
            duration="Seconds",
            waiting="Seconds",
            lobby="Seconds",
            attendants="How many",
            outcome="What came of it",
            live="Whether Microsoft told who is there",
            told="What became of the writebacks",
            told_after="Seconds until the EHR's answer",
        ),
        times(at="Counts for", began_at="First sign", met_at="Both sides met", left_at="Over", created_at="Written"),
    ),
)

BROWSERS = (
    cookie(
        settings.VISIT_COOKIE_NAME,
        "A random number, signed: that the browser which comes back to a visit is the one that launched it",
        settings.VISIT_COOKIE_AGE,
    ),
    stored("board-sound", "Whether the board may be heard: *on* or *off*"),
)
