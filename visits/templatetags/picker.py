"""The picker of a page's language."""

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse

register = template.Library()


@register.inclusion_tag("components/languages.html", takes_context=True)
def languages(context: Context) -> dict[str, Any]:
    """Links to the same page in each language, or to the visit's page where this one cannot be asked for twice. None
    where nobody knows whose page it is: then the browser's language holds."""
    address = context.get("language_page")
    match = getattr(context.get("request"), "resolver_match", None)
    handle = context.get("handle") or (match.kwargs.get("handle") if match else "")
    return {"address": address or (reverse("visit", args=[handle]) if handle else "")}
