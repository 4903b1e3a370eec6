"""What every answer carries: the content security policy, cache headers, cookies; and no script or style in a page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse

from sandbox.launcher.place import CHECKOUT, generated_secrets
from tests.portal.deciding import BACKEND
from tests.rules.production import ENVIRONMENT
from tests.visits.factories import administrator, organization

TEMPLATES = sorted((CHECKOUT / "templates").rglob("*.html"))
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
NOBODYS_PAGES = ("/signin/", "/health/live", "/nowhere/", "/launch/unknown/patient/", "/visit/unknown/")
PORTAL_PAGES = ("configure", "approve", "records", "consent")


def policy(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def page_of(client: Client, name: str) -> Any:
    of = organization()
    client.force_login(administrator(of), BACKEND)
    return client.get(reverse(name))


@pytest.mark.django_db
@pytest.mark.parametrize("path", NOBODYS_PAGES)
def test_what_anybody_can_open_carries_the_policy_and_is_not_stored(client: Client, path: str) -> None:
    answer = client.get(path)
    assert policy(answer) == POLICY
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PORTAL_PAGES)
def test_the_portals_pages_carry_the_policy_and_are_not_stored(client: Client, name: str) -> None:
    answer = page_of(client, name)
    assert answer.status_code == 200
    assert policy(answer) == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/configure/", "/configure"])
def test_a_redirect_is_not_stored_either(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {301, 302}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_the_keys_may_be_stored_for_an_hour(client: Client) -> None:
    assert client.get("/jwks/testing.json").headers["Cache-Control"] == "public, max-age=3600"


@pytest.mark.django_db
def test_static_files_may_be_stored_for_ever_under_their_hashed_names(client: Client) -> None:
    sheet = BeautifulSoup(client.get("/signin/").content, "html.parser").find("link", rel="stylesheet")
    assert isinstance(sheet, Tag)
    assert re.search(r"/app\.[0-9a-f]{12}\.css$", str(sheet["href"]))
    assert client.get(str(sheet["href"])).headers["Cache-Control"] == "max-age=315360000, public, immutable"


def test_without_https_cookies_are_for_this_site_alone_and_no_script_reads_them(client: Client, db: None) -> None:
    page_of(client, "consent")
    client.get(reverse("signin_start"))  # keeps a state in the session
    kept = {name: (morsel["samesite"], morsel["httponly"], morsel["secure"]) for name, morsel in client.cookies.items()}
    assert kept == {"portal": ("Lax", True, ""), "csrf": ("Lax", True, "")}


COOKIES = """
import django, json; django.setup()
from django.conf import settings
from django.http import HttpResponse
from visits import browsers
answer = HttpResponse(); browsers.give_cookie(answer, "x")
(visit,) = (morsel.OutputString() for morsel in answer.cookies.values())
def cookie(kind):
    names = ("NAME", "SECURE", "HTTPONLY", "SAMESITE", "DOMAIN", "PATH")
    return [getattr(settings, f"{kind}_COOKIE_{name}") for name in names]
found = {"visit": visit, "portal": cookie("SESSION"), "csrf": cookie("CSRF")}
print(json.dumps(found | {"notices": settings.NOTICES_COOKIE_NAME}))
"""


def cookies(**changes: str) -> dict[str, Any]:
    """The cookies of a process with production's settings and these changes."""
    given = {"PATH": os.environ["PATH"]} | generated_secrets() | ENVIRONMENT | changes
    outcome = subprocess.run([sys.executable, "-c", COOKIES], env=given, cwd=CHECKOUT, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def attributes(cookie: str) -> set[str]:
    """A Set-Cookie line's name and attributes, without value, age and expiry."""
    name, *rest = (part.strip() for part in cookie.split(";"))
    return {name.partition("=")[0], *rest} - {part for part in rest if part.startswith(("expires", "Max-Age"))}


def test_over_https_each_cookie_is_bound_to_this_host() -> None:
    found = cookies()
    assert found["portal"] == ["__Host-portal", True, True, "Lax", None, "/"]
    assert found["csrf"] == ["__Host-csrf", True, True, "Lax", None, "/"]
    expected = {"__Host-visit", "Path=/", "Secure", "HttpOnly", "SameSite=None", "Partitioned"}
    assert attributes(found["visit"]) == expected


def test_over_http_the_visits_cookie_is_plain_so_that_the_demo_works() -> None:
    found = cookies(PUBLIC_URL="http://127.0.0.1:8000", NOTIFICATION_URL="")
    assert attributes(found["visit"]) == {"visit", "Path=/", "HttpOnly", "SameSite=Lax"}


def tags(template: Path) -> list[Tag]:
    """The elements of a template, its own language taken out."""
    source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", template.read_text(), flags=re.DOTALL)
    return [tag for tag in BeautifulSoup(source, "html.parser").find_all(True) if isinstance(tag, Tag)]


def inline(tag: Tag) -> list[str]:
    """What the policy would refuse, or should: scripts, styles and handlers written into a page."""
    found = [name for name in tag.attrs if name == "style" or name.startswith(("on", "hx-on", "hx-vars"))]
    found += [
        name for name, value in tag.attrs.items() if str(value).strip().lower().startswith(("javascript:", "js:"))
    ]
    found += ["script"] if tag.name == "script" and (not tag.has_attr("src") or tag.get_text(strip=True)) else []
    return found + (["style"] if tag.name == "style" else [])


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_template_holds_a_script_style_or_handler(template: Path) -> None:
    assert [(str(tag)[:80], found) for tag in tags(template) if (found := inline(tag))] == []


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<style>p {}</style>",
        '<p style="">x</p>',
        '<p onclick="x">x</p>',
        '<a href=" JavaScript:x">x</a>',
        '<p hx-on:click="x">x</p>',
        """<p hx-vals="js:{a: 1}">x</p>""",
    ],
)
def test_what_is_looked_for_is_found(html: str, tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text("{% if x %}" + html + "{% endif %}")
    assert any(inline(tag) for tag in tags(template))
