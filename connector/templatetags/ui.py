"""The few components every page is made of, as template tags."""

import re
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TypedDict

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

register = template.Library()

# Each kind of state: its icon has the same name, its word is used where the page gives none.
STATES: dict[str, Promise] = {
    "waiting": _("Waiting"),
    "approved": _("Approved"),
    "returned": _("Returned"),
    "suspended": _("Suspended"),
    "ok": _("OK"),
    "warning": _("Check this"),
    "error": _("Failed"),
    "info": _("Note"),
    "off": _("Off"),
}

# What a screen reader hears before a notice, whose kind sighted readers see by its icon.
NOTICES: dict[str, Promise] = {
    "success": _("Done:"),
    "info": _("Note:"),
    "warning": _("Warning:"),
    "error": _("Error:"),
}

NOTICE_ICONS = {"success": "ok", "info": "info", "warning": "warning", "error": "error"}

# Seven to fifteen digits, single separators between them, an area code in brackets.
PHONE = re.compile(r"(\+?(?:\(\d{1,4}\)|\d)(?:[ .-]?(?:\(\d{1,4}\)|\d)){6,14})")


class State(TypedDict):
    """What `components/state.html` reads."""

    kind: str
    word: str | Promise


class CopyRow(TypedDict):
    """What `components/copy_row.html` reads; `kind` is empty where the row carries no state."""

    label: str
    value: str
    kind: str
    word: str


class Tabs(TypedDict):
    """What `components/tab_list.html` reads."""

    name: str
    legend: str
    labels: tuple[str, ...]


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing from the sprite, silent for screen readers: a word always stands beside it."""
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.inclusion_tag("components/state.html")
def state(kind: str, word: str = "") -> State:
    """Icon and word of a state; KeyError for a kind that is not in STATES."""
    return {"kind": kind, "word": word or STATES[kind]}


@register.simple_block_tag
def notice(content: str, kind: str, title: str = "") -> SafeString:
    """A message between paragraphs; KeyError for a kind that is not in NOTICES."""
    values = {"content": content, "kind": kind, "title": title, "icon": NOTICE_ICONS[kind], "lead": NOTICES[kind]}
    return render_to_string("components/notice.html", values)


@register.inclusion_tag("components/copy_row.html")
def copy_row(label: str, value: str, kind: str = "", word: str = "") -> CopyRow:
    """One row to paste elsewhere, with a copy button, and a state where the row needs one."""
    return {"label": label, "value": value, "kind": kind, "word": word}


@register.inclusion_tag("components/tab_list.html")
def tab_list(name: str, legend: str, *labels: str) -> Tabs:
    """The tabs of the `.panel` sections that follow within the same `.tabs`, in their order; at most six."""
    return {"name": name, "legend": legend, "labels": labels}


@register.simple_tag
def moment(when: datetime, style: str = "time") -> SafeString:
    """A time (`time`), a day and time (`datetime`) or that with seconds (`exact`); in UTC until JavaScript shows the
    reader's own zone."""
    shown = render_to_string("components/moment.html", {"when": timezone.localtime(when, UTC), "style": style})
    return SafeString(shown.strip())  # a comma may follow


@register.filter
def breakable(url: str) -> SafeString:
    """The URL with places to break a line after its slashes, so that a narrow table splits no word."""
    return format_html_join(mark_safe("/<wbr>"), "{}", ((part,) for part in url.split("/")))


@register.filter
def phones(text: str) -> SafeString:
    """The text with its phone numbers as links; a help line is a number, or a sentence with one in it."""
    parts = PHONE.split(text)
    numbers = ("".join(re.findall(r"^\+|\d", number)) for number in parts[1::2])
    links = (format_html('<a href="tel:{}">{}</a>', *pair) for pair in zip(numbers, parts[1::2], strict=True))
    return format_html_join("", "{}{}", zip_longest(parts[::2], links, fillvalue=""))
