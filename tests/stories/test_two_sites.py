"""Launches in a frame of the EHR, where the connector is another site: over https, with its cookie and without."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import FrameLocator, Page, Playwright, expect

from tests.stories import people, two_sites
from tests.stories.two_sites import Browse
from tests.visits.steps import CARLA, Clinic
from tests.visits.test_linking import SIGN_IN


@pytest.fixture(scope="module")
def open_clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with two_sites.opened(tmp_path_factory.mktemp("https")) as clinic:
        yield clinic


@pytest.fixture
def clinic(open_clinic: Clinic) -> Clinic:
    """The clinic before its first visit, whose records open frames."""
    open_clinic.tidy_up()
    return open_clinic


@pytest.fixture
def browse(playwright: Playwright, clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browse]:
    with two_sites.browsers(playwright, clinic.house, tmp_path_factory.mktemp("profiles")) as browse:
        yield browse


def framed_visit(page: Page, csn: str = "770011") -> FrameLocator:
    """Press the button; the EHR shows the visit in a frame of its own page."""
    page.locator(f"[data-csn='{csn}']").get_by_role("button", name="Begin virtual visit").click()
    return page.frame_locator("iframe")


@pytest.mark.parametrize("cookies", [True, False], ids=["with our cookie", "with cookies blocked"])
def test_a_patient_in_a_frame_waits_there_and_leaves_it_for_the_lobby(
    clinic: Clinic, browse: Browse, cookies: bool
) -> None:
    mychart = browse("phone", cookies=cookies)
    people.open_mychart(mychart, clinic.house.urls)
    visit = framed_visit(mychart)
    expect(visit.get_by_role("heading", name="You are in the right place")).to_be_visible()
    kept = [cookie["name"] for cookie in mychart.context.cookies(clinic.house.urls["web"])]
    assert kept == (["__Host-visit"] if cookies else [])

    call = browse()
    call.goto(clinic.press(CARLA))
    people.confirm_link(call)
    people.join_as_member(call)
    visit.get_by_role("link", name="Go to your visit").click()
    mychart.wait_for_url(f"{clinic.house.urls['teams']}/*/visit/*")  # in the whole window, at the browser link
    people.join_as_guest(mychart, "Pia")
    people.admit(call, "Pia")
    expect(mychart.locator(".tiles")).to_contain_text("Pia (you)")


def test_a_clinician_who_signed_in_beside_the_frame_once_is_never_asked_again(clinic: Clinic, browse: Browse) -> None:
    hyperspace, teams = browse(), f"{clinic.house.urls['teams']}/**"
    people.open_hyperspace(hyperspace, clinic.house.urls)
    visit = framed_visit(hyperspace)
    with hyperspace.context.expect_page() as opened:
        visit.get_by_role("link", name=SIGN_IN).click()
    people.confirm_link(opened.value)
    opened.value.wait_for_url(teams)
    expect(visit.get_by_role("link", name="Open Teams again")).to_be_visible()  # the frame went on by itself
    opened.value.close()

    with hyperspace.context.expect_page() as opened:
        hyperspace.goto(people.ehr(clinic.house.urls, "hyperspace"))
        framed_visit(hyperspace, "770012")
    opened.value.wait_for_url(teams)


def test_a_linked_clinician_whose_browser_takes_no_cookie_of_ours_gets_in_from_the_frame(
    clinic: Clinic, browse: Browse
) -> None:
    elsewhere = browse()
    teams = f"{clinic.house.urls['teams']}/**"
    elsewhere.goto(clinic.press(CARLA, "770012"))
    people.confirm_link(elsewhere)
    elsewhere.wait_for_url(teams)
    hyperspace = browse(cookies=False)
    people.open_hyperspace(hyperspace, clinic.house.urls)
    with hyperspace.context.expect_page() as opened:
        visit = framed_visit(hyperspace)
    opened.value.wait_for_url(teams)
    expect(visit.get_by_role("link", name="Open Teams again")).to_be_visible()
