"""Which confirmed link lasts: one that was made in the browser that pressed, or under the name of the EHR's user."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from tests.visits import factories
from tests.visits.test_handles import launched
from visits import browsers, link
from visits.models import EhrUserLink, Participant

pytestmark = pytest.mark.django_db
PRESSED, WINDOW = "browser-1", "browser-2"


def confirmed(who: Participant, asked_in: str, confirmed_in: str, *, named: bool) -> Any:
    """Press *Yes, both are mine*, on a page beside the one whose button was pressed."""
    asked, _ = launched(who, asked_in)
    row, handle = launched(who, confirmed_in)
    answer = {"launch": str(row.id), "asked": str(asked.id), "oid": str(factories.user().oid), "name": "Dr. Mendes"}
    browser = Client()
    browser.cookies[browsers.COOKIE] = signing.dumps(confirmed_in, salt=browsers.SALT)
    token = signing.dumps(answer | {"named": named}, salt=link.SALT)
    return browser.post(reverse("link", args=[handle]), {"token": token})


@pytest.mark.parametrize(
    ("asked_in", "confirmed_in", "named", "lasts"),
    [
        (PRESSED, PRESSED, True, True),
        (PRESSED, PRESSED, False, True),
        (PRESSED, WINDOW, True, True),
        (PRESSED, WINDOW, False, False),  # whoever was given the way out of a frame, with no name to doubt
        ("", WINDOW, True, False),
        ("", WINDOW, False, False),
    ],
)
def test_a_link_lasts_where_the_browser_or_the_name_tells_whose_it_is(
    asked_in: str, confirmed_in: str, named: bool, lasts: bool
) -> None:
    who = factories.participant(factories.visit(), "provider")
    who.user = None
    who.save()
    assert confirmed(who, asked_in, confirmed_in, named=named).status_code == 200
    who.refresh_from_db()
    assert who.user is not None  # for this visit in any case
    assert EhrUserLink.objects.exists() is lasts
