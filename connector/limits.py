"""How often something may be asked for in a minute. What is counted is whoever asks: a browser, a session, a link, a
person. An address stands for a whole clinic, so it is counted only where a browser brings nothing of its own, and who
is stopped there is given what he lacks: his next try counts for him alone (docs/adr/0016). While the cache is away
nobody is counted, and everybody goes on."""

import logging
import time

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from connector.cached import counted

log = logging.getLogger(__name__)

MINUTE = 60


def wait(limit: str, who: object) -> int:
    """Count one more of RATE_LIMITS[limit]. The seconds until the next minute where it was one too many, else 0."""
    most = settings.RATE_LIMITS[limit]
    minute, passed = divmod(int(time.time()), MINUTE)
    # Keyed, because the name in the cache must not tell an address or a person.
    name = salted_hmac("connector.limits", str(who), algorithm="sha256").hexdigest()
    used = counted(f"limit:{limit}:{minute}:{name}", 2 * MINUTE) if most else None
    if used is None or used <= most:
        return 0
    if used == most + 1:  # once a minute: whoever floods us does not flood the log
        log.warning("limit reached", extra={"kind": limit, "count": most})
    return MINUTE - passed


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as our own proxy has seen it: what a client sends under this name stands before."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.TRUSTED_PROXY else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))
