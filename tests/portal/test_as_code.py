"""The configuration as a YAML file: what goes out comes in again, and nothing comes in unseen."""

import io
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector import agreement, keys
from connector.models import Administrator, Change, Connection, Key, Organization, Revision
from portal import as_code
from portal.actors import Actor
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db

BASE = "https://ehr.riverside.example/interconnect/api/FHIR/R4"
BEN = {"oid": "7d3c1f0e-58a2-4b9d-8c61-2f9be0a4d7aa", "name": "Ben Okafor", "upn": "ben@riverside.example"}


@pytest.fixture
def riverside() -> Organization:
    return factories.organization()


@pytest.fixture
def ada(riverside: Organization) -> Administrator:
    return administrator(riverside).administers.get()


def one(**changes: Any) -> dict[str, Any]:
    """A connection of a file."""
    return {"base_url": BASE, "environment": "testing", "approver": BEN} | changes


def file(organization: Organization, *connections: object, **changes: Any) -> str:
    document = {"version": 1, "organization": str(organization.tid), "connections": list(connections)}
    return yaml.safe_dump(document | changes)


def bring(text: str, folder: Path, *options: str) -> list[str]:
    """Import a file; what the command says."""
    (folder / "wanted.yaml").write_text(text, encoding="utf-8")
    said = io.StringIO()
    call_command("configuration", "import", str(folder / "wanted.yaml"), *options, stdout=said)
    return said.getvalue().splitlines()


def by(ada: Administrator) -> str:
    return f"--administrator={ada.user.oid}"


def exported(*options: str) -> str:
    said = io.StringIO()
    call_command("configuration", "export", *options, stdout=said)
    return said.getvalue()


def refused(text: str) -> list[str]:
    with pytest.raises(as_code.Wrong) as wrong:
        as_code.read(text)
    return wrong.value.sentences


def counts() -> tuple[int, int, int]:
    return Connection.objects.count(), Revision.objects.count(), Change.objects.count()


def test_a_new_connection_is_proposed_to_its_approver_with_the_operators_defaults(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    text = file(riverside, one(label="Cardiology", help_line="+1 555 0199", settings={"lobby": "organizer"}))
    assert bring(text, tmp_path, by(ada)) == [f"+ {BASE} (testing): new"]
    made = Connection.objects.get()
    assert (made.state, made.live, made.label, made.help_line) == ("waiting", None, "Cardiology", "+1 555 0199")
    assert made.proposed is not None
    assert (str(made.proposed.approver_oid), made.proposed.approver_name) == (BEN["oid"], "Ben Okafor")
    assert (made.proposed.submitted_by, made.proposed.submitted_by_name) == (ada.user, "Ada Lindqvist")
    settings = agreement.load(made.proposed.settings)
    assert settings.lobby == "organizer"
    assert settings.status == agreement.defaults("testing").status


def test_a_dry_run_says_the_same_and_changes_nothing(riverside: Organization, tmp_path: Path) -> None:
    assert bring(file(riverside, one(label="Cardiology")), tmp_path, "--dry-run") == [f"+ {BASE} (testing): new"]
    assert counts() == (0, 0, 0)


def test_changed_settings_wait_for_approval_while_the_live_ones_stay(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    connection = factories.connection(riverside, base_url=BASE, target=False)
    document = yaml.safe_load(as_code.export(riverside))
    document["connections"][0]["settings"]["status"]["codes"]["waiting"] = "7"
    said = bring(yaml.safe_dump(document), tmp_path, by(ada))
    assert said == [f"~ {BASE} (testing): changed", "    settings.status.codes.waiting: '3' -> '7'"]
    live = connection.live
    connection.refresh_from_db()
    assert connection.live == live
    assert connection.proposed is not None
    assert connection.proposed.settings["status"]["codes"]["waiting"] == "7"
    assert not Change.objects.exists()


def test_changed_details_count_at_once_with_history_and_without_a_revision(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    connection = factories.connection(riverside, base_url=BASE, target=False)
    document = yaml.safe_load(as_code.export(riverside))
    document["connections"][0] |= {"label": "Cardiology", "retention_days": 7}
    said = bring(yaml.safe_dump(document), tmp_path, by(ada))
    assert said[1:] == ["    label: '' -> 'Cardiology'", "    retention_days: 30 -> 7"]
    connection.refresh_from_db()
    assert (connection.label, connection.retention_days, connection.proposed) == ("Cardiology", 7, None)
    change = Change.objects.get()
    assert (change.kind, change.actor_name, change.actor) == ("details", "Ada Lindqvist", ada.user)
    assert change.detail == {"label": ["", "Cardiology"], "retention_days": [30, 7]}


def test_another_approver_is_a_proposal_too(riverside: Organization, ada: Administrator, tmp_path: Path) -> None:
    factories.connection(riverside, base_url=BASE, target=False)
    document = yaml.safe_load(as_code.export(riverside))
    document["connections"][0]["approver"] = BEN
    bring(yaml.safe_dump(document), tmp_path, by(ada))
    proposed = Connection.objects.get().proposed
    assert proposed is not None
    assert str(proposed.approver_oid) == BEN["oid"]


def test_the_mailbox_of_the_same_approver_is_exported_and_kept_where_a_file_is_silent(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    mailbox = BEN | {"mail": "ben@post.example"}
    bring(file(riverside, one(approver=mailbox)), tmp_path, by(ada))
    assert yaml.safe_load(exported())["connections"][0]["approver"]["mail"] == "ben@post.example"
    assert bring(file(riverside, one()), tmp_path, "--dry-run") == [f"= {BASE} (testing): unchanged"]
    other = BEN | {"oid": str(uuid.uuid4())}
    bring(file(riverside, one(approver=other)), tmp_path, by(ada))
    assert Revision.objects.latest("number").approver_mail == ""


def test_what_the_file_does_not_name_stays_as_it_is(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    there = factories.connection(riverside, target=False)
    said = bring(file(riverside), tmp_path, by(ada))
    assert said == [f"  {there.base_url} (testing): not in the file, stays as it is"]
    assert counts() == (1, 1, 0)


def test_the_same_address_in_other_capitals_is_the_same_connection(riverside: Organization, tmp_path: Path) -> None:
    factories.connection(riverside, base_url=BASE, target=False)
    text = as_code.export(riverside).replace(BASE, "HTTPS://EHR.riverside.example:443/Interconnect/API/fhir/r4/")
    assert bring(text, tmp_path, "--dry-run") == [f"= {BASE} (testing): unchanged"]


def test_a_secret_is_not_exported_and_is_kept_by_an_import(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    kid = keys.store(riverside, Key.Purpose.SECRET, b"given out by the EHR").kid
    connection = factories.connection(riverside, base_url=BASE, target=False)
    factories.approve(connection, authentication="client_secret_basic", secret_kid=kid)
    text = as_code.export(riverside)
    assert kid not in text
    assert "secret_kid" not in text
    bring(text.replace("lobby: organization", "lobby: organizer"), tmp_path, by(ada))
    proposed = Connection.objects.get().proposed
    assert proposed is not None
    assert (proposed.settings["lobby"], proposed.settings["secret_kid"]) == ("organizer", kid)


def test_passwords_stay_too_and_are_asked_for_where_they_lack(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    kid = keys.store(riverside, Key.Purpose.SECRET, b"the user's password").kid
    connection = factories.connection(riverside, base_url=BASE, target=False)
    basic = {"authentication": "basic", "user_name": "emp$VIDEO", "headers": {"Epic-Client-ID": "one"}}
    factories.approve(connection, status=basic | {"secret_kid": kid}, audit={"address": "https://audit.example/R4"})
    text = as_code.export(riverside)
    assert kid not in text
    bring(text.replace("lobby: organization", "lobby: organizer"), tmp_path, by(ada))
    proposed = Connection.objects.get().proposed
    assert proposed is not None
    assert (proposed.settings["status"]["secret_kid"], proposed.settings["audit"][0]["secret_kid"]) == (kid, "")
    assert proposed.settings["status"]["headers"] == {"Epic-Client-ID": "one"}
    factories.approve(
        connection, audit={"address": "https://audit.example/R4", "authentication": "basic", "secret_kid": kid}
    )
    moved = as_code.export(riverside).replace("https://audit.example/R4", "https://elsewhere.example/R4")
    with pytest.raises(CommandError, match=r"settings\.audit\[0\]\.authentication: basic needs a password"):
        bring(moved, tmp_path, by(ada))
    lacking = file(riverside, one(settings={"audit": {"address": "https://a.example/R4", "authentication": "basic"}}))
    with pytest.raises(CommandError, match=r"settings\.audit\[0\]\.authentication: basic needs a password"):
        bring(lacking, tmp_path, by(ada))


def test_several_repositories_stand_in_a_file_and_a_file_of_one_is_read(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    kid = keys.store(riverside, Key.Purpose.SECRET, b"the archive's password").kid
    connection = factories.connection(riverside, base_url=BASE, target=False)
    archive = {"name": "Archive", "address": "https://archive.example/R4", "authentication": "basic"}
    repositories = [{"address": "https://audit.example/R4"}, archive | {"secret_kid": kid}]
    factories.approve(connection, audit=repositories)
    text = as_code.export(riverside)
    assert kid not in text
    said = bring(text.replace("audit.example", "moved.example"), tmp_path, by(ada))
    assert said[1:] == [
        "    settings.audit[0].address: 'https://audit.example/R4' -> 'https://moved.example/R4'",
    ]
    proposed = Connection.objects.get().proposed
    assert proposed is not None
    first, second = proposed.settings["audit"]
    assert (first["secret_kid"], second["secret_kid"], second["name"]) == ("", kid, "Archive")
    alone = file(riverside, one(settings={"audit": {"address": "https://audit.example/R4"}}))
    assert "settings.audit[1].name: 'Archive' -> None" in " ".join(bring(alone, tmp_path, "--dry-run"))
    wrong = [archive, {"name": "Archive", "address": "https://archive.example/R4/"}, {"name": "a.b", "address": "x"}]
    with pytest.raises(CommandError) as refused:
        bring(file(riverside, one(settings={"audit": wrong})), tmp_path, by(ada))
    for place, text in (("[1].name", "a name of its own"), ("[1].address", "there already"), ("[2].name", "letters")):
        assert any(f"audit{place}" in line and text in line for line in str(refused.value).splitlines())
    with pytest.raises(CommandError, match=r"settings\.audit\[0\]\.adress: there is no such field"):
        bring(file(riverside, one(settings={"audit": [{"adress": "x"}]})), tmp_path, by(ada))


def test_a_connection_that_would_lack_its_secret_is_refused(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    text = file(riverside, one(settings={"authentication": "client_secret_basic"}))
    with pytest.raises(CommandError, match=r"connections\[0\]\.settings\.authentication: client_secret_basic needs"):
        bring(text, tmp_path, by(ada))
    assert counts() == (0, 0, 0)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
details = st.fixed_dictionaries(
    {
        "label": texts,
        "help_line": texts,
        "help_hours": texts,
        "notification_mail": st.sampled_from(["", "ehr-team@riverside.example"]),
        "retention_days": st.integers(1, 365),
    }
)
settled = st.fixed_dictionaries(
    {
        "provider_client_id": texts,
        "meeting_subject": texts,
        "lobby": st.sampled_from(["organization", "organizer"]),
        "authentication": st.sampled_from(["private_key_jwt", "certificate"]),
        "frame_ancestors": st.lists(st.sampled_from(["https://mychart.example", "*.ehr.example:8443"]), max_size=2),
    }
)


ODD = {
    "label": "yes",
    "help_line": "\x85 \u2028",
    "help_hours": "1:30 # - ",
    "notification_mail": "",
    "retention_days": 1,
}


@example(kept=[(ODD, {}, {"null": "0o7"})])
@settings(max_examples=25)
@given(kept=st.lists(st.tuples(details, settled, st.dictionaries(texts, texts, max_size=3)), max_size=3))
def test_what_is_exported_changes_nothing_when_imported_and_is_whole_in_an_empty_database(
    kept: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]],
) -> None:
    organization = factories.organization()
    for values, settings_of, codes in kept:
        made = factories.connection(organization, target=False)
        Connection.objects.filter(pk=made.pk).update(**values)
        factories.approve(made, codes=codes, **settings_of)
    text = as_code.export(organization)
    steps, left = as_code.plan(organization, as_code.read(text))
    assert [step.word for step in steps] == ["unchanged"] * len(kept)
    assert left == []

    Organization.objects.filter(pk=organization.pk).update(tid=uuid.uuid4())
    again = Organization.objects.create(tid=organization.tid, region="amer")
    user = administrator(again)
    steps, _left = as_code.plan(again, as_code.read(text))
    as_code.apply(again, steps, Actor(user, "Ada Lindqvist"))
    assert as_code.export(again) == text


def test_an_export_is_in_the_same_order_whatever_was_made_first(riverside: Organization) -> None:
    factories.connection(riverside, base_url="https://b.example/R4", target=False)
    factories.connection(riverside, base_url="https://a.example/R4", target=False)
    document = yaml.safe_load(exported())
    assert [connection["base_url"] for connection in document["connections"]] == [
        "https://a.example/R4",
        "https://b.example/R4",
    ]


def test_an_export_names_its_organization_where_there_are_several(riverside: Organization) -> None:
    other = factories.organization()
    with pytest.raises(CommandError, match="--organization"):
        exported()
    assert f"organization: {other.tid}\n" in exported(f"--organization={other.tid}")
    with pytest.raises(CommandError, match="no such organization"):
        exported(f"--organization={uuid.uuid4()}")


@pytest.mark.parametrize(
    ("listed", "sentences"),
    [
        (one(settings={"loby": "organizer"}), ["connections[0].settings.loby: there is no such field."]),
        (one(settings={"secret_kid": "ab"}), ["connections[0].settings.secret_kid: there is no such field."]),
        (
            one(settings={"status": {"secret_kid": "ab"}}),
            ["connections[0].settings.status.secret_kid: there is no such field."],
        ),
        (
            one(settings={"status": {"headers": {"Host": "elsewhere.example"}}}),
            [
                "connections[0].settings.status.headers: must be headers such as Epic-Client-ID, each with a value.",
            ],
        ),
        (
            one(settings={"audit": {"address": "audit.example"}}),
            ["connections[0].settings.audit[0].address: Enter an address that begins with https://."],
        ),
        (
            one(settings={"status": {"verb": "GET"}}, lable="x"),
            [
                "connections[0].settings.status.verb: there is no such field.",
                "connections[0].lable: there is no such field.",
            ],
        ),
        (
            one(settings={"early_minutes": -1, "late_minutes": 10081}),
            [
                "connections[0].settings.early_minutes: Input should be greater than or equal to 0.",
                "connections[0].settings.late_minutes: Input should be less than or equal to 10080.",
            ],
        ),
        (
            one(settings={"lobby": "everybody"}),
            ["connections[0].settings.lobby: Input should be 'organization' or 'organizer'."],
        ),
        (
            one(settings={"status": {"codes": {"connected": 1}}}),
            ["connections[0].settings.status.codes.connected: Input should be a valid string."],
        ),
        (one(environment="staging"), ["connections[0].environment: Input should be 'testing' or 'production'."]),
        (one(base_url="http://ehr.example@evil.example/R4"), ["connections[0].base_url: Leave out the user name"]),
        (one(base_url=f"https://ehr.example/{'x' * 500}"), ["connections[0].base_url: is longer than 500 characters."]),
        (one(notification_mail="nobody"), ["connections[0].notification_mail: Enter a valid email address."]),
        (one(label="x" * 121), ["connections[0].label: Ensure this value has at most 120 characters"]),
        (one(retention_days=-1), ["connections[0].retention_days: Ensure this value is greater than or equal to 1."]),
        (
            one(settings={"meeting_subject": "a\0b"}),
            ["connections[0].settings.meeting_subject: holds a character that cannot be kept."],
        ),
        (
            one(settings={"frame_ancestors": ["https://mychart.example; script-src *"]}),
            ["connections[0].settings.frame_ancestors: must be sites"],
        ),
        (
            one(approver=BEN | {"name": "x" * 257}),
            ["connections[0].approver.name: Ensure this value has at most 256 characters"],
        ),
        (one(approver=BEN | {"oid": "ben"}), ["connections[0].approver.oid: Input should be a valid UUID"]),
        ("https://ehr.example", ["connections[0]: Input should be a dictionary or an instance of Listed."]),
    ],
)
def test_what_is_wrong_is_said_with_its_path(listed: Any, sentences: list[str], riverside: Organization) -> None:
    said = refused(file(riverside, listed))
    assert len(said) == len(sentences)
    assert all(said.startswith(wanted) for said, wanted in zip(sorted(said), sorted(sentences), strict=True))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("version: 2\n", "version: must be 1. This connector reads no other."),
        ("version: true\n", "version: must be 1. This connector reads no other."),
        ("connections: []\n", "version: must be 1. This connector reads no other."),
        ("- version\n", "the file: it must hold version, organization and connections."),
        ("", "the file: it must hold version, organization and connections."),
        ("version: 1\n\tconnections: []\n", "line 2: this cannot be read as YAML."),
        ("version: 1\nversion: 1\n", "line 1: version stands there twice."),
        ("version: 1\norganization: !!python/name:os.system\n", "line 2: this cannot be read as YAML."),
        ("version: 1\nconnections: []\n", "organization: Field required."),
        ("[" * 5000, "the file: this cannot be read as YAML."),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, sentence: str) -> None:
    assert refused(text) == [sentence]


def test_everything_that_is_wrong_is_said_at_once(riverside: Organization) -> None:
    said = refused(file(riverside, one(label="x" * 121), one(base_url="ftp://ehr.example")))
    assert [line.partition(":")[0] for line in said] == ["connections[0].label", "connections[1].base_url"]


def test_one_connection_that_stands_there_twice_is_refused(riverside: Organization) -> None:
    said = refused(file(riverside, one(), one(base_url=BASE.upper())))
    assert said == ["connections[1]: this address stands there twice for testing."]
    assert len(as_code.read(file(riverside, one(), one(environment="production"))).connections) == 2


def test_one_wrong_connection_keeps_all_others_out(riverside: Organization, ada: Administrator, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was changed"):
        bring(file(riverside, one(), one(environment="production", label="x" * 121)), tmp_path, by(ada))
    assert counts() == (0, 0, 0)


def test_an_import_names_an_administrator_of_that_very_organization(
    riverside: Organization, ada: Administrator, tmp_path: Path
) -> None:
    stranger = administrator(factories.organization()).administers.get()
    with pytest.raises(CommandError, match="--administrator"):
        bring(file(riverside, one()), tmp_path)
    with pytest.raises(CommandError, match="--administrator"):
        bring(file(riverside, one()), tmp_path, by(stranger))
    assert counts() == (0, 0, 0)


def test_an_organization_that_is_not_here_and_a_file_that_is_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="organization: nobody of this tenant has signed in here yet"):
        bring(yaml.safe_dump({"version": 1, "organization": str(uuid.uuid4()), "connections": []}), tmp_path)
    with pytest.raises(CommandError, match="cannot be read as text"):
        call_command("configuration", "import", str(tmp_path / "nowhere.yaml"))


def aliases(line: str) -> str:
    """Nine lines, each of which stands for nine of the one before."""
    names = "abcdefghij"
    rows = (line.format(y, ", ".join([f"*{x}"] * 9)) for x, y in pairwise(names))
    return "\n".join(rows)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x]\n" + aliases("{0}: &{0} [{1}]"),
        "a: &a {x: 1}\n" + aliases("{0}: &{0} {{<<: [{1}]}}"),
        "a: &a [x]\n" + aliases("{0}: &{0} [{1}]") + "\n? *j\n: 1",
        "version: 1\nconnections: &a [*a]",
    ],
    ids=["lists", "merged mappings", "a name", "in itself"],
)
def test_aliases_that_stand_for_too_much_are_refused(text: str) -> None:
    with pytest.raises(as_code.Wrong, match="aliases stand for too much"):
        as_code.read(text)


def test_many_members_take_no_longer_than_they_must() -> None:
    with pytest.raises(as_code.Wrong, match="there is no such field"):
        as_code.read("version: 1\n" + "\n".join(f"n{number}: 1" for number in range(20_000)))
