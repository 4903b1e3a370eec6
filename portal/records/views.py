"""Review and finish: the records of a connection, open to its approver and to every administrator at any time."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from connector import access, agreement, keys
from connector.models import Connection
from connector.signin import signed_in
from portal import shell
from portal.records import client_records, domains, is_told, launch_records

PAGE = 20


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every approved connection, with its records one click away."""
    live = access.connections_of(signed_in(request)).exclude(live=None).order_by("base_url", "environment")
    shown = Paginator(live, PAGE).get_page(request.GET.get("page"))
    return shell.page(request, "portal/records.html", "records", connections=list(shown), page=shown)


@require_GET
def records(request: HttpRequest, ref: str) -> HttpResponse:
    """The integration records of one connection's live revision."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    shown = launch_records(connection, connection.live) if connection.live else []
    return shell.page(
        request,
        "portal/record.html",
        "records",
        connection=connection,
        records=shown,
        clients=client_records(connection, connection.live) if connection.live else [],
        tabs=[record.tab for record in shown],
        all_records="\n\n".join(f"[{record.title}]\n{record.block}" for record in shown),
        **listed(connection),
        told=is_told(connection),
        may_change=access.administered_by(user) is not None or access.is_approver(user, connection),
        is_epic=agreement.load(connection.shown.settings).ehr_kind == "epic",
    )


@require_GET
def download(request: HttpRequest, ref: str) -> HttpResponse:
    """Everything of one connection as a text file, to carry or to send to whoever enters it."""
    connection = access.connection_of(signed_in(request), ref)
    if connection.live is None:
        raise Http404
    context = {
        "connection": connection,
        "records": launch_records(connection, connection.live),
        "clients": client_records(connection, connection.live),
        **listed(connection),
    }
    text = render_to_string("portal/record.txt", context)
    return _file(text, "text/plain", f"integration-records-{connection.environment}-{ref}.txt")


@require_GET
def certificate(request: HttpRequest, ref: str) -> HttpResponse:
    """Our certificate as PEM, for an EHR that holds it in place of the JWKS URL."""
    connection = access.connection_of(signed_in(request), ref)
    if agreement.load(connection.shown.settings).authentication != "certificate":
        raise Http404
    pem = keys.signing_certificate(connection.environment)
    return _file(pem, "application/x-pem-file", f"ehr-connector-{connection.environment}.pem")


def listed(connection: Connection) -> dict[str, Any]:
    """The domains as `portal/record_parts/domains.html` reads them."""
    found = domains(connection)
    return {
        "domains": found,
        "all_domains": "\n".join(domain.name for domain in found),
        "all_patient_domains": "\n".join(domain.name for domain in found if domain.patients),
    }


def _file(text: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
