"""Addresses of launches, pages of a visit, and Graph's notifications."""

from django.urls import path

from visits import events, join, launch, link

urlpatterns = [
    path("launch/<str:ref>/<str:door>/", launch.launch, name="launch"),
    path("launch/<str:ref>/<str:door>/callback", launch.callback, name="launch_callback"),
    path("visit/<str:handle>/", join.visit, name="visit"),
    path("visit/<str:handle>/link/", link.confirm, name="link"),
    path("visit/<str:handle>/join/", join.join, name="join"),
    path("notifications/graph/", events.notifications, name="notifications"),
    path("notifications/graph/lifecycle/", events.lifecycle, name="lifecycle"),
]
