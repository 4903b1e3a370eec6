"""A house whose Entra ID and whose EHR are npm's certified oidc-provider: another author's reading of the standards."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import playwright
import pytest
import requests

from sandbox.cast import RIVERSIDE, Account
from sandbox.entra.clients import TEAMS_CLIENT_ID
from sandbox.launcher.crew import Program
from sandbox.launcher.house import House
from sandbox.launcher.services import create_database, with_path

FOLDER = Path(__file__).parent
# Playwright's own, of the version that our requirements pin: oidc-provider needs a newer one than Debian has.
NODE = Path(playwright.__file__).parent / "driver" / "node"
SECONDS = 10
ROLES = (
    "User.Read.All",
    "Organization.Read.All",
    "OnlineMeetings.ReadWrite.All",
    "VirtualAppointment.Read.All",
    "RoleManagement.Read.Directory",
)


@dataclass(frozen=True)
class Peer:
    """One of the servers: what it said of itself when it started (`url`; the EHR's `base_url` too)."""

    said: dict[str, str]

    @property
    def url(self) -> str:
        return self.said["url"]

    def begin(self, **told: Any) -> None:
        """Begin anew with the clients and people of this test."""
        requests.put(self.url, json=told, timeout=SECONDS).raise_for_status()


@contextmanager
def running(script: str) -> Iterator[Peer]:
    """A server for as long as the block runs. Fails, never skips, where it cannot start."""
    if not (FOLDER / "node_modules" / "oidc-provider").exists():
        pytest.fail("oidc-provider is not installed: run `make interop`, which needs npm.", pytrace=False)
    command = [str(NODE), str(FOLDER / script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line, f"{script} ended before it listened."
        yield Peer(json.loads(line))
        process.terminate()


@pytest.fixture(scope="package")
def entra() -> Iterator[Peer]:
    with running("entra.mjs") as peer:
        yield peer


@pytest.fixture(scope="package")
def ehr() -> Iterator[Peer]:
    with running("smart.mjs") as peer:
        yield peer


@pytest.fixture(scope="package")
def running_house(tmp_path_factory: pytest.TempPathFactory, entra: Peer) -> Iterator[House]:
    """Every process; the connector is told by settings alone that Entra ID is elsewhere.

    Broker and cache are those that the tests without a house use, who are over by now.
    """
    name = f"{os.environ['DATABASE_URL'].rpartition('/')[2]}_interop_{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
    create_database(os.environ["DATABASE_URL"], name, fresh=True)
    settings = {
        "DATABASE_URL": with_path(os.environ["DATABASE_URL"], name),
        "REDIS_URL": os.environ["REDIS_URL"],
        "CACHE_URL": os.environ["CACHE_URL"],
        "ENTRA_AUTHORITY": entra.url,
        "OUTGOING_ALLOWED_HOSTS": "localhost",
    }
    with _House(tmp_path_factory.mktemp("interop"), extra_env=settings) as house:
        yield house


class _House(House):
    """A house whose Graph and Teams ask that other Entra ID too."""

    def _stand_in(self, name: str) -> Program:
        program = super()._stand_in(name)
        other = {} if name == "entra" else {"SANDBOX_ENTRA_URL": self.environment["ENTRA_AUTHORITY"]}
        return replace(program, environment={**program.environment, **other})


@pytest.fixture
def tenant(house: House, entra: Peer) -> House:
    """The house on its first day, where Entra ID knows the connector, Teams and everybody at Riverside Health."""
    entra.begin(
        tid=RIVERSIDE.tid,
        graph=house.urls["graph"],
        roles=ROLES,
        clients=[_connector(house), _teams(house)],
        people=[_person(account) for account in RIVERSIDE.accounts],
    )
    return house


def _connector(house: House) -> dict[str, Any]:
    web = house.urls["web"]
    return {
        "client_id": house.environment["ENTRA_CLIENT_ID"],
        "client_secret": house.environment["ENTRA_CLIENT_SECRET"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "client_credentials"],
        "redirect_uris": [f"{web}/signin/microsoft/callback/", f"{web}/consent/callback/"],
    }


def _teams(house: House) -> dict[str, Any]:
    return {
        "client_id": TEAMS_CLIENT_ID,
        "token_endpoint_auth_method": "none",
        "redirect_uris": [f"{house.urls['teams']}/signin/callback"],
    }


def _person(account: Account) -> dict[str, Any]:
    """The claims that Entra ID puts into a person's id_token."""
    return {
        "sub": f"pairwise-{account.oid}",
        "tid": RIVERSIDE.tid,
        "oid": account.oid,
        "name": account.name,
        "preferred_username": account.upn,
        "wids": list(account.directory_roles),
    }
