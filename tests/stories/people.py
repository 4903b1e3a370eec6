"""What each person of a first visit does, step by step, on the screens that he sees. Stories and the tour read from
here."""

from collections.abc import Mapping
from contextlib import suppress

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

Urls = Mapping[str, str]
INSTANCE = "interconnect-tst"
MAIN = "main"


def fhir_base(urls: Urls) -> str:
    return f"{urls['epic']}/{INSTANCE}/api/FHIR/R4"


def ehr(urls: Urls, page: str) -> str:
    """A page of the testing EHR: hyperspace, mychart, clients, fdi."""
    return f"{urls['epic']}/{INSTANCE}/{page}"


def pick(page: Page, name: str) -> None:
    """Choose a person in an account picker."""
    page.get_by_role("button", name=name).first.click()


def sign_in_with_microsoft(page: Page, name: str) -> None:
    page.get_by_role("link", name="Sign in with Microsoft").click()
    pick(page, name)


def give_consent(page: Page) -> None:
    page.get_by_role("link", name="Give consent first").click()
    page.get_by_role("link", name="Give consent at Microsoft").click()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Configuration information")).to_be_visible()


def add_base_url(page: Page, urls: Urls, approver: str) -> None:
    """Type the testing FHIR base URL, as Epic publishes it, and an approver into a new row; it is submitted."""
    page.get_by_role("link", name="Add FHIR base URL").first.click()
    page.get_by_label("FHIR base URL").fill(f"{fhir_base(urls)}/")
    page.get_by_label("Approver").fill(approver)
    page.locator(".row").get_by_role("button", name="Done").click()
    expect(page.locator(MAIN)).to_contain_text(f"It waits for {approver}")


def copied(page: Page, label: str, within: Locator | None = None) -> str:
    """The value of a copy row."""
    rows = (within or page.locator(MAIN)).locator(".copy-row").filter(has=page.locator("dt", has_text=label))
    return str(rows.first.locator("[data-copy]").get_attribute("data-copy"))


def configure(page: Page, urls: Urls, *, name: str = "Ada Lindqvist", approver: str = "Ben Okafor") -> str:
    """The administrator's part; returns the link for the approver."""
    page.goto(urls["web"])
    sign_in_with_microsoft(page, name)
    give_consent(page)
    add_base_url(page, urls, approver)
    return copied(page, "Link for the approver")


def fill_client_records(portal: Page, epic: Page, urls: Urls) -> None:
    """Carry redirect URIs and the JWKS URL from *Before you sign in* to the EHR's client records."""
    blocks = portal.locator(".copy-row", has_text="All addresses at once").locator("[data-copy]")
    expect(blocks).to_have_count(3)  # the page may still be on its way
    values = [str(block.get_attribute("data-copy")) for block in blocks.all()]
    for kind, value in zip(("provider", "patient", "backend"), values, strict=True):
        epic.goto(ehr(urls, "clients"))
        record = epic.locator("section.record").filter(has=epic.get_by_role("button", name=f"Save {kind} app"))
        record.get_by_label("Paste what the app's portal shows").fill(value)
        record.get_by_role("button", name="Take from the block").click()


def approve(portal: Page, epic: Page, urls: Urls, link: str, *, name: str = "Ben Okafor") -> None:
    """The analyst's part: client records in Epic, sign-in with Epic, approval, integration records into Epic."""
    portal.goto(link)
    sign_in_with_microsoft(portal, name)
    approve_here(portal, epic, urls)


def approve_here(portal: Page, epic: Page, urls: Urls) -> None:
    """The same from the approver's page on."""
    fill_client_records(portal, epic, urls)
    portal.get_by_role("link", name="Sign in with Epic").click()
    pick(portal, "Ben Okafor")
    expect(portal.locator(MAIN)).to_contain_text("You signed in to the EHR")
    portal.get_by_role("button", name="Approve", exact=True).click()
    expect(portal.get_by_role("heading", name="Integration records")).to_be_visible()
    paste_records(portal, epic, urls)


RECORDS = ("provider", "patient", "group-provider", "group-patient", "device-test", "board")  # as the portal shows them


def paste_records(portal: Page, epic: Page, urls: Urls, *slots: str) -> None:
    """Paste launch records into the EHR's FDI page: those of a visit, or these."""
    blocks = portal.locator(".copy-row", has_text="The whole record").locator("[data-copy]").all()
    shown = dict(zip(RECORDS, blocks, strict=True))
    for slot in slots or ("provider", "patient"):
        epic.goto(ehr(urls, "fdi"))
        section = epic.locator(f"section#{slot}")
        folded = section.locator("details:not([open]) > summary")
        if folded.count():
            folded.click()
        section.get_by_label("record").fill(str(shown[slot].get_attribute("data-copy")))
        section.get_by_role("button", name="Save the record").click()


def open_hyperspace(page: Page, urls: Urls, name: str = "Carla Mendes, MD") -> None:
    page.goto(ehr(urls, "hyperspace"))
    pick(page, name)


def open_mychart(page: Page, urls: Urls, name: str = "Pia Sandberg") -> None:
    page.goto(ehr(urls, "mychart"))
    pick(page, name)


def begin_visit(page: Page, csn: str = "770011") -> Page:
    """Press *Begin virtual visit*; returns the window that the EHR opens."""
    row = page.locator(f"[data-csn='{csn}']")
    with page.expect_popup() as window:
        row.get_by_role("button", name="Begin virtual visit").click()
    window.value.wait_for_load_state()
    # A pop-up's first page begins before Playwright has switched its JavaScript off; its second one is as it should be.
    window.value.reload()
    return window.value


def confirm_link(window: Page, name: str = "Carla Mendes") -> None:
    """The clinician's first time: Microsoft sign-in, then one confirmation that names both accounts."""
    pick(window, name)
    expect(window.get_by_role("heading", name="Is this you?")).to_be_visible()
    window.get_by_role("button", name="Yes, both are mine").click()


def join_as_member(window: Page) -> None:
    """Teams, with the work account of this browser."""
    window.get_by_role("button", name="Join now").click()


def join_as_guest(window: Page, name: str) -> None:
    """Teams, with a typed name and no account."""
    window.get_by_label("Your name").fill(name)
    window.get_by_role("button", name="Join now").click()


def admit(window: Page, name: str) -> None:
    window.locator(".knock", has_text=name).get_by_role("button", name="Admit").click()


def leave(window: Page) -> None:
    """Press until it is so: Teams' page loads itself anew every other second, and a press may meet one that goes."""
    button, gone = window.get_by_role("button", name="Leave"), window.get_by_text("You left the meeting")
    for _ in range(5):
        button.or_(gone).first.wait_for()
        if gone.is_visible():
            return
        with suppress(PlaywrightTimeout):
            button.click(timeout=2_000)
    expect(gone).to_be_visible()


def status_of(schedule: Page, csn: str = "770011") -> Locator:
    """The cell of Hyperspace's schedule that shows who is connected."""
    return schedule.locator(f"tr[data-csn='{csn}'] .status")
