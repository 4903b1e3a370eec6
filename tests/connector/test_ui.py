"""The components of the pages, as a reader or a screen reader meets them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import translation

from connector.templatetags.ui import STATES, breakable, phones


def page(source: str, **context: object) -> BeautifulSoup:
    """A template's source, rendered and parsed."""
    return BeautifulSoup(Template("{% load ui %}" + source).render(Context(context)), "html.parser")


def one(found: Tag, selector: str) -> Tag:
    """The only element that a CSS selector finds."""
    (element,) = found.select(selector)
    return element


def symbols() -> set[str]:
    """The names of the drawings in the sprite."""
    sprite = Path(settings.BASE_DIR / "static/img/icons.svg").read_text()
    return {str(symbol["id"]) for symbol in BeautifulSoup(sprite, "html.parser").find_all("symbol")}


class Application(forms.Form):
    """A form with each kind of field that the field template treats apart."""

    url = forms.URLField(label="FHIR base URL", help_text="Your Epic team knows it.", assume_scheme="https")
    note = forms.CharField(label="Note", required=False)
    reach = forms.ChoiceField(label="Reach", choices=[("one", "One"), ("many", "Many")], widget=forms.RadioSelect)
    agree = forms.BooleanField(label="I agree")


@pytest.mark.parametrize("kind", STATES)
def test_a_state_is_an_icon_that_exists_and_a_word(kind: str) -> None:
    found = page("{% state kind %}", kind=kind)
    assert found.get_text(strip=True) == str(STATES[kind])
    assert kind in symbols()
    assert str(one(found, "use")["href"]).endswith(f"#{kind}")


def test_a_state_takes_the_word_of_the_page() -> None:
    assert page('{% state "waiting" "In the lobby" %}').get_text(strip=True) == "In the lobby"


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(KeyError):
        page('{% state "sleeping" %}')


def test_an_icon_is_silent_for_screen_readers() -> None:
    assert one(page('{% icon "tick" %}'), "svg")["aria-hidden"] == "true"


def test_a_notice_says_its_kind_and_keeps_its_markup() -> None:
    found = page('{% notice "warning" title="Off" %}<p>Ask <b>Epic</b>.</p>{% endnotice %}')
    assert found.get_text(" ", strip=True).startswith("Warning: Off")
    assert one(found, "b").string == "Epic"


@pytest.mark.parametrize(("kind", "role"), [("error", "alert"), ("success", "status"), ("info", None)])
def test_only_notices_that_answer_an_act_are_announced(kind: str, role: str | None) -> None:
    assert one(page("{% notice kind %}<p>Text</p>{% endnotice %}", kind=kind), "div.notice").get("role") == role


def test_a_copy_row_escapes_its_value_and_hides_the_button_until_a_script_can_copy() -> None:
    value = 'sessionId=%CSN%&x="<1>'
    found = page('{% copy_row "Context token" value %}', value=value)
    assert one(found, "code").string == value
    assert one(found, "button")["data-copy"] == value
    assert one(found, "button").has_attr("hidden")
    assert one(found, "button").get_text(" ", strip=True) == "Copy Context token"


def test_tabs_are_radios_of_one_name_with_the_first_chosen() -> None:
    found = page('{% tab_list "record" "Record" "Patient" "Provider" %}')
    radios = found.find_all("input")
    assert {radio["name"] for radio in radios} == {"record"}
    assert [radio.has_attr("checked") for radio in radios] == [True, False]
    assert [label.get_text(strip=True) for label in found.find_all("label")] == ["Patient", "Provider"]


def test_a_moment_reads_in_utc_and_carries_the_exact_time() -> None:
    found = page("{% moment when %}", when=datetime(2026, 3, 1, 9, 5, tzinfo=UTC))
    assert one(found, "time").string == "09:05 UTC"
    assert one(found, "time")["datetime"] == "2026-03-01T09:05:00+00:00"
    exact = page('{% moment when "exact" %}', when=datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC))
    assert one(exact, "time").string == "March 1, 2026, 09:05:07 UTC"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("+1 555 010-0199", '<a href="tel:+15550100199">+1 555 010-0199</a>'),
        ("Desk: (555) 010 0199 (7-19 h)", 'Desk: <a href="tel:5550100199">(555) 010 0199</a> (7-19 h)'),
        ("5550101 or 5550102", '<a href="tel:5550101">5550101</a> or <a href="tel:5550102">5550102</a>'),
        ("<b>Room 12</b>", "&lt;b&gt;Room 12&lt;/b&gt;"),
    ],
)
def test_a_help_line_links_its_phone_numbers_and_nothing_else(text: str, html: str) -> None:
    assert phones(text) == html


def test_a_url_breaks_after_slashes_only_and_is_escaped() -> None:
    assert breakable("https://a.example/<b>") == "https:/<wbr>/<wbr>a.example/<wbr>&lt;b&gt;"


def test_a_field_joins_label_hint_and_error_to_its_control() -> None:
    found = page("{{ form.url.as_field_group }}", form=Application({"url": "nope"}))
    assert one(found, "label")["for"] == one(found, "input")["id"] == "id_url"
    described = [found.find(id=name) for name in str(one(found, "input")["aria-describedby"]).split()]
    assert [bool(part) for part in described] == [True, True]
    assert one(found, "input")["aria-invalid"] == "true"
    assert "Error: Enter a valid URL." in found.get_text(" ", strip=True)


def test_an_optional_field_says_so_and_a_required_one_does_not() -> None:
    form = Application()
    assert "(optional)" in one(page("{{ form.note.as_field_group }}", form=form), "label").get_text()
    assert "(optional)" not in one(page("{{ form.url.as_field_group }}", form=form), "label").get_text()


def test_choices_share_a_legend_and_a_tick_box_has_its_label_behind_it() -> None:
    form = Application()
    assert one(page("{{ form.reach.as_field_group }}", form=form), "fieldset > legend").get_text(strip=True) == "Reach"
    assert one(page("{{ form.agree.as_field_group }}", form=form), "label > input")["type"] == "checkbox"


def test_the_error_summary_links_to_every_wrong_field() -> None:
    form = Application({})
    found = page('{% include "components/error_summary.html" %}{{ form.as_div }}', form=form)
    targets = [str(link["href"]).removeprefix("#") for link in found.find_all("a")]
    assert targets == ["id_url", "id_reach", "id_agree"]
    assert all(found.find(id=target) for target in targets)


def test_a_form_without_errors_has_no_summary() -> None:
    assert not render_to_string("components/error_summary.html", {"form": Application()}).strip()


@pytest.mark.parametrize(("data", "title"), [({}, "Error: Apply"), (None, "Apply")])
def test_the_title_says_when_a_form_failed(data: dict[str, str] | None, title: str) -> None:
    source = '{% extends "base.html" %}{% block title %}Apply{% endblock %}'
    html = Template(source).render(Context({"form": Application(data)}))
    assert one(BeautifulSoup(html, "html.parser"), "title").get_text() == title


def test_a_patients_page_names_the_hospital_and_its_phone_and_never_the_product() -> None:
    html = render_to_string(
        "visits/base_patient.html", {"hospital": "Northwind Health", "help_line": "+1 555 010 0199"}
    )
    found = BeautifulSoup(html, "html.parser")
    assert one(found, "header").get_text(strip=True) == "Northwind Health"
    assert one(found, "footer a")["href"] == "tel:+15550100199"
    assert "EHR Connector" not in html


def test_the_rail_marks_the_current_step_and_says_which_are_done() -> None:
    steps = [
        {"title": "Configuration information", "url": "/one", "done": True, "current": False},
        {"title": "Approve or view", "url": "/two", "done": False, "current": True},
        {"title": "Review and finish", "url": "", "done": False, "current": False},
    ]
    found = BeautifulSoup(render_to_string("components/steps.html", {"steps": steps}), "html.parser")
    first, second, third = found.find_all("li")
    assert "done" in first.get_text()
    assert one(second, "a")["aria-current"] == "step"
    assert not third.select("a")


@pytest.mark.parametrize("name", ["400", "403", "404", "500"])
def test_an_error_page_needs_no_context(name: str) -> None:
    with translation.override("en"):
        found = BeautifulSoup(render_to_string(f"{name}.html"), "html.parser")
    assert one(found, "h1").get_text(strip=True) == one(found, "title").get_text()
    assert [heading.get_text() for heading in found.find_all("h2")] == ["What to check", "Who can help"]


@pytest.mark.parametrize("shell", ["portal/base.html", "visits/base_clinician.html", "visits/base_patient.html"])
def test_a_problem_reads_the_same_in_every_shell(shell: str) -> None:
    words = {
        "title": "Used",
        "what": "It works once.",
        "check": "Press again.",
        "who": "The help desk.",
        "reference": "7F3K",
    }
    html = render_to_string("errors/problem.html", {**words, "shell_template": shell, "help_line": "+1 555 010 0199"})
    found = BeautifulSoup(html, "html.parser")
    assert all(text in one(found, "main").get_text() for text in words.values())
    assert len(found.find_all("a", href="tel:+15550100199")) == 1
