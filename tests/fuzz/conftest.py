"""One world for all targets of a worker; with FUZZ set, many examples each and the table in docs/."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.fuzz.judge import Tally, written
from tests.fuzz.targets import TARGETS
from tests.fuzz.world import World, built

AT_LENGTH = "FUZZ" in os.environ


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic(), built() as made:
        yield made
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What this run saw. At length, when every target was sent junk and nothing failed, it is written down."""
    failed, made = request.session.testsfailed, Tally()
    yield made
    whole = made.lines.keys() == {target.name for target in TARGETS}
    if AT_LENGTH and whole and request.session.testsfailed == failed:
        Path(settings.BASE_DIR, "docs", "fuzz.md").write_text(written(made, int(os.environ["FUZZ"])), encoding="utf-8")
