"""Launches in a frame of the EHR, where the connector is another site: over https, with its cookie and without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import FrameLocator, Page, Playwright, expect

from tests.stories import people, two_sites
from tests.stories.two_sites import Browse
from tests.visits.steps import Clinic


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with two_sites.opened(tmp_path_factory.mktemp("https")) as clinic:
        yield clinic


@pytest.fixture
def browse(playwright: Playwright, clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browse]:
    with two_sites.browsers(playwright, clinic.house, tmp_path_factory.mktemp("profiles")) as browse:
        yield browse


def framed_visit(page: Page, csn: str = "770011") -> FrameLocator:
    """Press the button; the EHR shows the visit in a frame of its own page."""
    page.locator(f"[data-csn='{csn}']").get_by_role("button", name="Begin virtual visit").click()
    return page.frame_locator("iframe")


@pytest.mark.parametrize("cookies", [True, False], ids=["with our cookie", "with cookies blocked"])
def test_a_patient_in_a_frame_waits_there(clinic: Clinic, browse: Browse, cookies: bool) -> None:
    mychart = browse("phone", cookies=cookies)
    people.open_mychart(mychart, clinic.house.urls)
    visit = framed_visit(mychart)
    expect(visit.get_by_role("heading", name="You are in the right place")).to_be_visible()
    kept = [cookie["name"] for cookie in mychart.context.cookies(clinic.house.urls["web"])]
    assert kept == (["__Host-visit"] if cookies else [])
