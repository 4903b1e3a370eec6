"""OpenTelemetry, where the operator names a collector: a span for each request, task and outgoing call. Imported then
alone (connector.wsgi, connector.celery).

What leaves is an allow-list, as in the log: spans are written anew with the name of a route, never its path, and
without queries, bodies, values of SQL, messages of errors, or what a client put into its own headers.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status, set_tracer_provider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.span import Span

from connector import http, logs, observing

ALLOWED = frozenset(
    {"http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code", "error.type"}
    | {"celery.action", "celery.state", "celery.task_name", "peer.service", "reference", "origin"}
)


def start() -> None:
    """Collect spans from now on and send them to the collector, in the background; one that is away loses them."""
    provider = TracerProvider(resource=Resource.create({"service.name": "ehr-connector"}))
    provider.add_span_processor(BatchSpanProcessor(Scrubbed(_exporter())))
    set_tracer_provider(provider)
    set_global_textmap(TraceContextTextMapPropagator())  # not baggage, in which a client may say anything
    DjangoInstrumentor().instrument(response_hook=_after_request)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    RequestsInstrumentor().instrument(request_hook=_before_call)


def _exporter() -> SpanExporter:
    """Through the one door out: a collector on an internal address has to be allow-listed as any other host."""
    address = f"{settings.TRACES_URL}/v1/traces"
    return OTLPSpanExporter(endpoint=address, session=http.session(None), certificate_file=http.trusted())


def _before_call(span: Span, request: Any) -> None:
    span.set_attribute("peer.service", observing.service(urlsplit(request.url or "").netloc))
    _number(span)


def _after_request(span: Span, *_: object) -> None:
    _number(span)


def _number(span: Span) -> None:
    """Where the log tells more."""
    for name, number in (("reference", logs.reference.get()), ("origin", logs.origin.get())):
        if number:
            span.set_attribute(name, number)


class Scrubbed(SpanExporter):
    """Hands on what is on the allow-list."""

    def __init__(self, onward: SpanExporter) -> None:
        self.onward = onward

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.onward.export([scrubbed(span) for span in spans])

    def shutdown(self) -> None:
        self.onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.onward.force_flush(timeout_millis)


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """The span again, with what may be told of it."""
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in ALLOWED}
    return ReadableSpan(
        name=_name(attributes) or span.kind.name.lower(),
        context=_bare(span.get_span_context()),
        parent=_bare(span.parent),
        resource=span.resource,
        attributes=attributes,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _name(attributes: Mapping[str, object]) -> str:
    """A route, a task, or whom we called."""
    method = attributes.get("http.method") or attributes.get("http.request.method") or ""
    what = attributes.get("http.route") or attributes.get("celery.task_name") or attributes.get("peer.service") or ""
    return f"{method} {what}".strip()


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Without the trace state, which is whatever a client sent."""
    return context and SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
