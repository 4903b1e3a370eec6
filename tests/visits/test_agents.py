"""Which browser somebody holds, and what he is advised to open instead; what nobody knows is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visits.agents import Agent, agent_of

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8{}) AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64{})"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = " AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36"
LINUX = "Mozilla/5.0 (X11; Linux x86_64)"

# User-Agent: platform, browser, web view; what to open instead by the browser link, and by the plain join link.
AGENTS: dict[str, tuple[tuple[str, str, bool], tuple[str, ...], tuple[str, ...]]] = {
    f"{IPHONE} Version/17.4 Mobile/15E148 Safari/604.1": (("ios", "Safari", False), (), ()),
    f"{IPHONE} CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1": (("ios", "Chrome", False), (), ()),
    f"{IPHONE} EdgiOS/124.0 Version/17.0 Mobile/15E148 Safari/604.1": (
        ("ios", "Edge", False),
        ("Safari", "Chrome"),
        (),
    ),
    f"{IPHONE} FxiOS/125.0 Mobile/15E148 Safari/605.1.15": (("ios", "Firefox", False), ("Safari", "Chrome"), ()),
    f"{IPHONE} Mobile/15E148": (("ios", "", True), (), ()),
    f"{MAC} Version/17.4 Safari/605.1.15": (("macos", "Safari", False), (), ()),  # and Safari on an iPad
    MAC: (("macos", "", True), (), ()),  # an app on an iPad
    f"{MAC} CriOS/124.0.6367.88 Version/17.4 Safari/605.1.15": (("ios", "Chrome", False), (), ()),  # on an iPad alone
    f"{PIXEL.format('')} Chrome/125.0.0.0 Mobile Safari/537.36": (("android", "Chrome", False), (), ()),
    f"{PIXEL.format('; wv')} Version/4.0 Chrome/125.0.0.0 Mobile Safari/537.36": (("android", "Chrome", True), (), ()),
    f"{PIXEL.format('')} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36": (
        ("android", "Samsung Internet", False),
        ("Chrome",),
        (),
    ),
    "Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0": (
        ("android", "Firefox", False),
        ("Chrome",),
        (),
    ),
    f"{WINDOWS.format('')}{BLINK}": (("windows", "Chrome", False), (), ()),
    f"{WINDOWS.format('')}{BLINK} Edg/125.0.0.0": (("windows", "Edge", False), (), ()),
    f"{WINDOWS.format('')}{BLINK} OPR/110.0.0.0": (
        ("windows", "Opera", False),
        ("Chrome", "Edge"),
        ("Chrome", "Edge", "Firefox"),
    ),
    f"{WINDOWS.format('; rv:125.0')} Gecko/20100101 Firefox/125.0": (
        ("windows", "Firefox", False),
        ("Chrome", "Edge"),
        (),
    ),
    f"{LINUX}{BLINK}": (("linux", "Chrome", False), (), ()),
    f"{LINUX} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15": (
        ("linux", "Safari", False),
        ("Chrome",),
        ("Chrome", "Edge", "Firefox"),
    ),
    "curl/8.7.1": (("", "", False), (), ()),
    "": (("", "", False), (), ()),
}


@pytest.mark.parametrize("text", AGENTS, ids=lambda text: text[-50:] or "nothing")
def test_a_browser_is_known_by_its_words(text: str) -> None:
    agent, visitor, join = AGENTS[text]
    found = agent_of(text)
    assert found == Agent(*agent)
    assert (found.better(visitor_link=True), found.better(visitor_link=False)) == (visitor, join)


@pytest.mark.parametrize(
    ("agent", "own"),
    [
        (Agent("ios", "", True), "Safari"),
        (Agent("android", "Chrome", True), "Chrome"),
        (Agent("ios", "Safari", False), ""),
    ],
)
def test_who_leaves_an_app_opens_the_phones_own_browser(agent: Agent, own: str) -> None:
    assert agent.own == own


def test_only_phones_with_a_plain_join_link_are_asked_for_the_app() -> None:
    asked = {
        (platform, link)
        for platform in ("ios", "android", "windows", "macos", "linux", "")
        for link in (True, False)
        if Agent(platform, "Chrome", False).needs_app(visitor_link=link)
    }
    assert asked == {("ios", False), ("android", False)}


def test_safari_and_apps_on_an_ipad_cannot_be_told_from_a_macs() -> None:
    assert {text for text in AGENTS if agent_of(text).may_be_ipad} == {MAC, f"{MAC} Version/17.4 Safari/605.1.15"}


@given(st.text(max_size=200))
def test_any_text_is_some_agent_and_an_unknown_one_is_left_alone(text: str) -> None:
    agent = agent_of(text)
    assert agent.browser or not agent.better(visitor_link=True)
