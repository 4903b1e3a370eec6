"""What the EHR is told: rows written with the state they tell, delivered in lanes that one worker drains at a time."""

from visits.writeback.lanes import drain
from visits.writeback.outbox import enqueue, send_again, sweep, wake

__all__ = ["drain", "enqueue", "send_again", "sweep", "wake"]
