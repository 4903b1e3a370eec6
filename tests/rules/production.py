"""`python -m tests.rules.production command…`: run a command with settings as a hospital's production has them."""

import os
import sys

from sandbox.launcher.place import generated_secrets

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "connector.settings",
    "PUBLIC_URL": "https://connector.hospital.example",
    "NOTIFICATION_URL": "https://notifications.hospital.example",
    "DATABASE_URL": "postgresql://connector:password@database.hospital.example/connector",
    "REDIS_URL": "rediss://queue.hospital.example/0",
    "CACHE_URL": "rediss://cache.hospital.example/0",
    "REGION": "amer",
    "ENTRA_CLIENT_ID": "c0a1e5d2-3b47-4f6e-9a10-5d7c2e8f4b01",
    "ENTRA_ALLOWED_TENANTS": "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c01",
    "HELP_LINE": "Service desk, +1 555 0100",
    "LOG_LEVEL": "ERROR",
}

if __name__ == "__main__":
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | generated_secrets() | ENVIRONMENT)  # noqa: S606
