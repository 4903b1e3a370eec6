"""The reports in a browser: charts over their tables, for screen readers, on a phone, without colour and on paper."""

from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg.rows import DictRow

from sandbox.launcher.house import House
from tests.conftest import VIEWPORTS
from tests.portal import steps
from tests.portal.test_pages import signed_in, violations
from tests.portal.test_records_in_a_browser import overflow

ROWS = """
INSERT INTO visits_report (organization_id, connection_id, visit, generation, department, at, began_at, met_at,
    left_at, duration, waiting, lobby, attendants, outcome, told, told_after)
SELECT organization_id, id, gen_random_uuid(), 1, '101', at, at, at, at, 60 * n, 20 * n, n, 2,
    (ARRAY['held', 'held', 'no-clinician', 'clinician-only'])[1 + n %% 4], 'delivered', n
FROM connector_connection, generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '3 hours' AS at) AS times
"""


@pytest.fixture
def page(shared_house: House, shared_database: psycopg.Connection[DictRow], person: Callable[..., Page]) -> Page:
    """The reports of an organization with sixty visits, in its administrator's browser."""
    steps.submit(steps.administrator(shared_house))
    shared_database.execute(ROWS, [60])
    return signed_in(shared_house, person())


def test_the_charts_are_drawn_from_the_tables_and_the_pages_are_for_everybody(page: Page, shared_house: House) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong: dict[str, list[str]] = {}
    widths: dict[str, list[int]] = {}
    for name in ("", "charts/", "month/", "readers/"):
        page.set_viewport_size(VIEWPORTS["desktop"])
        page.goto(f"{shared_house.urls['web']}/reports/{name}")
        wrong[name], widths[name] = violations(page), [overflow(page)]
        page.set_viewport_size(VIEWPORTS["phone"])
        widths[name].append(overflow(page))
    assert not any(wrong.values()), wrong
    assert max(max(two) for two in widths.values()) == 0, widths
    page.goto(f"{shared_house.urls['web']}/reports/charts/")
    expect(page.locator("figure canvas")).to_have_count(5)
    expect(page.get_by_role("table")).to_have_count(0)
    page.get_by_text("The figures").first.click()
    expect(page.get_by_role("table", name="Visits a day")).to_be_visible()
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('figure canvas')].map((one) => Chart.getChart(one).data.datasets[0].data)"
    )
    assert [sum(bars) > 0 for bars in drawn] == [True] * 5
    assert said == []
