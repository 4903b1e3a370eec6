"""The newest acts of a connection, wherever a page shows it."""

from django import template

from connector.models import Connection
from portal import history

register = template.Library()


@register.inclusion_tag("portal/history_lines.html")
def newest_acts(connection: Connection) -> dict[str, object]:
    """The last few lines of its history, and a link to all of them."""
    return {"connection": connection, "lines": history.newest(connection)}
