"""One visit, from click to chart, as rows."""

from visits.models.events import Ending, Fact, Receipt, Subscription
from visits.models.outbox import Lane, Target, Writeback
from visits.models.report import Report
from visits.models.visit import Browser, EhrUserLink, Launch, Participant, Sealed, Visit

__all__ = [
    "Browser",
    "EhrUserLink",
    "Ending",
    "Fact",
    "Lane",
    "Launch",
    "Participant",
    "Receipt",
    "Report",
    "Sealed",
    "Subscription",
    "Target",
    "Visit",
    "Writeback",
]
