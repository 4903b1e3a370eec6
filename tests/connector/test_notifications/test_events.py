"""What a decrypted notification tells, in all the forms it has had."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.teams import notifications
from connector.teams.notifications import CallChange, Identity, RosterChange

TID = str(uuid.uuid4())
AT = datetime(2026, 8, 1, 10, 0, 0, 123456, UTC)


def roster(*entries: Any, **changes: Any) -> dict[str, Any]:
    document = {"eventType": "rosterUpdated", "id": "n-1", "eventDateTime": "2026-08-01T10:00:00.1234567Z"}
    return document | {"participants@delta": list(entries)} | changes


def only(document: object) -> RosterChange:
    (change,) = notifications.events_of(document)
    assert isinstance(change, RosterChange)
    return change


@pytest.mark.parametrize(
    "document",
    [
        {"eventType": "callStarted"},
        {"EventType": "CallStarted"},
        {"callEventType": "callStarted"},
        {"eventType": "Microsoft.Communication.CallStarted", "state": "active"},
    ],
)
def test_a_started_call_is_told_in_every_spelling(document: dict[str, Any]) -> None:
    (change,) = notifications.events_of(document | {"eventDateTime": "2026-08-01T12:00:00.123456+02:00"})
    assert isinstance(change, CallChange)
    assert (change.kind, change.at, change.at.tzinfo) == ("call-started", AT, UTC)


def test_an_ended_call_is_told() -> None:
    (change,) = notifications.events_of({"eventType": "callEnded", "eventDateTime": "2026-08-01T10:00:00Z"})
    assert change.kind == "call-ended"


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"isInLobby": True}, "lobby"),
        ({"isInLobby": False}, "connected"),
        ({"isInLobby": False, "removedState": None}, "connected"),
        ({}, "connected"),
        ({"isInLobby": True, "removedState": {"reason": "Participant has left the meeting call."}}, "disconnected"),
        ({"removedState": {"reason": "Participant has entered an inactive state in the roster."}}, "disconnected"),
        ({"removedState": {}}, "disconnected"),
    ],
)
def test_an_entry_of_the_roster_is_in_the_lobby_connected_or_gone(entry: dict[str, Any], kind: str) -> None:
    change = only(roster({"id": "p-1", **entry}))
    assert (change.kind, change.roster_id, change.at) == (kind, "p-1", AT)


@pytest.mark.parametrize("member", ["user", "guest", "azureCommunicationServicesUser", "phone", "encrypted"])
def test_every_kind_of_identity_is_read_without_its_name(member: str) -> None:
    identity = {"user": None, member: {"id": "8:x", "displayName": "Pia Example", "tenantId": TID.upper()}}
    change = only(roster({"id": "p-1", "info": {"identity": identity}}))
    assert change.identity == Identity(member, "8:x", TID)
    assert "Pia" not in repr(change)


@pytest.mark.parametrize("info", [None, {}, {"identity": None}, {"identity": {"user": None}}, {"identity": "x"}])
def test_a_missing_identity_is_nobody_known(info: object) -> None:
    assert only(roster({"id": "p-1", "info": info})).identity == Identity()


def test_pascal_case_tells_the_same() -> None:
    user = {"Id": "oid", "DisplayName": "Carla Mendes", "TenantId": TID}
    entry = {"Id": "p-1", "IsInLobby": True, "Info": {"Identity": {"User": user}}, "RemovedState": None}
    capital = {"EventType": "RosterUpdated", "Id": "n-1", "EventDateTime": "2026-08-01T10:00:00.1234567Z"}
    small = {"id": "p-1", "isInLobby": True, "info": {"identity": {"user": {"id": "oid", "tenantId": TID}}}}
    assert only(capital | {"Participants@delta": [entry]}) == only(roster(small))


def test_the_oldest_form_tells_who_joined_and_who_left() -> None:
    document = {
        "eventType": "Microsoft.Communication.CallRosterUpdate",
        "eventDateTime": "2022-02-28T00:00:00.0000000Z",
        "activeParticipants@joined": [{"Id": "p-1", "Identity": {"User": {"Id": "oid", "TenantId": TID}}}],
        "activeParticipants@exited": [{"Identity": {"AzureCommunicationServicesUser": {"Id": "8:acs:x_y"}}}],
    }
    joined, exited = notifications.events_of(document)
    assert isinstance(joined, RosterChange)
    assert isinstance(exited, RosterChange)
    assert (joined.kind, joined.identity) == ("connected", Identity("user", "oid", TID))
    assert (exited.kind, exited.roster_id) == ("disconnected", "8:acs:x_y")
    earlier = {"activeParticipants@delta": [{"id": "p-1"}], "activeParticipants@remove": [{"id": "p-2"}]}
    kinds = [change.kind for change in notifications.events_of(document | earlier)]
    assert sorted(kinds) == ["connected", "connected", "disconnected", "disconnected"]


def test_the_metadata_form_names_its_roster_participants() -> None:
    document = {"callEventType": "rosterUpdated", "eventDateTime": "2026-08-01T10:00:00Z"}
    assert only(document | {"participants": [{"id": "p-1", "isInLobby": True}]}).kind == "lobby"


def test_an_event_has_the_same_id_when_told_twice_and_another_at_another_time() -> None:
    meeting = "communications/onlineMeetings?$filter=joinWebUrl+eq+'https://teams.example/meet/1?p=passcode'"
    first, again = only(roster({"id": "p-1"}, id=meeting)), only(roster({"id": "p-1"}, id=meeting))
    later = only(roster({"id": "p-1"}, id=meeting, eventDateTime="2026-08-01T10:00:09Z"))
    assert first.event_id == again.event_id != later.event_id
    assert "passcode" not in first.event_id


@pytest.mark.parametrize(
    "document",
    [
        {"eventType": "recordingStarted", "eventDateTime": "2026-08-01T10:00:00Z"},
        {"eventType": "callStarted"},
        {"eventType": "callStarted", "eventDateTime": "soon"},
        {"eventType": "callStarted", "eventDateTime": "2026-02-31T10:00:00Z"},
        {"eventType": "callStarted", "eventDateTime": "0001-01-01T00:00:00+14:00"},
        roster({"isInLobby": True}),
        roster("p-1", None, 7),
        {},
        [],
        None,
    ],
)
def test_what_is_no_event_tells_nothing(document: object) -> None:
    assert notifications.events_of(document) == []


NAMES = ("eventType", "EventDateTime", "id", "participants@delta", "activeParticipants@exited", "info", "identity")
MORE_NAMES = ("user", "phone", "isInLobby", "removedState", "tenantId")
VALUES = ("rosterUpdated", "callEnded", "2026-08-01T10:00:00Z", "0001-01-01T00:00:00+14:00", "\ud800", "9999-99-99")
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(VALUES) | st.text(max_size=8)
names = st.sampled_from(NAMES + MORE_NAMES) | st.text(max_size=4)
junk = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5))
likely = st.fixed_dictionaries(
    {"eventType": st.just("rosterUpdated"), "eventDateTime": st.datetimes().map(lambda at: f"{at.isoformat()}Z")},
    optional={"participants@delta": st.lists(junk, max_size=3), "participants": junk, "Id": junk},
)


@given(junk | likely)
def test_whatever_comes_only_well_formed_changes_are_told(document: object) -> None:
    for change in notifications.events_of(document):
        assert change.at.utcoffset() == timedelta(0)
        assert len(bytes.fromhex(change.event_id)) == 32
        if isinstance(change, RosterChange):
            assert change.kind in {"lobby", "connected", "disconnected"}
            assert change.roster_id.encode()
        else:
            assert change.kind in {"call-started", "call-ended"}


def test_a_time_without_a_zone_is_utc() -> None:
    at = notifications.events_of({"eventType": "callEnded", "eventDateTime": "2026-08-01T10:00:00"})[0].at
    assert at == datetime(2026, 8, 1, 10, tzinfo=UTC)
