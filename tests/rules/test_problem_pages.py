"""No page of a problem shows anything that the request brought along: for each problem that there is."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from connector import problems
from connector.problems.table import PROBLEMS, SAME
from visits import trouble

MARK = "Pia-Sandberg-770011"
PATH = "/visit/a-handle/"  # is in the address of its reader alone, and in the links of his page to itself
Page = Callable[[HttpRequest, str], HttpResponse]


def bringing_marks(requests: RequestFactory) -> HttpRequest:
    """A request that says the same in its query, form, cookies and headers."""
    headers = {"User-Agent": MARK, "Referer": f"https://ehr.example/{MARK}", "X-Patient": MARK}
    requests.cookies["visit"] = MARK
    request = requests.post(f"{PATH}?launch={MARK}", {"name": MARK}, headers=headers)
    request.resolver_match = resolve(PATH)
    return request


def of_the_portal(request: HttpRequest, code: str) -> HttpResponse:
    return problems.page(request, code, base="base.html")


def of_a_patient(request: HttpRequest, code: str) -> HttpResponse:
    return trouble.page(request, code, door="patient")


def of_a_clinician(request: HttpRequest, code: str) -> HttpResponse:
    return trouble.page(request, code, door="provider")


@pytest.mark.parametrize("page", [of_the_portal, of_a_patient, of_a_clinician])
def test_no_problems_page_nor_its_line_in_the_log_shows_what_a_request_brought(
    page: Page, rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for code in PROBLEMS.keys() | SAME.keys():
        answer: Any = page(bringing_marks(rf), code)
        assert "What to check" in answer.content.decode(), code
        assert MARK not in answer.content.decode(), code
        assert MARK not in str(answer.headers), code
    told = [one.__dict__ for one in caplog.records]
    assert len(told) == len(PROBLEMS.keys() | SAME.keys())
    assert MARK not in str([{name: value for name, value in one.items() if name != "request"} for one in told])
