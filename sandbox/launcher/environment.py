"""What each process is told through its environment. The defaults of production are the settings' own, not here."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.launcher.services import Addresses

CLIENT_ID = "c0a1e5d2-3b47-4f6e-9a10-5d7c2e8f4b01"
EHR_CLIENT_IDS = {
    f"EHR_{environment}_{client}_CLIENT_ID": f"7d2c9f0a-1111-4c11-8a11-0000000000{digit}{number}"
    for digit, environment in enumerate(("TESTING", "PRODUCTION"))
    for number, client in enumerate(("PROVIDER", "PATIENT", "BACKEND"), 1)
}
STAND_INS = ("entra", "graph", "teams", "epic", "mail")
SMTP = "smtp"  # the mail stand-in's other port


def urls_of(ports: Mapping[str, int], scheme: str = "http") -> dict[str, str]:
    """A base URL a server. The stand-ins live on another host name than the connector, as they do in a hospital."""
    elsewhere = (*STAND_INS, SMTP)
    return {
        name: f"{SMTP if name == SMTP else scheme}://{'localhost' if name in elsewhere else '127.0.0.1'}:{port}"
        for name, port in ports.items()
    }


def stand_in_environment(urls: Mapping[str, str], secrets: Mapping[str, str], data: Path) -> dict[str, str]:
    """What the stand-ins need: each other's addresses, their folder, the connector's registration in Entra."""
    return {f"SANDBOX_{name.upper()}_URL": urls[name] for name in STAND_INS} | {
        "SANDBOX_SMTP_PORT": urls[SMTP].rpartition(":")[2],
        "SANDBOX_DATA": str(data / "sandbox"),
        "SANDBOX_SECRET": secrets["SANDBOX_SECRET"],
        "SANDBOX_CONNECTOR_URL": urls["web"],
        "SANDBOX_APP_CLIENT_ID": CLIENT_ID,
        "SANDBOX_APP_CLIENT_SECRET": secrets["ENTRA_CLIENT_SECRET"],
    }


def connector_environment(urls: Mapping[str, str], secrets: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """The connector's settings for a house of stand-ins."""
    hosts = {name: urlsplit(url).netloc for name, url in urls.items()}
    return EHR_CLIENT_IDS | {
        "DJANGO_SETTINGS_MODULE": "connector.settings",
        "SECRET_KEY": secrets["SECRET_KEY"],
        "KEY_ENCRYPTION_KEYS": secrets["KEY_ENCRYPTION_KEYS"],
        "PUBLIC_URL": urls["web"],
        "NOTIFICATION_URL": urls["notifications"],
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "CACHE_URL": addresses.cache_url,
        "REGION": "amer",
        "ENTRA_AUTHORITY": urls["entra"],
        "ENTRA_CLIENT_ID": CLIENT_ID,
        "ENTRA_CLIENT_SECRET": secrets["ENTRA_CLIENT_SECRET"],
        "ENTRA_ALLOWED_TENANTS": "*",
        "GRAPH_URL": urls["graph"],
        "TEAMS_HOSTS": hosts["teams"],
        "OUTGOING_ALLOWED_HOSTS": ",".join(hosts[name] for name in ("entra", "graph", "epic")),
        "EHR_TESTING_STATUS_CODES": "connected=1,disconnected=2,waiting=3",
        "HELP_LINE": "+1 555 0100",
        "METRICS_TOKEN": secrets["METRICS_TOKEN"],
        "EMAIL_HOST": "localhost",
        "EMAIL_PORT": urls[SMTP].rpartition(":")[2],
        "EMAIL_SECURITY": "none",
        "EMAIL_FROM": "EHR Connector <connector@sandbox.example>",
    }
