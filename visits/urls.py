"""Addresses of launches, pages of a visit, and Graph's notifications."""

from django.urls import path

from visits import events, join, launch, link, timeline

urlpatterns = [
    path("launch/<slug:ref>/<slug:door>/", launch.launch, name="launch"),
    path("launch/<slug:ref>/<slug:door>/callback", launch.callback, name="launch_callback"),
    path("visit/<slug:handle>/", join.visit, name="visit"),
    path("visit/<slug:handle>/link/", link.confirm, name="link"),
    path("visit/<slug:handle>/join/", join.join, name="join"),
    path("visit/<slug:handle>/timeline/", timeline.page, name="timeline"),
    path("notifications/graph/", events.notifications, name="notifications"),
    path("notifications/graph/lifecycle/", events.lifecycle, name="lifecycle"),
]
