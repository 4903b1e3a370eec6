"""The one settings file: demo, tests and production differ by environment variables alone (docs/configuration.md)."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from marshmallow import validate

from connector import environment
from connector.environment import env

BASE_DIR = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------------------------------------------------- environment
SECRET_KEY: str = env.str("SECRET_KEY", validate=validate.Length(min=32))
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
KEY_ENCRYPTION_KEYS: dict[str, bytes] = env.key_ring("KEY_ENCRYPTION_KEYS")
KEY_WRAPPING_COMMAND: str = env.str("KEY_WRAPPING_COMMAND", "")  # empty: the keys above wrap
PUBLIC_URL: str = env.base_url("PUBLIC_URL")
NOTIFICATION_URL: str = env.base_url("NOTIFICATION_URL", "") or PUBLIC_URL
DATABASE_URL: str = env.str(
    "DATABASE_URL", validate=validate.Regexp(r"postgres(ql)?://", error="must be postgresql://…")
)
REDIS_URL: str = env.str("REDIS_URL", validate=validate.Regexp(r"(redis|rediss|valkey)://", error="must be redis://…"))
CACHE_URL: str = env.str("CACHE_URL", validate=validate.Regexp(r"(redis|rediss|valkey)://", error="must be redis://…"))
DATABASE_POOL_SIZE: int = env.int("DATABASE_POOL_SIZE", 12, validate=validate.Range(min=1))
TRUSTED_PROXY: bool = env.bool("TRUSTED_PROXY", default=False)

REGION: str = env.str("REGION", "amer", validate=validate.OneOf(["amer", "emea", "apac"]))
REGION_HOSTS: dict[str, str] = env.codes("REGION_HOSTS", "")
HELP_LINE: str = env.str("HELP_LINE", "")
LICENCE_SKUS: frozenset[str] = env.hosts("LICENCE_SKUS", "")  # ids or part numbers, lower case; empty: no check
EMAIL_HOST: str = env.str("EMAIL_HOST", "")  # empty: no mail, and the pages say so
EMAIL_PORT: int = env.int("EMAIL_PORT", 587, validate=validate.Range(min=1, max=65535))
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_SECURITY: str = env.str("EMAIL_SECURITY", "starttls", validate=validate.OneOf(["none", "starttls", "tls"]))
EMAIL_FROM: str = env.mailbox("EMAIL_FROM", "")
STATIC_ROOT: Path = BASE_DIR / env.str("STATIC_ROOT", "staticfiles")
SIGNING_KEY_DAYS: int = env.int("SIGNING_KEY_DAYS", 180, validate=validate.Range(min=0))
NOTIFICATION_KEY_DAYS: int = env.int("NOTIFICATION_KEY_DAYS", 180, validate=validate.Range(min=0))
# How often in a minute (connector.limits); 0: as often as anybody likes.
RATE_LIMITS: dict[str, int] = {
    "launch": env.int("LIMIT_LAUNCHES", 30, validate=validate.Range(min=0)),
    "launch-new": env.int("LIMIT_NEW_LAUNCHES", 1200, validate=validate.Range(min=0)),
    "sign-in": env.int("LIMIT_SIGN_INS", 15, validate=validate.Range(min=0)),
    "sign-in-new": env.int("LIMIT_NEW_SIGN_INS", 1200, validate=validate.Range(min=0)),
    "forward": env.int("LIMIT_FORWARDED", 60, validate=validate.Range(min=0)),
    "search": env.int("LIMIT_SEARCHES", 60, validate=validate.Range(min=0)),
    "notification": env.int("LIMIT_NOTIFICATIONS", 6000, validate=validate.Range(min=0)),
}
LAUNCHES_AT_ONCE: int = env.int("LIMIT_LAUNCHES_AT_ONCE", 4, validate=validate.Range(min=0))  # visits.bulkhead
METRICS_TOKEN: str = env.str("METRICS_TOKEN", "")  # empty: no /metrics
TRACES_URL: str = env.base_url("OTEL_EXPORTER_OTLP_ENDPOINT", "")  # empty: no traces
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))

ENTRA_AUTHORITY: str = env.base_url("ENTRA_AUTHORITY", "https://login.microsoftonline.com")
ENTRA_CLIENT_ID: str = env.str("ENTRA_CLIENT_ID", validate=validate.Length(min=1))
ENTRA_CLIENT_SECRET: str = env.str("ENTRA_CLIENT_SECRET", validate=validate.Length(min=1))
ENTRA_ALLOWED_TENANTS: frozenset[str] = env.hosts("ENTRA_ALLOWED_TENANTS")
ENTRA_ADMINISTRATOR_APP_ROLE: str = env.str("ENTRA_ADMINISTRATOR_APP_ROLE", "Connector.Administrator")
ENTRA_ADMINISTRATOR_ROLES: frozenset[str] = env.hosts(
    "ENTRA_ADMINISTRATOR_ROLES",
    "62e90394-69f5-4237-9190-012177145e10,69091246-20e8-4a56-aa4d-066075b2a7a8",
)
GRAPH_URL: str = env.base_url("GRAPH_URL", "https://graph.microsoft.com")
NOTIFICATION_PUBLISHERS: frozenset[str] = env.hosts("NOTIFICATION_PUBLISHERS", "0bf30f3b-4a52-48df-9a82-234910c4a086")
TEAMS_HOSTS: frozenset[str] = env.hosts(
    "TEAMS_HOSTS", "teams.microsoft.com,teams.cloud.microsoft,teams.live.com,visit.teams.microsoft.com"
)
OUTGOING_CA_FILE: str = env.str("OUTGOING_CA_FILE", "")
OUTGOING_ALLOWED_HOSTS: frozenset[str] = env.hosts("OUTGOING_ALLOWED_HOSTS", "")

_ENVIRONMENTS = ("testing", "production")
EHR_CLIENT_IDS: dict[str, dict[str, str]] = {
    name: {
        client: env.str(f"EHR_{name.upper()}_{client.upper()}_CLIENT_ID", "")
        for client in ("provider", "patient", "backend")
    }
    for name in _ENVIRONMENTS
}
# Only what a vendor attests is a default. Codes that Epic alone can tell start empty and are filled in per deployment
# or revision.
EHR_STATUS_CODES: dict[str, dict[str, str]] = {
    name: env.codes(f"EHR_{name.upper()}_STATUS_CODES", "connected=1") for name in _ENVIRONMENTS
}
environment.seal()
if EMAIL_HOST and not EMAIL_FROM:
    environment.refuse(["EMAIL_FROM: must name the sender of mail where EMAIL_HOST is set."])

# ------------------------------------------------------------------------------------------------------------ addresses
_public = urlsplit(PUBLIC_URL)
HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = sorted({_public.hostname or "", urlsplit(NOTIFICATION_URL).hostname or ""})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "connector.urls"
WSGI_APPLICATION = "connector.wsgi.application"
if TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

# ----------------------------------------------------------------------------------------------------------------- apps
INSTALLED_APPS = [
    "connector",
    "portal",
    "visits",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "django_htmx",
]
MIDDLEWARE = [
    "connector.middleware.Reference",
    "connector.middleware.no_store",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "connector.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
    "connector.middleware.no_empty_page",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
            ],
            "builtins": ["connector.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ------------------------------------------------------------------------------------------------ database, cache, work
_database = urlsplit(DATABASE_URL)
# What PostgreSQL is asked to do of its own accord. A machine of ours that vanishes in the middle of a transaction holds
# its locks until that is noticed, by itself after two hours; and whoever waits for a lock waits without end.
DATABASE_PATIENCE = {
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(_database.path.lstrip("/")),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": _database.hostname or "",
        "PORT": _database.port or "",
        "CONN_HEALTH_CHECKS": True,  # after a restart of PostgreSQL nobody is handed a dead connection of the pool
        # The URL's query is libpq's: ?sslmode=verify-full&sslrootcert=/etc/…
        # A host that is silent is given up after seconds, whether it is asked for a connection or on one. The pool
        # tries again each second: by itself it would double its rest for five minutes, so that after a fail-over of
        # two people would be turned away for two more.
        "OPTIONS": {"pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 5, "reconnect_timeout": 2}}
        | {"connect_timeout": "3", "tcp_user_timeout": "10000"}
        | {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
        | {"options": " ".join(f"-c {name}={value}" for name, value in DATABASE_PATIENCE.items())}
        | dict(parse_qsl(_database.query)),
    }
}
CACHE_LOCATION = CACHE_URL.replace("valkey://", "redis://")
REDIS_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_LOCATION,
        "OPTIONS": REDIS_OPTIONS,
    }
}
CELERY_BROKER_URL = REDIS_URL.replace("valkey://", "redis://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 3,  # longer than the second for which a worker asks whether there is something
    "visibility_timeout": 300,
    "max_retries": 0,  # of one who publishes: a page does not wait for a dead broker
}
CELERY_TASK_PUBLISH_RETRY = False  # the row is the truth and a sweeper finds it: a wake-up that fails may be lost
# Seconds. When a sweep expires is told by the scheduler's clock and judged by the worker's, perhaps another machine's.
CLOCKS_DIFFER = 120.0
CELERY_BEAT_SCHEDULE = {
    name.rpartition(".")[2]: {
        "task": name,
        "schedule": seconds,
        "options": {"expires": max(3 * seconds, CLOCKS_DIFFER)},
    }
    for name, seconds in {
        "visits.tasks.sweep_receipts": 5.0,
        "visits.tasks.sweep_presence": 5.0,
        "visits.tasks.sweep_writebacks": 5.0,
        "visits.tasks.settle_reports": 30.0,
        "visits.tasks.seal_trail": 60.0,
        "visits.tasks.renew_subscriptions": 60.0,
        "visits.tasks.look_at_meetings": 30.0,
        "visits.tasks.end_meetings": 10.0,
        "visits.tasks.forget": 3600.0,
        "portal.tasks.watch_connections": 60.0,
        "portal.tasks.check_addresses": 3600.0,
        "portal.tasks.check_approvers": 3600.0,
        "portal.tasks.rotate_keys": 3600.0,
        "portal.tasks.end_organizations": 30.0,
        "portal.tasks.check_links": 3600.0,
        "connector.tasks.verify_trails": 15.0,
        "connector.tasks.deliver_mail": 15.0,
        "connector.tasks.forget_mail": 3600.0,
        "connector.tasks.forget_sessions": 3600.0,
    }.items()
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# ----------------------------------------------------------------------------------------------------------------- mail
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 30  # seconds for each answer of the mail server

# ----------------------------------------------------------------------------------------------------- people, sessions
AUTH_USER_MODEL = "connector.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "portal.epic_signin.ProofBackend",  # authenticates nobody: see there
]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "portal"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"email"}  # allauth wants one named; SOCIALACCOUNT_ONLY offers none
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_LOGOUT_REDIRECT_URL = "signin"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme
SOCIALACCOUNT_ONLY = True
SOCIALACCOUNT_ADAPTER = "connector.signin.IdentityAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "microsoft": {"APPS": [{"client_id": ENTRA_CLIENT_ID, "secret": ENTRA_CLIENT_SECRET}], "OAUTH_PKCE_ENABLED": True}
}
_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}portal"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = f"{_PREFIX}csrf"
NOTICES_COOKIE_NAME = f"{_PREFIX}notices"
VISIT_COOKIE_NAME = f"{_PREFIX}visit"  # of people in visits, apart from the portal's (visits.browsers)
VISIT_COOKIE_AGE = 30 * 86_400
MESSAGE_STORAGE = "connector.notices.Notices"
CSRF_FAILURE_VIEW = "connector.problems.csrf_failure"

# -------------------------------------------------------------------------------------------------------------- headers
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_SSL_REDIRECT = False  # the reverse proxy's work; the connector is never reached by plain http from outside
SECURE_REFERRER_POLICY = "same-origin"  # no-referrer would take the Origin from our own forms
# W002: frame-ancestors does what X-Frame-Options did. W005, W021: other hosts of the domain are not ours to bind.
# W008: see SECURE_SSL_REDIRECT.
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W005", "security.W008", "security.W021"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# ------------------------------------------------------------------------------------------------------ language, files
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Spanish"), ("zh-hant", "Traditional Chinese")]
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

# ----------------------------------------------------------------------------------------------------------------- logs
LOGGING_CONFIG = "connector.logs.configure"
LOGGING = {"level": LOG_LEVEL}
