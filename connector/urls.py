"""Every address of the product. Routes that need no portal sign-in say so at their view with `login_not_required`."""

from django.urls import include, path

from connector import health, metrics, published, signin

handler400 = "connector.problems.bad_request"
handler403 = "connector.problems.forbidden"
handler404 = "connector.problems.not_found"
handler500 = "connector.problems.broken"

urlpatterns = [
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="readiness"),
    path("metrics", metrics.metrics, name="metrics"),
    path("jwks/<str:environment>.json", published.jwks, name="jwks"),
    path("trail/keys.json", published.trail_keys, name="trail_keys"),
    path("signin/", signin.signin, name="signin"),
    path("signin/<uuid:tid>/", signin.signin, name="signin_tenant"),
    path("signin/start/", signin.start, name="signin_start"),
    path("signin/<uuid:tid>/start/", signin.start, name="signin_start_tenant"),
    path("signin/microsoft/callback/", signin.callback, name="microsoft_callback"),
    path("", include("portal.urls")),
    path("", include("visits.urls")),
]
