"""Addresses of the portal, one word a step."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from portal import (
    approve,
    consent,
    epic_signin,
    forward,
    guide,
    keys,
    lifecycle,
    preflight,
    proof,
    status,
    try_visit,
)
from portal.checker import views as checker
from portal.configure import details, grid, pages, settings_page
from portal.history import views as history
from portal.ready import views as ready
from portal.records import views as records
from portal.reports import readers
from portal.reports import views as reports

urlpatterns = [
    path("", pages.home, name="portal"),
    path("signout/", LogoutView.as_view(next_page="signin"), name="signout"),
    path("consent/", consent.consent, name="consent"),
    path("consent/give/", consent.give, name="consent_give"),
    path("consent/give/<uuid:tid>/", consent.give, name="consent_give_tenant"),
    path("consent/start/", consent.start, name="consent_start"),
    path("consent/start/<uuid:tid>/", consent.start, name="consent_start_tenant"),
    path("consent/callback/", consent.callback, name="consent_callback"),
    path("ready/", ready.ready, name="ready"),
    path("ready/organizer/", ready.organizer, name="ready_organizer"),
    path("ready/proof/", proof.proof, name="proof"),
    path("ready/<slug:name>/check/", ready.check, name="ready_check"),
    path("ready/<slug:name>/<slug:ref>/check/", ready.check, name="ready_check_connection"),
    path("ready/<slug:name>/confirm/", ready.confirm, name="ready_confirm"),
    path("ready/<slug:name>/forward/", ready.share, name="ready_forward"),
    path("ready/<slug:name>/<slug:ref>/forward/", ready.share, name="ready_forward_connection"),
    path("forward/<str:token>/", forward.forward, name="forward"),
    path("configure/", grid.configure, name="configure"),
    path("configure/add/", grid.add, name="configure_add"),
    path("configure/people/", pages.people, name="configure_people"),
    path("configure/<slug:ref>/", pages.connection, name="connection"),
    path("configure/<slug:ref>/edit/", settings_page.edit, name="edit"),
    path("configure/<slug:ref>/details/", details.details, name="details"),
    path("configure/<slug:ref>/act/", lifecycle.act, name="act"),
    path("approve/", approve.index, name="approve"),
    path("approve/epic/callback", epic_signin.CallbackView.as_view(), name="ehr_signin_callback"),
    path("approve/<slug:ref>/", approve.one, name="approve_one"),
    path("approve/<slug:ref>/epic/", epic_signin.StartView.as_view(), name="ehr_signin"),
    path("approve/<slug:ref>/epic/error/", epic_signin.not_sent_back, name="ehr_signin_not_sent_back"),
    path("approve/<slug:ref>/decision/", approve.decide, name="decide"),
    path("preflight/<slug:ref>/", preflight.findings, name="preflight"),
    path("status/", status.index, name="status"),
    path("status/<slug:ref>/", status.one, name="status_one"),
    path("status/<slug:ref>/again/", status.send_again, name="send_again"),
    path("status/<slug:ref>/downtime/", status.announce, name="downtime_announce"),
    path("status/<slug:ref>/downtime/<int:number>/end/", status.end_downtime, name="downtime_end"),
    path("try/<slug:ref>/", try_visit.start, name="try_visit"),
    path("try/<slug:ref>/<uuid:visit>/", try_visit.follow, name="test_visit"),
    path("try/<slug:ref>/<uuid:visit>/<str:side>/", try_visit.side, name="test_side"),
    path("keys/", keys.index, name="keys"),
    path("keys/rotate/", keys.rotate, name="keys_rotate"),
    path("reports/", reports.index, name="reports"),
    path("reports/charts/", reports.drawn, name="reports_charts"),
    path("reports/month/", reports.monthly, name="reports_month"),
    path("reports/export/", reports.export, name="reports_export"),
    path("reports/readers/", readers.readers, name="reports_readers"),
    path("reports/readers/name/", readers.name, name="reports_reader_name"),
    path("reports/readers/<int:number>/remove/", readers.remove, name="reports_reader_remove"),
    path("reports/allowance/", readers.allow, name="reports_allowance"),
    path("history/", history.index, name="history"),
    path("history/export/", history.export, name="history_export"),
    path("history/<slug:ref>/", history.one, name="history_one"),
    path("history/<slug:ref>/export/", history.export, name="history_one_export"),
    path("records/", records.index, name="records"),
    path("records/<slug:ref>/", records.records, name="record"),
    path("records/<slug:ref>/download/", records.download, name="record_download"),
    path("records/<slug:ref>/certificate/", records.certificate, name="record_certificate"),
    path("records/<slug:ref>/check/", checker.page, name="record_check"),
    path("records/<slug:ref>/guide/", guide.contents, name="guide"),
    path("records/<slug:ref>/guide/all/", guide.whole, name="guide_whole"),
    path("records/<slug:ref>/guide/<slug:slug>/", guide.screen, name="guide_screen"),
]
