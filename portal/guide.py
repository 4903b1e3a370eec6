"""The build guide: one page for each screen of the EHR, filled in from a connection, readable on paper."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from connector import access, agreement
from connector.ehr import status
from connector.models import Connection
from connector.signin import signed_in
from portal import records, shell
from portal.records.views import listed

CLIENT_SYSTEMS = _("The person who manages client records in Epic (client systems)")
INTERFACES = _("Whoever builds integration records in Epic")
HYPERSPACE = _("Whoever builds the clinicians' screens in Epic")
MYCHART = _("Whoever builds MyChart")
DESKTOP = _("Whoever manages Epic's browser settings")
VENDOR = _("Whoever administers your EHR")
ARCHIVE = _("Whoever runs the FHIR repository")


@dataclass(frozen=True)
class Name:
    """What something is called in Epic. `attested`: in Epic's own documents or in several customers' records."""

    name: str | Promise
    what: str | Promise
    attested: bool = True


@dataclass(frozen=True)
class Screen:
    """One page of the guide. Its steps are in templates/portal/guide/<slug>.html."""

    slug: str
    title: Promise
    who: Promise
    names: tuple[Name, ...] = ()

    @property
    def template(self) -> str:
        return f"portal/guide/{self.slug}.html"


EPIC = (
    Screen(
        "client-records",
        _("Client records"),
        CLIENT_SYSTEMS,
        (
            Name(_("Client ID"), _("one for each app; production and non-production have their own")),
            Name(_("Redirect URI"), _("compared to the letter")),
            Name(_("JWK Set URL"), _("where Epic fetches the connector's public keys; kept for up to 29 hours")),
            Name(_("Menu and screen"), _("where client records are kept in your release"), attested=False),
        ),
    ),
    Screen(
        "background-user",
        _("Background user"),
        CLIENT_SYSTEMS,
        (
            Name(_("Background user"), _("the Epic user on whose behalf the backend app acts")),
            Name("SetExternalConnectionStatus", _("the telehealth service that is told who is connected")),
            Name(_("Security of that user"), _("which classes or points it needs for that service"), attested=False),
            Name(_("ConnectionStatus"), _("the codes for connected, disconnected and waiting"), attested=False),
        ),
    ),
    Screen(
        "fdi",
        _("Integration records (FDI)"),
        INTERFACES,
        (
            Name("FDI", _("the record behind a button")),
            Name("SMART ON FHIR", _("the model that such records are made from")),
            Name("URL, CLIENTID, LAUNCHTYPE, CONTEXT", _("the mnemonics of the record")),
            Name("PACS / RIS_PACS_REDIRECTOR", _("a record of the PACS type goes with this activity")),
            Name("Web / MR_CLINKB_…", _("a record of the Web type goes with one of these activities")),
            Name(_("Type and number of the record"), _("which of the two your release wants for visits"), False),
            Name("%EXTERNALID%, %EXTERNALIDTYPE%", _("the tokens for whom the status is told about"), attested=False),
        ),
    ),
    Screen(
        "allow-list",
        _("Browser allow-list"),
        DESKTOP,
        (
            Name("Epic Browser Allowlist", _("the sites that Epic's own browser opens")),
            Name(_("Menu and screen"), _("where the list is kept, and whether it takes wildcards"), attested=False),
        ),
    ),
    Screen(
        "buttons",
        _("Buttons in Hyperspace, Haiku and Canto"),
        HYPERSPACE,
        (
            Name("E2N, E2U", _("an activity and a menu record, as one integrator names them"), attested=False),
            Name(_("The button of a video visit"), _("which record it opens, for which visit types"), attested=False),
        ),
    ),
    Screen(
        "mychart",
        _("MyChart"),
        MYCHART,
        (
            Name("MyChart Mobile FDI", _("lists every site that a visit passes; others open outside of the app")),
            Name(_("The button of a video visit"), _("which record it opens, for whom and when"), attested=False),
            Name(
                _("The button of the device test"),
                _("where MyChart offers it, which record it opens, and whether it sends iss and launch"),
                attested=False,
            ),
        ),
    ),
)
SMART = (
    Screen("smart-apps", _("App registration"), VENDOR),
    Screen("smart-backend", _("Backend service"), VENDOR),
    Screen("smart-launch", _("Launch"), VENDOR),
    Screen("smart-domains", _("Allowed domains"), VENDOR),
)
# Beside any EHR, once the settings name one.
REPOSITORY = Screen("audit-repository", _("AuditEvent repository"), ARCHIVE)


def screens_of(connection: Connection) -> tuple[Screen, ...]:
    """The pages for this connection's EHR: Epic's own screens, else the steps of SMART on FHIR; and for what is told
    beside it."""
    agreed = agreement.load(connection.shown.settings)
    screens = EPIC if agreed.ehr_kind == "epic" else SMART
    return (*screens, REPOSITORY) if agreed.audit else screens


@require_GET
def contents(request: HttpRequest, ref: str) -> HttpResponse:
    """All pages of the guide, and who does each."""
    connection = access.connection_of(signed_in(request), ref)
    screens = screens_of(connection)
    return shell.page(
        request,
        "portal/guide/contents.html",
        "records",
        connection=connection,
        screens=screens,
        is_epic=screens[0] is EPIC[0],
    )


@require_GET
def whole(request: HttpRequest, ref: str) -> HttpResponse:
    """The guide on one page, to print or to send on paper."""
    connection = access.connection_of(signed_in(request), ref)
    return _page(request, connection, {"screens": screens_of(connection), "whole": True})


@require_GET
def screen(request: HttpRequest, ref: str, slug: str) -> HttpResponse:
    """One screen of the EHR."""
    connection = access.connection_of(signed_in(request), ref)
    screens = screens_of(connection)
    at = next((number for number, one in enumerate(screens) if one.slug == slug), None)
    if at is None:
        raise Http404
    before = screens[at - 1] if at else None
    after = screens[at + 1] if at + 1 < len(screens) else None
    return _page(request, connection, {"screens": screens[at : at + 1], "before": before, "after": after})


def _page(request: HttpRequest, connection: Connection, pages: dict[str, Any]) -> HttpResponse:
    context = _filled_in(connection) | pages
    return shell.page(request, "portal/guide/page.html", "records", connection=connection, **context)


def _filled_in(connection: Connection) -> dict[str, Any]:
    """What the pages of the guide hold of this connection; launch records only once there is something to launch."""
    revision = connection.live or connection.shown
    agreed = agreement.load(revision.settings)
    launches = records.launch_records(connection, connection.live) if connection.live else []
    return {
        "agreed": agreed,
        "clients": records.client_records(connection, revision),
        "jwks_url": records.jwks_url(connection),
        "launches": launches,
        "for_staff": [record for record in launches if "provider" in record.kind],
        "for_patients": [record for record in launches if "provider" not in record.kind],
        **listed(connection),
        "status_url": f"{status.interconnect(connection.base_url)}/{agreed.status.path.lstrip('/')}",
        "codes": {name: agreed.status.code_for(name) for name in ("connected", "disconnected", "waiting")},
    }
