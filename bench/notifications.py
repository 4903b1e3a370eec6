"""`python -m bench.notifications [--count 1000] [--people 50]`: a burst of notifications for one meeting.

A house of its own on loopback; what Graph would tell of a meeting where many people come and go, each notification a
POST of its own, as fast as eight clients can. It says how fast they are taken, and when the last one is understood.
"""

import argparse
import shutil
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from sandbox.graph.encryption import encrypted_content
from sandbox.launcher.house import House
from sandbox.launcher.place import home
from tests.portal.steps import tell
from tests.visits import steps
from tests.visits.call import begun
from tests.visits.steps import Clinic

CLIENTS = 8
MOST, MOST_SECONDS = 5000, 300.0


def bodies(clinic: Clinic, count: int, people: int) -> list[dict[str, Any]]:
    """The POSTs: each person comes and leaves in turn, a second apart."""
    [subscription] = clinic.subscriptions()
    audience = {"tid": subscription["tid"], "aud": subscription["applicationId"]}
    token = tell(clinic.house, "entra", "validation-token", **audience)["token"]
    begun_at, seats = datetime.now(UTC) - timedelta(hours=1), [str(uuid.uuid4()) for _ in range(people)]
    return [
        {"value": [_item(subscription, _event(begun_at, number, seats))], "validationTokens": [token]}
        for number in range(count)
    ]


def _event(begun_at: datetime, number: int, seats: list[str]) -> dict[str, Any]:
    turn, seat = divmod(number, len(seats))
    delta: dict[str, Any] = {"id": seats[seat], "isInLobby": False, "info": {"identity": {}}}
    if turn % 2:
        delta["removedState"] = {"reason": "Participant has left the meeting call."}
    at = (begun_at + timedelta(seconds=number)).isoformat()
    return {"id": str(uuid.uuid4()), "eventType": "rosterUpdated", "eventDateTime": at, "participants@delta": [delta]}


def _item(subscription: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    sealed = encrypted_content(event, subscription["encryptionCertificate"], subscription["encryptionCertificateId"])
    return {
        "clientState": subscription["clientState"],
        "tenantId": subscription["tid"],
        "changeType": "updated",
        "encryptedContent": sealed,
    }


def deliver(url: str, posts: list[dict[str, Any]]) -> list[float]:
    """The milliseconds until each was answered."""

    def send(share: list[dict[str, Any]]) -> list[float]:
        with requests.Session() as session:
            took = []
            for body in share:
                began = time.perf_counter()
                session.post(url, json=body, timeout=30).raise_for_status()
                took.append(1000 * (time.perf_counter() - began))
            return took

    with ThreadPoolExecutor(CLIENTS) as clients:
        shares = clients.map(send, [posts[first::CLIENTS] for first in range(CLIENTS)])
        return [one for share in shares for one in share]


def understood(clinic: Clinic, began: float) -> float:
    """Seconds until nothing waits to be understood."""
    while clinic.rows("SELECT 1 FROM visits_receipt WHERE state = 'new' LIMIT 1"):
        if time.perf_counter() - began > MOST_SECONDS:
            raise SystemExit("not understood in time")
        time.sleep(0.2)
    return time.perf_counter() - began


def main() -> None:
    """Run the house, open one visit, send the burst, forget the house."""
    parser = argparse.ArgumentParser(description="A burst of notifications for one meeting.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--people", type=int, default=50)
    wanted = parser.parse_args()
    data = home() / "bench-notifications"
    shutil.rmtree(data, ignore_errors=True)
    with House(data) as house, steps.opened(house) as clinic:
        clinic.tidy_up()  # pastes the records
        begun(clinic)
        posts = bodies(clinic, min(wanted.count, MOST), wanted.people)
        [subscription] = clinic.subscriptions()
        began = time.perf_counter()
        took = deliver(subscription["notificationUrl"], posts)
        taken, percentiles = time.perf_counter() - began, statistics.quantiles(took, n=100)
        whole = understood(clinic, began)
        facts = clinic.rows("SELECT count(*) AS count FROM visits_fact WHERE source LIKE 'subscription:%%'")[0]["count"]
        print(  # noqa: T201
            f"{len(posts)} notifications of {wanted.people} people taken in {taken:.1f} s, median "
            f"{percentiles[49]:.0f} ms, 99 % within {percentiles[98]:.0f} ms; all understood after {whole:.1f} s: "
            f"{facts} facts"
        )
    shutil.rmtree(data)


if __name__ == "__main__":
    main()
