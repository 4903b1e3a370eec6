"""System checks: mistakes that the settings alone can show, each with its mend."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security, deploy=True)
def public_address(**_: Any) -> list[CheckMessage]:
    """A production deployment is reached over https, and so are its notifications."""
    plain = [name for name in ("PUBLIC_URL", "NOTIFICATION_URL") if not getattr(settings, name).startswith("https://")]
    return [
        Error(f"{name} is not https.", hint="Browsers and Microsoft Graph need https.", id=f"connector.E{n:03}")
        for n, name in enumerate(plain, 1)
    ]


@register(Tags.security, deploy=True)
def any_tenant(**_: Any) -> list[CheckMessage]:
    """`*` lets administrators of every organization in the world in: allowed, but never by oversight."""
    if "*" not in settings.ENTRA_ALLOWED_TENANTS:
        return []
    hint = "List the tenant ids that this deployment serves."
    return [Warning("ENTRA_ALLOWED_TENANTS is *: any organization may sign in.", hint=hint, id="connector.W001")]
