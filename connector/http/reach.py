"""Which addresses may be called: public ones, and those of hosts that the operator allow-lists."""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from connector.errors import Permanent

CONNECT_SECONDS = 3.0
# What Python's registry calls public and is not: where clouds answer their own machines alone (Oracle's metadata in
# RFC 6890's block, Azure's host), relays of 6to4 (RFC 7526) and documentation (RFC 9637).
NOT_PUBLIC = [
    ipaddress.ip_network(block) for block in ("192.0.0.0/24", "168.63.129.16/32", "192.88.99.0/24", "3fff::/20")
]


def is_allow_listed(host: str, port: int | None) -> bool:
    """Whether the operator lets us reach this host over http or at a private address."""
    return host in settings.OUTGOING_ALLOWED_HOSTS or f"{host}:{port}" in settings.OUTGOING_ALLOWED_HOSTS


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not loopback, private, link-local, reserved or multicast,
    nor an IPv6 form of such an IPv4 address (mapped, 6to4)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    known = ip.is_multicast or ip.is_reserved or any(ip in block for block in NOT_PUBLIC)
    return ip.is_global and not known


def resolve(host: str, port: int, *, seconds: float = CONNECT_SECONDS) -> str:
    """The first address of a host, once all of them are known to be public (or the host is allow-listed).

    Raises OSError when no name server answers in time, Permanent for an address that we may not reach.
    """
    asking = ThreadPoolExecutor(1)  # the system's resolver knows no deadline
    try:
        found = asking.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(seconds)
    finally:
        asking.shutdown(wait=False)
    addresses = [str(info[4][0]) for info in found]
    if not is_allow_listed(host, port) and not all(map(is_public, addresses)):
        raise Permanent("address-not-public", host=host)
    return addresses[0]
