"""Linking a clinician's accounts over plain HTTP: in a frame, once more, undone, without a cookie; open visits."""

from urllib.parse import urlsplit

from sandbox.cast import RIVERSIDE_TID
from tests.portal.steps import Shown, Visitor, tell
from tests.visits import steps
from tests.visits.call import CARLA_OID
from tests.visits.steps import CARLA, DAVID, MICROSOFT, PIA, YES, Clinic, enter, explained, meeting_at, nothing_changed
from tests.visits.test_browsers import Forgetful, refresh_of

LINKED_ALREADY, BOTH = "This account is linked already", "Both EHR users are me"
SIGN_IN, UNLINK = "Sign in with Microsoft", "Unlink and sign in again"
JOIN, AGAIN = "Join in Teams", "Open Teams again"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
LINKS = "SELECT user_id FROM visits_ehruserlink"


def framed(visitor: Visitor) -> Visitor:
    """A browser that shows what it opens in the EHR's frame."""
    visitor.headers["Sec-Fetch-Dest"] = "iframe"
    return visitor


def sign_in(clinic: Clinic, page: Shown, name: str = MICROSOFT[CARLA]) -> tuple[Visitor, Shown]:
    """The window that opens beside a frame, at *Is this you?*. No cookie of the frame's reaches it."""
    window = clinic.visitor()
    return window, window.press(window.follow(page, SIGN_IN), name)


def coming_back(clinic: Clinic, visitor: Visitor, login: str = CARLA, csn: str = steps.CSN) -> Shown:
    """The visit page, as the second press of the button shows it."""
    page = visitor.open(clinic.press(login, csn))
    assert page.heading == "Video visit", page.text
    return page


def trail(clinic: Clinic, last: int) -> list[str]:
    query = "SELECT event FROM connector_entry WHERE event LIKE %s ORDER BY id DESC LIMIT %s"
    return [row["event"] for row in reversed(clinic.rows(query, "%linked", last))]


def history(clinic: Clinic) -> str:
    return clinic.administrator.open(f"/history/{clinic.ref}/?kind=linked").text


# ------------------------------------------------------------------------------------------------------ a second user


def test_an_account_that_is_another_ehr_users_is_asked_about_once_more_and_is_in_the_history(clinic: Clinic) -> None:
    enter(clinic, CARLA)
    david = clinic.visitor()
    asked = david.press(david.open(clinic.press(DAVID)), MICROSOFT[CARLA])
    with nothing_changed(clinic):
        once_more = david.press(asked, YES)
    assert once_more.heading == LINKED_ALREADY
    assert MICROSOFT[CARLA] in once_more.text
    onward = david.press(once_more, BOTH)
    assert steps.is_teams(clinic, david.follow(onward, JOIN).url)
    assert len(clinic.rows(LINKS)) == 2
    told = history(clinic)
    assert "Microsoft account linked to another EHR user as well" in told
    assert MICROSOFT[CARLA] in told  # the account; the EHR's users have no name here
    assert not {"Kim", "Sandberg", "CMENDES"} & set(told.replace(",", " ").split())


def test_a_first_link_and_the_same_link_again_are_asked_about_once_and_no_news(clinic: Clinic) -> None:
    before = clinic.rows("SELECT 1 FROM connector_change WHERE kind = 'linked'")
    visitor = clinic.visitor()
    enter(clinic, CARLA, visitor=visitor)
    page = visitor.press(coming_back(clinic, visitor), UNLINK)
    steps.confirm(visitor, visitor.press(visitor.follow(page, SIGN_IN), MICROSOFT[CARLA]))
    assert clinic.rows("SELECT 1 FROM connector_change WHERE kind = 'linked'") == before


def test_an_account_without_a_licence_is_told_so_before_it_is_linked(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    asked = visitor.press(visitor.open(clinic.press(CARLA)), "Nora Novak")
    assert "This account has no Teams licence" in asked.text
    clinic.fail("graph", "getTeamsLicensingDetails", "status", 503)
    visitor = clinic.visitor()
    asked = visitor.press(visitor.open(clinic.press(CARLA)), "Nora Novak")
    assert "licence" not in asked.text  # nobody knows, so nothing is said
    assert asked.has_button(YES)


# ------------------------------------------------------------------------------------------------------------- undoing


def test_unlinking_takes_effect_at_once_in_every_open_visit(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    enter(clinic, CARLA, "770012", visitor)
    key = meeting_at(clinic, enter(clinic, CARLA, visitor=visitor))[1]
    carla = {"kind": "member", "tid": RIVERSIDE_TID, "oid": CARLA_OID}
    tell(clinic.house, "teams", f"meetings/{key}/participants", **carla)
    page = steps.until(visitor, coming_back(clinic, visitor), "In the visit")
    page = visitor.press(page, UNLINK)
    assert "Which Microsoft account is yours?" in page.text
    assert clinic.rows(LINKS) == []
    assert clinic.rows("SELECT 1 FROM visits_participant WHERE user_id IS NOT NULL") == []
    assert "Colleague who joined in Teams" in page.text  # the account in the call is nobody's now
    assert trail(clinic, 2) == ["linked", "unlinked"]
    *_, noted = [line for line in steps.log_lines(clinic, "web") if line["event"] == "links erased"]
    assert (noted["reason"], noted["connection"], noted["count"]) == ("unlinked", clinic.ref, 1)
    told = "SELECT presence FROM visits_writeback ORDER BY id DESC LIMIT 1"
    assert clinic.rows(told)[0]["presence"] == "disconnected"
    assert visitor.open(clinic.press(CARLA)).heading == steps.PICKER

    # Linked again, the same seat in the call is hers, and is told as hers.
    steps.confirm(visitor, visitor.press(visitor.follow(page, SIGN_IN), MICROSOFT[CARLA]))
    assert clinic.rows(told)[0]["presence"] == "connected"


def test_on_a_shared_workstation_the_page_asks_and_holds_nobody_up(clinic: Clinic) -> None:
    desk = clinic.visitor()
    enter(clinic, CARLA, visitor=desk)
    assert "Shared computer?" not in coming_back(clinic, desk).text
    enter(clinic, DAVID, "770013")  # linked elsewhere
    assert steps.is_teams(clinic, desk.open(clinic.press(DAVID)).url)
    page = coming_back(clinic, desk, DAVID)
    assert "Shared computer?" in page.text
    page = desk.press(page, UNLINK)
    steps.confirm(desk, desk.press(desk.follow(page, SIGN_IN), MICROSOFT[DAVID]))
    assert "Shared computer?" not in coming_back(clinic, desk, DAVID).text


# ------------------------------------------------------------------------------------------------------------- a frame


def test_in_a_frame_the_sign_in_and_teams_open_beside_it_and_the_page_stays(clinic: Clinic) -> None:
    frame = framed(clinic.visitor())
    page = frame.open(clinic.press(CARLA))
    assert (page.heading, page.link(SIGN_IN) != "") == ("Video visit", True)
    assert page.soup.find("a", string=SIGN_IN)["target"] == "_blank"  # type: ignore[index]
    window, asked = sign_in(clinic, page)
    assert "Carla Mendes, MD" in asked.text
    assert meeting_at(clinic, steps.confirm(window, asked))[0] == "teams"
    page = frame.open(refresh_of(page))
    assert page.link(AGAIN)
    assert len(clinic.rows(LINKS)) == 1

    page = frame.open(clinic.press(CARLA, "770012"))  # from now on without a question
    assert page.link(JOIN)
    assert meeting_at(clinic, clinic.visitor().follow(page, JOIN))[0] == "teams"
    assert frame.open(refresh_of(page)).link(AGAIN)


def test_the_way_out_of_a_frame_is_good_for_two_minutes_and_for_nobody_who_guesses(clinic: Clinic) -> None:
    enter(clinic, CARLA)
    frame = framed(clinic.visitor())
    address = frame.open(clinic.press(CARLA)).link(AGAIN)
    with nothing_changed(clinic):
        explained(clinic, clinic.visitor().open(f"{address[:-2]}x/"), "This link has run out", 410)
    clinic.database.execute("UPDATE visits_launch SET handle_until = now() - interval '1 second'")
    explained(clinic, clinic.visitor().open(address), "Please press the button again", 410)


def test_a_frame_without_cookies_lets_a_clinician_in_and_asks_again_at_the_next_visit(clinic: Clinic) -> None:
    frame = framed(Forgetful(clinic.house))
    page = frame.open(clinic.press(CARLA))
    window, asked = sign_in(clinic, page)
    assert "we ask again at the next" in asked.text
    assert steps.is_teams(clinic, steps.confirm(window, asked).url)
    assert clinic.rows(LINKS) == []  # nobody could tell that it is the same browser
    page = frame.open(refresh_of(page))
    assert page.link(AGAIN)
    assert frame.open(clinic.press(CARLA, "770012")).link(SIGN_IN)


def test_beside_a_frame_whose_ehr_names_nobody_the_link_holds_for_that_visit_alone(clinic: Clinic) -> None:
    clinic.fail("epic", "/Practitioner/", "status", 403)
    frame = framed(clinic.visitor())
    window, asked = sign_in(clinic, frame.open(clinic.press(CARLA)))
    assert "The account you are signed in with now" in asked.text  # whose that is, a window from elsewhere cannot tell
    assert "we ask again at the next" in asked.text
    assert steps.is_teams(clinic, steps.confirm(window, asked).url)
    assert clinic.rows(LINKS) == []
    alone = clinic.visitor()  # in one window the cookie tells that it is the one that pressed
    asked = alone.press(alone.open(clinic.press(CARLA, "770012")), MICROSOFT[CARLA])
    assert "The account you are signed in with now" in asked.text
    assert "We ask once" in asked.text
    assert steps.is_teams(clinic, steps.confirm(alone, asked).url)
    assert len(clinic.rows(LINKS)) == 1


def test_a_browser_that_does_not_say_where_a_page_goes_finds_out_by_itself(clinic: Clinic) -> None:
    enter(clinic, CARLA)
    old = clinic.visitor()
    del old.headers["Sec-Fetch-Dest"]
    page = old.open(clinic.press(CARLA, "770012"))
    link = page.soup.select_one("a[data-straight]")  # in a window of its own the script goes on to this
    assert link
    assert urlsplit(str(link["href"])).path.endswith("/join/")
    page = old.open(f"{page.url}?framed")  # in a frame it loads this
    assert page.soup.select_one("a[data-straight]") is None
    assert urlsplit(page.link(JOIN)).path.startswith("/beside/")


# ------------------------------------------------------------------------------------------------------------- a phone


def test_on_a_phone_one_tap_opens_teams_and_a_hint_says_where_it_is_to_be_had(clinic: Clinic) -> None:
    phone = clinic.visitor()
    phone.headers["User-Agent"] = IPHONE
    asked = phone.press(phone.open(clinic.press(CARLA)), MICROSOFT[CARLA])
    onward = phone.press(asked, YES)
    assert (onward.soup.select('meta[http-equiv="refresh"]'), onward.heading) == ([], "You are linked")
    assert steps.is_teams(clinic, phone.follow(onward, "Open in Teams").url)
    page = phone.open(clinic.press(CARLA, "770012"))
    assert page.link("Install Microsoft Teams").startswith("https://apps.apple.com/")
    assert steps.is_teams(clinic, phone.follow(page, "Open in Teams").url)


# --------------------------------------------------------------------------------------------------- my open visits


def test_an_ehr_that_is_down_locks_no_clinician_out_of_a_visit_that_is_open(clinic: Clinic) -> None:
    enter(clinic, CARLA, "770012")
    clinic.database.execute("UPDATE visits_visit SET ended_at = now()")
    enter(clinic, DAVID, "770013")
    key = meeting_at(clinic, enter(clinic, CARLA))[1]
    patient = clinic.visitor()
    patient.follow(patient.open(clinic.press(PIA)), "Go to your visit")
    tell(clinic.house, "teams", f"meetings/{key}/participants", kind="va", name="Pia")
    clinic.fail("epic", ".", "status", 503)

    carla = clinic.visitor()
    door = carla.open("/visits/")
    page = carla.press(carla.follow(door, SIGN_IN), MICROSOFT[CARLA])
    page = steps.until(carla, page, "1 in the lobby")
    assert (page.heading, len(page.soup.select(".visits__one"))) == ("My open visits", 1)
    assert "Sandberg" not in page.text
    assert "Pia" not in page.text
    assert carla.open("/").path == "/signin/"  # no portal session
    visit = carla.press(page, "Open Cardiology")
    assert visit.heading == "Video visit"
    assert meeting_at(clinic, carla.follow(visit, AGAIN))[1] == key

    # It is this browser's alone, and ends after a quarter of an hour.
    assert clinic.visitor().open("/visits/").link(SIGN_IN)
    clinic.database.execute("UPDATE visits_browser SET list_until = now() - interval '1 second'")
    explained_again = carla.press(page, "Open Cardiology")
    assert (explained_again.heading, explained_again.status) == ("Please sign in again", 410)
    assert carla.open("/visits/").link(SIGN_IN)


def test_an_account_that_is_linked_to_nobody_has_no_open_visit_and_leaves_no_row(clinic: Clinic) -> None:
    enter(clinic, CARLA)
    nora = clinic.visitor()
    with nothing_changed(clinic):
        page = nora.press(nora.follow(nora.open("/visits/"), SIGN_IN), "Nora Novak")
    assert "No visit of yours is open" in page.text
