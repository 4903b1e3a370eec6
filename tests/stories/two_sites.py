"""A house over https whose EHR and connector are two sites to a browser, and browsers that trust its authority."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright

from sandbox.epic.records import IFRAME
from sandbox.launcher.house import House
from tests.conftest import CHROMIUM_FLAGS, VIEWPORTS, chromium_path, house_addresses
from tests.visits import steps
from tests.visits.steps import Clinic

BLOCK = 2  # Chromium's content setting
Browse = Callable[..., Page]


@contextmanager
def opened(folder: Path) -> Iterator[Clinic]:
    """A clinic over https, both records approved and pasted, opened in frames of the EHR's own pages."""
    with (
        House(folder, extra_env=house_addresses("https"), https=True) as house,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", str(house.verify))
        with steps.opened(house) as clinic:
            framed = {slot: record | {"LAUNCHTYPE": IFRAME} for slot, record in clinic.records.items()}
            yield replace(clinic, records=framed)


@contextmanager
def browsers(playwright: Playwright, house: House, folder: Path) -> Iterator[Browse]:
    """Open a browser of one's own: `browse("phone", cookies=False)` is its first page. Without cookies it refuses
    those of the connector, and of nobody else."""
    with ExitStack() as contexts:

        def browse(viewport: str = "desktop", *, cookies: bool = True, javascript: bool = True) -> Page:
            profile = folder / f"profile-{len(list(folder.iterdir()))}"
            _prepare(profile, [] if cookies else [house.urls["web"]])
            context = _launch(playwright, house, profile, viewport, javascript)
            contexts.callback(context.close)
            context.set_default_timeout(15_000)
            return context.pages[0] if javascript else context.new_page()

        yield browse


def _prepare(profile: Path, blocked: list[str]) -> None:
    """Chromium's own settings of a new profile: whose cookies it takes."""
    exceptions = {"cookies": {f"{url},*": {"setting": BLOCK} for url in blocked}}
    (profile / "Default").mkdir(parents=True)
    settings = {"profile": {"content_settings": {"exceptions": exceptions}}}
    (profile / "Default" / "Preferences").write_text(json.dumps(settings))


def _launch(playwright: Playwright, house: House, profile: Path, viewport: str, javascript: bool) -> BrowserContext:
    assert house.papers
    return playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium_path(),
        args=[*CHROMIUM_FLAGS, f"--ignore-certificate-errors-spki-list={house.papers.fingerprint}"],
        viewport=VIEWPORTS[viewport],
        java_script_enabled=javascript,
    )
