"""What others are told: rows written with what they tell, delivered in lanes that one worker drains at a time. Targets
are the EHR's status service and, where the settings name one, a repository of AuditEvents; our own trail has it all."""

from visits.writeback.health import switch_on
from visits.writeback.lanes import drain, give_up_late
from visits.writeback.outbox import doubt, enqueue, enqueue_entries, held, may_be_over, send_again, sweep, told, wake

__all__ = [
    "doubt",
    "drain",
    "enqueue",
    "enqueue_entries",
    "give_up_late",
    "held",
    "may_be_over",
    "send_again",
    "sweep",
    "switch_on",
    "told",
    "wake",
]
