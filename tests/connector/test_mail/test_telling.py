"""What is told: to whom, in which words, and how often. Over real SMTP."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from connector import mail
from connector.models import Connection, Decision, Notice
from tests.connector.test_mail.steps import ADA, BEN, PROBLEM, Postbox, later, only, over, tell
from tests.visits import factories


@pytest.mark.django_db
def test_a_mail_says_what_happened_what_to_check_who_can_help_and_where(
    postbox: Postbox, riverside: Connection, settings: Settings
) -> None:
    reason = "The scopes lack <b>Appointment</b>.\nAsk Zoë."
    tell(riverside, "returned", by="Bén Okafor", reason=reason, path="/configure/")
    mail.deliver()
    (got,) = postbox.mails
    assert got["subject"] == "Returned to you: Riverside Cardiology"
    assert (got["recipients"], got["from"]) == ([ADA], settings.EMAIL_FROM)
    assert "Bén Okafor did not approve" in got["text"]
    assert reason in got["text"]
    assert "\nWhat to check\n" in got["text"]
    assert "\nWho can help\n" in got["text"]
    assert "Help line: +1 555 0100" in got["text"]
    assert f"{settings.PUBLIC_URL}/configure/" in got["text"]
    assert riverside.base_url in got["text"]


DETAILS = {
    "proposal-waits": [{"by": "Ada"}],
    "edited": [{"by": "Ben"}],
    "returned": [{"by": "Ben", "reason": "No."}],
    "decided": [{"decision": kind.value, "by": "Ben"} for kind in Decision.Kind if kind != Decision.Kind.RETURN],
    "approver-disabled": [{"approver": "Ben"}],
    "problem-found": [{"code": "ehr-address"}],
    "problem-over": [{"code": "ehr-address"}],
    "ending-asked": [{"by": "Ada", "day": "2026-12-01 09:00 UTC"}],
    "ending-off": [{"by": "Ada", "day": "2026-12-01 09:00 UTC"}],
    "ended": [{"by": "Ada", "day": "2026-12-01 09:00 UTC", "digest": "0" * 64, "signature": "a.b.c"}],
    "key-rotated": [
        {"purpose": "signing", "environment": "Testing"},
        {"purpose": "signing-at-once", "environment": "Testing"},
        {"purpose": "notification"},
    ],
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "detail"), [(kind, detail) for kind in mail.KINDS for detail in DETAILS[kind]], ids=str
)
def test_every_kind_of_mail_has_a_subject_and_all_of_its_parts(
    kind: str, detail: dict[str, str], riverside: Connection
) -> None:
    tell(riverside, kind, path="/status/", **detail)
    subject, text = mail.render(only())
    parts = text.split("\n\n")
    assert 10 < len(subject) < 120
    assert all(line == line.strip() for line in text.splitlines())
    assert len(parts[0]) > 20
    assert [part.splitlines()[0] for part in parts if part.startswith("Wh")] == ["What to check", "Who can help"]
    assert all(len(part.splitlines()) > 1 for part in parts if part.startswith("Wh"))
    assert "/status/" in text


@pytest.mark.django_db
def test_a_problem_is_told_once_until_it_is_over_and_then_again(postbox: Postbox, riverside: Connection) -> None:
    tell(riverside)
    tell(riverside)
    mail.deliver()
    tell(riverside)
    mail.deliver()
    assert postbox.subjects == ["The EHR is not answering: Riverside Cardiology"]
    over(riverside)
    mail.deliver()
    assert postbox.subjects[1:] == ["Over: The EHR is not answering: Riverside Cardiology"]
    later(mail.QUIET)
    tell(riverside)
    mail.deliver()
    assert len(postbox.subjects) == 3


@pytest.mark.django_db
def test_a_problem_that_comes_and_goes_is_told_no_oftener_than_its_quiet_time(
    postbox: Postbox, riverside: Connection
) -> None:
    tell(riverside)
    mail.deliver()
    over(riverside)
    tell(riverside)
    over(riverside)
    tell(riverside)
    mail.deliver()
    assert [subject.startswith("Over") for subject in postbox.subjects] == [False, True]
    later(mail.QUIET)
    mail.deliver()
    assert [subject.startswith("Over") for subject in postbox.subjects] == [False, True, False]


@pytest.mark.django_db
def test_two_problems_and_two_people_are_told_apart(postbox: Postbox, riverside: Connection) -> None:
    mail.tell(riverside.organization, riverside, "problem-found", [ADA, BEN, ADA, ""], subject="ehr", **PROBLEM)
    mail.tell(riverside.organization, riverside, "problem-found", [ADA], subject="certificate", code="ehr-address")
    mail.deliver()
    assert sorted(one["recipients"][0] for one in postbox.mails) == [ADA, ADA, BEN]


@pytest.mark.django_db
def test_a_problem_that_is_over_before_its_mail_went_is_not_told_at_all(
    postbox: Postbox, riverside: Connection
) -> None:
    tell(riverside)
    over(riverside)
    mail.deliver()
    assert postbox.mails == []


@pytest.mark.django_db
def test_every_decision_is_told_and_a_disabled_approver_once_a_day(postbox: Postbox, riverside: Connection) -> None:
    tell(riverside, "decided", subject="", decision="suspend", by="Ada", path="/")
    tell(riverside, "decided", subject="", decision="suspend", by="Ada", path="/")
    tell(riverside, "approver-disabled", subject="", approver="Ben", path="/")
    tell(riverside, "approver-disabled", subject="", approver="Ben", path="/")
    mail.deliver()
    assert sorted(subject.partition(":")[0] for subject in postbox.subjects) == [
        "Suspended",
        "Suspended",
        "The approver cannot approve any more",
    ]


@pytest.mark.django_db
def test_one_organization_has_so_many_mails_an_hour_and_another_its_own(riverside: Connection) -> None:
    for _ in range(mail.MOST_AN_HOUR + 1):
        tell(riverside, "decided", subject="", decision="suspend", by="Ada", path="/", reason="Come to evil.example")
    lakeside = factories.connection()
    tell(lakeside, to=BEN)
    now, soon = Notice.objects.filter(next_at__lte=timezone.now()), timezone.now() + timedelta(minutes=55)
    assert now.filter(organization=riverside.organization).count() == mail.MOST_AN_HOUR
    assert Notice.objects.get(next_at__gt=soon).organization == riverside.organization
    assert now.filter(organization=lakeside.organization).count() == 1


@pytest.mark.django_db
def test_what_was_rolled_back_is_not_told(postbox: Postbox, riverside: Connection) -> None:
    with transaction.atomic():
        tell(riverside)
        transaction.set_rollback(True)
    mail.deliver()
    assert postbox.mails == []


@pytest.mark.django_db
def test_without_a_mail_server_nothing_is_kept(riverside: Connection, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    tell(riverside)
    assert (mail.is_on(), Notice.objects.count()) == (False, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "recipient", ["nobody", f"{'a' * 250}@riverside.example", "ada@riverside.example\nBcc: eve@elsewhere.example"]
)
def test_what_is_no_address_is_kept_to_be_seen_and_never_sent(
    recipient: str, postbox: Postbox, riverside: Connection
) -> None:
    tell(riverside, to=recipient)
    mail.deliver()
    assert (postbox.mails, mail.undelivered(riverside.organization).get().code) == ([], "mail-address")


@pytest.mark.django_db
def test_a_name_with_a_line_end_stays_within_its_line(postbox: Postbox, riverside: Connection) -> None:
    riverside.label = "Cardiology\nBcc: eve@elsewhere.example"
    riverside.save()
    tell(riverside)
    mail.deliver()
    assert postbox.subjects == ["The EHR is not answering: Cardiology Bcc: eve@elsewhere.example"]
    assert postbox.mails[0]["recipients"] == [ADA]


@pytest.mark.django_db
def test_mail_that_was_settled_long_ago_is_forgotten_but_not_an_open_problem(
    postbox: Postbox, riverside: Connection
) -> None:
    tell(riverside)
    tell(riverside, "returned", by="Ben", reason="No.", path="/")
    mail.deliver()
    later(mail.KEPT + timedelta(days=1))
    mail.forget()
    assert only().kind == "problem-found"
