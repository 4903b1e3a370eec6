"""Deleting all of something, however much there is, and counting what went."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

BATCH = 500
Count = Callable[[Mapping[str, int]], None]


def wipe(rows: QuerySet[Any], count: Count) -> None:
    """Delete these rows, a batch a transaction, with all that hangs on them. `count` is told of each batch, by model,
    within its transaction: after a crash nothing is counted twice, and the next run goes on."""
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            count(rows.model._default_manager.filter(pk__in=batch).delete()[1])
