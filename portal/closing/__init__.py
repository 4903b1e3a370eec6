"""The end of an organization: asked for by an administrator, waited for, worked off by a task, proved by a receipt."""

from portal.closing.asking import DAYS, Blocker, ask, blockers, call_off, of
from portal.closing.work import work

__all__ = ["DAYS", "Blocker", "ask", "blockers", "call_off", "of", "work"]
