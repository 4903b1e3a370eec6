"""How long something took, as people say it."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def span(seconds: int) -> str:
    """Seconds as `45 s`, `12 min`, `1 h` or `1 h 05 min`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours and not minutes_left:
        return _("%(hours)d h") % {"hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes_left}
    return _("%(minutes)d min") % {"minutes": minutes} if minutes else _("%(seconds)d s") % {"seconds": rest}
