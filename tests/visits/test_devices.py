"""The device check without a browser: who reaches it, that it counts as waiting, and what its connection test moves."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Connection
from tests.rules.test_headers import policy
from tests.visits import factories
from visits import browsers, devices, forgetting, handles
from visits.models import Fact, Launch

pytestmark = pytest.mark.django_db
USER_AGENTS = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1": "Website Settings",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1": "Settings of your phone, tap the name of this browser",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148": "inside an app",
    "Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/131.0.6778.81 Mobile Safari/537.36": "inside an app",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
    "Safari/537.36": "Permissions",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0": "line through it",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36 Edg/131.0.0.0": "switch on Camera",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Safari/605.1.15": "Settings for This Website",
    "": "near the address",
}


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


def launched(of: Connection, role: str = "patient") -> Launch:
    """Somebody's launch of a visit, in a browser without cookies."""
    made = Launch(connection=of, door=role, redeemed_at=timezone.now())
    made.participant = factories.participant(factories.visit(of), role)
    made.state_hash = browsers.hash_of(str(made.id))
    made.save(force_insert=True)
    return made


def opened(client: Client, launch: Launch, **headers: str) -> Any:
    return client.get(reverse("device_check", args=[handles.issue(launch)]), headers=headers)


def test_being_on_the_check_counts_as_waiting(client: Client, connection: Connection) -> None:
    launch = launched(connection)
    assert opened(client, launch).status_code == 200
    assert launch.participant
    assert [fact.kind for fact in launch.participant.visit.facts.all()] == [Fact.Kind.WAITING]
    assert cache.get(f"seen:{launch.participant_id}")


def test_its_inside_says_when_the_visit_is_ready_and_leads_back(client: Client, connection: Connection) -> None:
    launch = launched(connection)
    assert launch.participant
    visit = launch.participant.visit
    inside = opened(client, launch, HX_Request="true").content.decode()
    assert ("still waiting" in inside, "<html" in inside) == (True, False)
    visit.seal("join_url", "https://teams.microsoft.com/meet/1")
    visit.save()
    inside = opened(client, launch, HX_Request="true").content.decode()
    assert "Your visit is ready" in inside
    assert "Back to your visit" in inside


def test_a_clinicians_page_has_no_check(client: Client, connection: Connection) -> None:
    assert opened(client, launched(connection, "provider")).status_code == 410


def test_no_header_keeps_camera_and_microphone_from_the_page(client: Client, connection: Connection) -> None:
    answer = opened(client, launched(connection))
    assert "Permissions-Policy" not in answer.headers
    assert policy(answer)["media-src"] == "'self' blob:"


@pytest.mark.parametrize("user_agent", USER_AGENTS)
def test_each_browser_is_told_where_it_keeps_its_permissions(user_agent: str) -> None:
    assert USER_AGENTS[user_agent] in str(devices.permissions_hint(user_agent))


# ------------------------------------------------------------------------------------------------------ the check alone


def test_the_check_alone_makes_no_visit_and_keeps_nothing(client: Client, connection: Connection) -> None:
    row = launched(connection)
    Launch.objects.filter(pk=row.pk).update(participant=None)
    answer = client.get(devices.arrive(row).headers["Location"])
    assert "Riverside Health" in answer.content.decode()
    assert "Nothing of this check is kept" in answer.content.decode()
    assert not Launch.objects.exists()


def test_a_launch_for_the_check_that_fails_is_explained_as_to_a_patient(client: Client, connection: Connection) -> None:
    answer = client.get(reverse("launch", args=[connection.ref, "device-test"]))
    assert answer.status_code == 400
    assert 'class="patient"' in answer.content.decode()


def test_the_check_alone_is_framed_by_its_own_ehr(client: Client, connection: Connection) -> None:
    answer = client.get(reverse("device_test", args=[devices.token_for(connection)]))
    assert policy(answer)["frame-ancestors"] == connection.base_url.partition("/interconnect")[0]


def test_an_address_of_yesterday_says_to_press_the_button_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = factories.connection()
    yesterday = time.time() - 86_400
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: yesterday)
        old = devices.token_for(made)
    for token in (old, "forged"):
        assert client.get(reverse("device_test", args=[token])).status_code == 410
        assert client.get(reverse("device_sample", args=[token])).status_code == 404


# ----------------------------------------------------------------------------------------------------------- the sample


@pytest.fixture
def sample(connection: Connection) -> str:
    return reverse("device_sample", args=[devices.token_for(connection)])


def test_a_sample_is_bounded_never_stored_and_never_the_same(client: Client, sample: str) -> None:
    one, other = client.get(sample), client.get(sample)
    assert (one.status_code, len(one.content)) == (200, devices.SAMPLE_BYTES)
    assert one.headers["Cache-Control"] == "no-store"
    assert one.content != other.content


def test_what_is_sent_is_dropped_and_no_cookie_is_needed(sample: str) -> None:
    client = Client(enforce_csrf_checks=True)
    for size, status in ((0, 204), (devices.SAMPLE_BYTES, 204), (devices.SAMPLE_BYTES + 1, 413)):
        answer = client.post(sample, b"x" * size, content_type="application/octet-stream")
        assert (answer.status_code, answer.cookies) == (status, {})


def test_a_page_that_has_moved_enough_gets_no_more_and_another_is_not_held_up(
    client: Client, sample: str, connection: Connection
) -> None:
    answers = [client.get(sample).status_code for _ in range(devices.BUDGET_BYTES // devices.SAMPLE_BYTES + 1)]
    assert answers == [200] * 16 + [429]
    assert client.post(sample).status_code == 429
    assert client.get(reverse("device_sample", args=[devices.token_for(connection)])).status_code == 200


def test_a_launch_that_never_came_back_is_forgotten_with_the_others(connection: Connection) -> None:
    row = launched(connection)
    Launch.objects.filter(pk=row.pk).update(
        participant=None, door="device-test", created_at=timezone.now() - timedelta(days=2)
    )
    forgetting.forget()
    assert not Launch.objects.exists()
