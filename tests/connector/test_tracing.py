"""What leaves in a trace: an allow-list, whatever a span has been told."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from connector.tracing import Scrubbed

SECRET = "Ana Betz"
HANDLE = "/visit/2mD8kT/"
OF_A_CLIENT = SpanContext(
    1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "ana-betz")])
)


def test_a_span_keeps_its_route_and_loses_the_rest() -> None:
    seen = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Scrubbed(seen)))
    tracer = provider.get_tracer("tests")
    try:
        with tracer.start_as_current_span(
            f"GET {HANDLE}", context=set_span_in_context(NonRecordingSpan(OF_A_CLIENT)), kind=SpanKind.SERVER
        ) as span:
            span.set_attribute("http.method", "GET")
            span.set_attribute("http.route", "visit/<str:handle>/")
            span.set_attribute("http.url", f"https://connector.example{HANDLE}?launch=eyJ")
            span.set_attribute("http.user_agent", SECRET)
            span.set_attribute("db.statement", f"SELECT '{SECRET}'")
            span.add_event("said", {"text": SECRET})
            raise LookupError(SECRET)
    except LookupError:
        pass
    [left] = seen.get_finished_spans()
    assert left.name == "GET visit/<str:handle>/"
    assert dict(left.attributes or {}) == {"http.method": "GET", "http.route": "visit/<str:handle>/"}
    assert (left.status.status_code, left.status.description) == (StatusCode.ERROR, None)
    assert (list(left.events), list(left.links)) == ([], [])
    assert left.context is not None
    assert left.context.trace_id == 1, "it belongs to the same trace"
    for text in (SECRET, HANDLE, "launch=", "ana-betz"):
        assert text not in left.to_json(), text


def test_a_span_of_an_address_that_we_do_not_have_is_called_by_its_kind() -> None:
    seen = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Scrubbed(seen)))
    with provider.get_tracer("tests").start_as_current_span(f"GET {SECRET}", kind=SpanKind.SERVER):
        pass
    assert [span.name for span in seen.get_finished_spans()] == ["server"]
