"""/metrics, in Prometheus' text format: what was counted (connector.tally), and how things stand, asked of PostgreSQL
at that moment. Open to whoever brings the operator's token; without one there is no such page."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate, groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, transaction
from django.db import connection as database
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from connector import health, mail, tally
from connector.models import Entry, Verification
from connector.tally import BOUNDS, FAMILIES, Family, Read

PREFIX = "ehr_connector_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_TIME = "3s"  # of each question to PostgreSQL

Samples = Mapping[tuple[str, ...], float]  # labels' values -> value
Measure = Callable[[datetime], Mapping[str, Samples]]


def _measure(now: datetime) -> dict[str, Samples]:
    waits = mail.due(now).aggregate(since=Min("next_at"))["since"]
    unsealed = Entry.objects.filter(sequence=None).aggregate(since=Min("recorded_at"))["since"]
    return {
        "mail_waiting_seconds": {(): age(waits, now)},
        "trail_unsealed_seconds": {(): age(unsealed, now)},
        "trails_broken": {(): float(Verification.objects.exclude(findings=[]).count())},
    }


measures: list[Measure] = [_measure]  # visits add theirs (visits.apps)


def age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; none where there is nothing."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


@login_not_required
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, once: all processes of the deployment count together, so one of them is asked for all."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse("No.\n", status=401, headers={"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE)


class _Collected(Collector):
    """What prometheus-client asks for its families."""

    def collect(self) -> Iterator[Metric]:
        parts = health.parts()
        counted, marked = _counted() if parts["cache"] is None else ({}, {})
        schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
        measured: dict[str, Samples] = {
            "up": {(part,): float(wrong is None) for part, wrong in parts.items()},
            "task_interval_seconds": {(name,): entry["schedule"] for name, entry in schedule.items()},
        }
        yield from _counters(counted)
        yield from _gauges(_by_name(marked) | measured | (_levels() if parts["database"] is None else _unknown()))


def _counted() -> tuple[Read, Read]:
    try:
        return tally.read()
    except (RedisError, OSError):
        return {}, {}


def _levels() -> dict[str, Samples]:
    """How things stand; where PostgreSQL does not answer in time, that alone."""
    found: dict[str, Samples] = {}
    try:
        with transaction.atomic():
            with database.cursor() as cursor:
                cursor.execute("select set_config('statement_timeout', %s, true)", [MOST_TIME])
            for measure in measures:
                found |= measure(timezone.now())
    except Error:
        return _unknown()
    return found | {"levels_known": {(): 1.0}}


def _unknown() -> dict[str, Samples]:
    return {"levels_known": {(): 0.0}}


def _by_name(series: Read) -> dict[str, Samples]:
    return {
        name: {key[1:]: series[key] for key in keys} for name, keys in groupby(sorted(series), key=lambda key: key[0])
    }


def _counters(counted: Read) -> Iterator[Metric]:
    for name, samples in _by_name(counted).items():
        family = FAMILIES[name]
        yield _histogram(name, family, samples) if family.kind == "histogram" else _counter(name, family, samples)


def _counter(name: str, family: Family, samples: Samples) -> Metric:
    metric = CounterMetricFamily(PREFIX + name, family.tells, labels=family.labels)
    for values, value in samples.items():
        metric.add_metric(values, value)
    return metric


def _histogram(name: str, family: Family, samples: Samples) -> Metric:
    metric = HistogramMetricFamily(PREFIX + name, family.tells, labels=family.labels)
    for values in sorted({key[:-1] for key in samples}):
        counts = accumulate(samples.get((*values, bound), 0.0) for bound in BOUNDS)
        metric.add_metric(values, list(zip(BOUNDS, counts, strict=True)), samples.get((*values, tally.SUM), 0.0))
    return metric


def _gauges(found: Mapping[str, Samples]) -> Iterator[Metric]:
    for name, samples in found.items():
        metric = GaugeMetricFamily(PREFIX + name, FAMILIES[name].tells, labels=FAMILIES[name].labels)
        for values, value in samples.items():
            metric.add_metric(values, value)
        yield metric
