"""While the database is away everybody reads so, on any page, however he came and whoever he is."""

import json
import os
import socket
import subprocess
import sys

import pytest

from sandbox.launcher.place import CHECKOUT

ASKED = {
    "a launch": "/launch/0123456789abcdef/patient/?iss=https://ehr.example/R4&launch=x",
    "somebody with a page of a visit": "/visit/0123456789abcdef0123456789abcdef/",
    "an administrator": "/configure/",
    "somebody who signs in": "/signin/",
}
# A process of its own, whose settings name a database that is not there.
PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from django.conf import settings
from django.test import Client

def read(path):
    client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    answer = client.get(path)
    return answer.status_code, answer.headers.get("Retry-After"), answer.content.decode()

asked = json.loads(sys.argv[1])
with ThreadPoolExecutor() as all_at_once:  # each waits for a connection for five seconds
    print(json.dumps(dict(zip(asked, all_at_once.map(read, asked.values())))))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[int, str | None, str]]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://u:p@127.0.0.1:{closed.getsockname()[1]}/none?connect_timeout=1"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(ASKED)],
            cwd=CHECKOUT,
            env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "connector.settings"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str | None, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("who", ASKED)
def test_a_page_says_that_the_database_is_away(who: str, answers: dict[str, tuple[int, str | None, str]]) -> None:
    status, retry_after, page = answers[who]
    assert (status, retry_after) == (503, "60"), page[:2000]
    assert "This service is out of order for the moment" in page
    assert "Reference" in page
