"""People who decide about a connection, and what the directory says of them: scripted, where no house is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.test import Client
from pytest_django import Settings

from connector.models import Connection, EhrSignIn, Revision, User
from tests.servers import Reply, Server, serving
from tests.visits import factories
from tests.visits.factories import proposed

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PROOF = {"how": "openid", "kind": "Practitioner", "hosts": ["ehr.example"]}


class Directory:
    """Entra and Graph in one server. It knows nobody until it is told."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def knows(self, user: User, *, enabled: bool = True) -> User:
        token = Reply({"access_token": "token", "expires_in": 3600})
        self.server.answer(f"/{user.tid}/oauth2/v2.0/token", token)
        account = {"id": str(user.oid), "displayName": "Somebody", "accountEnabled": enabled}
        self.server.answer(f"/v1.0/users/{user.oid}", Reply(account | {"userPrincipalName": "one@riverside.example"}))
        return user

    def says_of(self, upn: str, account: dict[str, object]) -> None:
        """What it answers where a sign-in name is asked for."""
        self.server.answer(f"/v1.0/users/{quote(upn, safe='')}", Reply(account))

    def finds(self, *accounts: dict[str, object]) -> None:
        """What any search comes to."""
        self.server.answer("/v1.0/users", Reply({"value": list(accounts)}))

    def is_silent_about(self, user: User) -> None:
        self.server.answer(f"/v1.0/users/{user.oid}", Reply("<h1>Bad gateway</h1>", 502))

    def says_of_roles(self, user: User, *roles: str) -> None:
        path = f"/v1.0/users/{user.oid}/transitiveMemberOf/microsoft.graph.directoryRole"
        self.server.answer(path, Reply({"value": [{"roleTemplateId": role} for role in roles]}))


@contextmanager
def directory_of(settings: Settings) -> Iterator[Directory]:
    with serving() as running:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({running.host})
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = running.url
        yield Directory(running)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def waiting(of: Connection, approver: User) -> Revision:
    """A proposal for this approver, who has signed in to the EHR for it."""
    revision = proposed(of, approver)
    EhrSignIn.objects.create(revision=revision, user=approver, proof=PROOF)
    return revision


def connection_with_proposal(approver: User | None = None) -> tuple[Connection, User]:
    """A live connection with another revision that waits for somebody."""
    made = factories.connection()
    made.notification_mail = "ehr-team@riverside.example"
    approver = approver or factories.user(made.organization.tid)
    waiting(made, approver)
    return made, approver
