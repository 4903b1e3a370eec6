"""Addresses of the portal, one word a step."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from portal import approve, configure, consent, epic_signin, forward, lifecycle, proof, records, status, try_visit
from portal.ready import views as ready

urlpatterns = [
    path("", configure.home, name="portal"),
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
    path("configure/", configure.configure, name="configure"),
    path("configure/add/", configure.add, name="configure_add"),
    path("configure/people/", configure.people, name="configure_people"),
    path("configure/<slug:ref>/", configure.connection, name="connection"),
    path("configure/<slug:ref>/act/", lifecycle.act, name="act"),
    path("approve/", approve.index, name="approve"),
    path("approve/epic/callback", epic_signin.CallbackView.as_view(), name="ehr_signin_callback"),
    path("approve/<slug:ref>/", approve.one, name="approve_one"),
    path("approve/<slug:ref>/epic/", epic_signin.StartView.as_view(), name="ehr_signin"),
    path("approve/<slug:ref>/decision/", approve.decide, name="decide"),
    path("status/", status.index, name="status"),
    path("status/<slug:ref>/", status.one, name="status_one"),
    path("status/<slug:ref>/again/", status.send_again, name="send_again"),
    path("status/<slug:ref>/downtime/", status.announce, name="downtime_announce"),
    path("status/<slug:ref>/downtime/<int:number>/end/", status.end_downtime, name="downtime_end"),
    path("try/<slug:ref>/", try_visit.start, name="try_visit"),
    path("try/<slug:ref>/<uuid:visit>/", try_visit.follow, name="test_visit"),
    path("try/<slug:ref>/<uuid:visit>/<str:side>/", try_visit.side, name="test_side"),
    path("records/", records.index, name="records"),
    path("records/<slug:ref>/", records.records, name="record"),
]
