"""A patient's waiting page as the test client has it, and what changes beside it."""

from bs4 import BeautifulSoup, Tag
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.portal.steps import words
from visits import browsers, handles
from visits.models import Launch, Participant

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Mobile/15E148 Safari/604.1"
)
APP = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


class Phone:
    """A browser of its own. Without cookies it keeps none, as some web views. `shown_in`: where it says that it shows
    the page; empty from one that does not say."""

    def __init__(self, agent: str = SAFARI, *, cookies: bool = True, shown_in: str = "document") -> None:
        self.client, self.agent, self.cookies, self.shown_in = Client(), agent, cookies, shown_in
        self.path, self.shown, self.status = "", BeautifulSoup("", "html.parser"), 0
        self.headers: dict[str, str] = {}

    def press(self, person: Participant, door: str = "patient") -> "Phone":
        """A launch that has come back from the EHR; the page that it leads to is open."""
        browser = browsers.new_id() if self.cookies else ""
        if browser:
            given = HttpResponse()
            browsers.give_cookie(given, browser)
            self.client.cookies.update(given.cookies)
        row = Launch(connection=person.visit.connection, door=door, participant=person, redeemed_at=timezone.now())
        row.state_hash, row.browser_hash = browsers.hash_of(str(row.id)), browsers.hash_of(browser) if browser else ""
        row.save(force_insert=True)
        return self.open(reverse("visit", args=[handles.issue(row)]))

    def open(self, path: str, **headers: str) -> "Phone":
        """A page by its address."""
        said = {"Sec-Fetch-Dest": self.shown_in} if self.shown_in else {}
        asked = {"User-Agent": self.agent} | said | headers
        return self._keep(path, self.client.get(path, headers=asked, follow=True))

    def send(self) -> "Phone":
        """Press the one button of the page."""
        return self._keep(self.path, self.client.post(self.path, headers={"User-Agent": self.agent}, follow=True))

    def refresh(self) -> "Phone":
        """As htmx asks: for the inside, saying what is shown already. An answer without content leaves the page."""
        state = self.shown.select_one("#state")
        assert isinstance(state, Tag), self.text
        before = self.shown
        asks = {"HX-Request": "true", "X-Shown": str(state["hx-headers"]).split('"')[3]}
        self.open(str(state["hx-get"]), **asks | ({"Sec-Fetch-Dest": "empty"} if self.shown_in else {}))
        if self.status == 204:
            self.shown = before
        return self

    def _keep(self, path: str, answer: object) -> "Phone":
        if not self.cookies:
            self.client.cookies.clear()
        chain = getattr(answer, "redirect_chain", [])
        self.path, self.status = chain[-1][0] if chain else path, answer.status_code  # type: ignore[attr-defined]
        self.shown = BeautifulSoup(answer.content, "html.parser")  # type: ignore[attr-defined]
        self.headers = dict(answer.headers)  # type: ignore[attr-defined]
        return self

    @property
    def heading(self) -> str:
        return words(self.shown.h1)

    @property
    def text(self) -> str:
        return words(self.shown)

    @property
    def leave(self) -> str:
        """The link into another browser; empty where the page offers none."""
        row = self.shown.select_one("#state .copy-row code, main .copy-row code")
        return words(row)
