"""How key material is kept at rest: wrapped by the key-encryption keys of the environment, or by the operator's own
program, which stands before a key management service (docs/configuration.md).

The program is called as `… wrap SCOPE KID`, `… unwrap SCOPE KID` and `… destroy SCOPE`: material and wrapped material
on standard input and output, exit status 0 when it was done. SCOPE is an organization's id or `deployment`, so that a
service may have a key for each organization; once that one is destroyed, nothing it wrapped can be opened, in no
backup either.
"""

import base64
import logging
import shlex
import subprocess

from django.conf import settings

from connector import crypto
from connector.errors import Retry
from connector.models import Key

log = logging.getLogger(__name__)

BY_COMMAND = "command."  # what the program wrapped begins so; all else is of a key-encryption key
DEPLOYMENT = "deployment"
SECONDS = 5.0


def scope_of(organization_id: object) -> str:
    """Whose keys they are: an organization's, or the deployment's own."""
    return str(organization_id or DEPLOYMENT)


def wrap(scope: str, kid: str, secret: bytes) -> str:
    """Material as it is kept, bound to its kid. Raises Retry where the program does not do it."""
    if settings.KEY_WRAPPING_COMMAND:
        wrapped = _run("wrap", scope, kid, given=secret)
        return BY_COMMAND + base64.urlsafe_b64encode(wrapped).decode()
    kek_id, kek = next(iter(settings.KEY_ENCRYPTION_KEYS.items()))
    return crypto.seal(secret, kid=kek_id, secret=kek, place=("key", kid))


def unwrap(key: Key) -> bytes:
    """The material of a row, whichever way it was wrapped. KeyError names a key-encryption key that this process was
    not given; Retry where the program does not answer."""
    if key.wrapped.startswith(BY_COMMAND):
        given = base64.urlsafe_b64decode(key.wrapped.removeprefix(BY_COMMAND))
        return _run("unwrap", scope_of(key.organization_id), key.kid, given=given)
    kek = settings.KEY_ENCRYPTION_KEYS[crypto.kid_of(key.wrapped)]
    return crypto.unseal(key.wrapped, secret=kek, place=("key", key.kid))


def is_newest(wrapped: str) -> bool:
    """Whether new material would be wrapped in the same way now."""
    if wrapped.startswith(BY_COMMAND) or settings.KEY_WRAPPING_COMMAND:
        return wrapped.startswith(BY_COMMAND) and bool(settings.KEY_WRAPPING_COMMAND)
    return crypto.kid_of(wrapped) == next(iter(settings.KEY_ENCRYPTION_KEYS))


def destroy(scope: str) -> bool:
    """Let the program destroy what it wraps this scope's keys with. Whether that was done: without a program the
    key-encryption keys go on, and open what a backup holds. Raises Retry."""
    if settings.KEY_WRAPPING_COMMAND:
        _run("destroy", scope)
    return bool(settings.KEY_WRAPPING_COMMAND)


def _run(*verb: str, given: bytes = b"") -> bytes:
    command = [*shlex.split(settings.KEY_WRAPPING_COMMAND), *verb]
    try:
        ran = subprocess.run(command, input=given, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:  # what it printed may hold what nobody may read
        log.error("key service failed", extra={"reason": type(error).__name__, "kind": verb[0]})
        raise Retry("key-service-unavailable") from None
    return ran.stdout
