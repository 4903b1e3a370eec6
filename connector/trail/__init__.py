"""The audit trail: who did or was what, when. Codes and opaque ids only; rows are inserted unchained, sealed in
batches, and signed for."""

from connector.trail.chain import record, seal
from connector.trail.checking import ask, asked, check, due, state, unsealed
from connector.trail.checking import verify_all as verify
from connector.trail.checkpoints import accept, go_on, seal_all, sign, unsettled
from connector.trail.export import Extent, extent, lines
from connector.trail.known import unknown

__all__ = [
    "Extent",
    "accept",
    "ask",
    "asked",
    "check",
    "due",
    "extent",
    "go_on",
    "lines",
    "record",
    "seal",
    "seal_all",
    "sign",
    "state",
    "unknown",
    "unsealed",
    "unsettled",
    "verify",
]
