"""Addresses of launches, pages of a visit, and Graph's notifications."""

from django.urls import path

from visits import beside, board, devices, events, handover, join, launch, link, open_visits, timeline

urlpatterns = [
    path("launch/<slug:ref>/<slug:door>/", launch.launch, name="launch"),
    path("launch/<slug:ref>/<slug:door>/callback", launch.callback, name="launch_callback"),
    path("visit/<slug:handle>/", join.visit, name="visit"),
    path("visit/<slug:handle>/link/", link.confirm, name="link"),
    path("visit/<slug:handle>/unlink/", link.unlink, name="unlink"),
    path("visit/<slug:handle>/join/", join.join, name="join"),
    path("visit/other-browser/<str:token>/", handover.handover, name="handover"),
    path("beside/<str:ticket>/", beside.beside, name="beside"),
    path("visits/", open_visits.index, name="open_visits"),
    path("visits/signin/", open_visits.start, name="open_visits_signin"),
    path("visits/<uuid:visit>/", open_visits.enter, name="open_visit"),
    path("visit/<slug:handle>/devices/", devices.check, name="device_check"),
    path("devices/<str:token>/", devices.alone, name="device_test"),
    path("devices/<str:token>/sample", devices.sample, name="device_sample"),
    path("visit/<slug:handle>/timeline/", timeline.page, name="timeline"),
    path("board/<slug:handle>/", board.board, name="board"),
    path("board/<slug:handle>/<uuid:visit>/noticed/", board.noticed, name="board_noticed"),
    path("notifications/graph/", events.notifications, name="notifications"),
    path("notifications/graph/lifecycle/", events.lifecycle, name="lifecycle"),
]
