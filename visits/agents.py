"""The browser at hand, as it names itself: whether Teams' meetings work in it, and what to open instead.

A guess: browsers say what they like. It changes what a page advises, never what a person may do.
"""

import re
from dataclasses import dataclass

from django.http import HttpRequest

# The first that is found counts: Edge calls itself Chrome as well, and Chrome calls itself Safari.
PLATFORMS = {
    "ios": r"iPhone|iPad|iPod|\b(CriOS|FxiOS|EdgiOS)/",
    "android": "Android",
    "windows": "Windows NT",
    "macos": "Macintosh",
    "linux": "Linux|CrOS",
}
BROWSERS = {
    "Edge": r"\bEdg(A|iOS)?/",
    "Opera": r"\b(OPR|OPT|OPiOS|Opera)/",
    "Samsung Internet": r"\bSamsungBrowser/",
    "Firefox": r"\b(Firefox|FxiOS|Focus)/",
    "Chrome": r"\b(Chrome|CriOS|Chromium)/",
    "Safari": r"\bVersion/\S+ .*\bSafari/",
}
# Where the virtual-appointment link works (Microsoft, "Virtual Appointments", supported browsers, February 2024).
VISITOR_LINK = {
    "android": ("Chrome",),
    "ios": ("Safari", "Chrome"),
    "macos": ("Safari", "Chrome"),
    "windows": ("Chrome", "Edge"),
    "linux": ("Chrome",),
}
# Where the plain join link works in a browser; on phones it asks for the Teams app, whatever the browser.
JOIN_LINK = {
    "macos": ("Safari", "Chrome", "Edge", "Firefox"),
    "windows": ("Chrome", "Edge", "Firefox"),
    "linux": ("Chrome", "Edge", "Firefox"),
}
# The browser that a platform brings along, for somebody who has to leave an app.
OWN = {"ios": "Safari", "macos": "Safari", "android": "Chrome"}


@dataclass(frozen=True)
class Agent:
    """A browser; what is not known is empty. `web_view`: a window inside another app, which keeps its own cookies and
    seldom gives away camera and microphone. Of Safari and web views, `macos` means a Mac or an iPad, which says the
    same."""

    platform: str
    browser: str
    web_view: bool

    @property
    def own(self) -> str:
        """The browser to open instead of a web view."""
        return OWN.get(self.platform, "") if self.web_view else ""

    def better(self, *, visitor_link: bool) -> tuple[str, ...]:
        """The browsers to open instead of this one; none where it is as good, or nothing is known of it."""
        good = (VISITOR_LINK if visitor_link else JOIN_LINK).get(self.platform, ())
        return () if self.web_view or not self.browser or self.browser in good else good

    @property
    def may_be_ipad(self) -> bool:
        """Whether it calls itself a Macintosh as an iPad does: nobody can tell which it is."""
        return self.platform == "macos" and (self.web_view or self.browser == "Safari")

    def needs_app(self, *, visitor_link: bool) -> bool:
        """Whether Teams will ask for its app."""
        return not visitor_link and self.platform in {"ios", "android"}


def at_hand(request: HttpRequest) -> Agent:
    """The browser that asks."""
    return agent_of(request.headers.get("User-Agent", ""))


def agent_of(text: str) -> Agent:
    """The browser behind a User-Agent header."""
    platform, browser = _first(PLATFORMS, text), _first(BROWSERS, text)
    return Agent(platform, browser, _is_web_view(platform, text))


def _first(table: dict[str, str], text: str) -> str:
    return next((name for name, pattern in table.items() if re.search(pattern, text)), "")


def _is_web_view(platform: str, text: str) -> bool:
    """Android's WebView says `wv`; WKWebView is Apple's engine without the word Safari."""
    if platform == "android":
        return "; wv)" in text
    return platform in {"ios", "macos"} and "AppleWebKit/" in text and not re.search(r"\b(Safari|Chrome)/", text)
