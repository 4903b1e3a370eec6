"""Addresses of launches, pages of a visit, and Graph's notifications."""

from django.urls import path

from visits import devices, events, join, launch, link

urlpatterns = [
    path("launch/<slug:ref>/<slug:door>/", launch.launch, name="launch"),
    path("launch/<slug:ref>/<slug:door>/callback", launch.callback, name="launch_callback"),
    path("visit/<slug:handle>/", join.visit, name="visit"),
    path("visit/<slug:handle>/link/", link.confirm, name="link"),
    path("visit/<slug:handle>/join/", join.join, name="join"),
    path("visit/<slug:handle>/devices/", devices.check, name="device_check"),
    path("devices/<str:token>/", devices.alone, name="device_test"),
    path("devices/<str:token>/sample", devices.sample, name="device_sample"),
    path("notifications/graph/", events.notifications, name="notifications"),
    path("notifications/graph/lifecycle/", events.lifecycle, name="lifecycle"),
]
