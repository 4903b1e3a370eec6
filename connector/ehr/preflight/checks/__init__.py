"""The checks, in the order in which a person reads them. Each is a plain function from what was seen to findings."""

from collections.abc import Callable, Iterator

from connector.ehr.preflight.asking import Seen
from connector.ehr.preflight.checks import fhir, network, services, sign_in
from connector.ehr.preflight.shapes import Finding

Check = Callable[[Seen], Iterator[Finding]]

OF_THE_WAY: tuple[Check, ...] = (network.address, network.handshake)
OF_WHAT_ANSWERS: tuple[Check, ...] = (
    network.redirects,
    network.speed,
    network.clock,
    fhir.metadata,
    fhir.release,
    fhir.software,
    fhir.own_address,
    fhir.resources,
    sign_in.endpoints,
    sign_in.code_challenge,
    sign_in.client_authentication,
    sign_in.launch,
    sign_in.openid,
    sign_in.keys,
    sign_in.drift,
    services.backend_token,
    services.status_service,
    fhir.repositories,
)


def findings(seen: Seen) -> tuple[Finding, ...]:
    """Everything the checks find. Where nobody can be reached, only why."""
    checks = OF_THE_WAY + (OF_WHAT_ANSWERS if seen.reachable else ())
    return tuple(finding for check in checks for finding in check(seen))
