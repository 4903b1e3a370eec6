"""Who can sign in where. A person is known by the home account; as a guest elsewhere he has another oid."""

import base64
import hashlib
from dataclasses import dataclass

from sandbox.cast import TENANTS, Account, Tenant

PERSONAL_TID = "9188040d-6c67-4c5b-b112-36a304b66dad"
PERSONAL = Tenant(
    tid=PERSONAL_TID,
    name="Personal account",
    domain="home.example",
    country="US",
    accounts=(
        Account("00000000-0000-0000-9c1b-0000000000d1", "carla@home.example", "Carla Mendes", "For private use"),
    ),
)
DIRECTORIES = {tenant.tid: tenant for tenant in (*TENANTS, PERSONAL)}
SHARED = ("organizations", "common")  # the paths where the person's own home decides the tenant


@dataclass(frozen=True)
class SignIn:
    """A person's account in one tenant, and the name he types to sign in (that of his home, for a guest)."""

    tenant: Tenant
    account: Account
    login: str

    @property
    def key(self) -> str:
        """Tenant id and object id, joined: how sessions and forms name a sign-in."""
        return f"{self.tenant.tid}/{self.account.oid}"

    @property
    def initials(self) -> str:
        """Two letters for the picture in the account picker."""
        words = self.account.name.removeprefix("Dr. ").split()
        return words[0][0] + words[-1][0]


def login_of(account: Account) -> str:
    """The sign-in name: a guest's UPN holds it as `name_home.domain#EXT#@tenant`."""
    name, guest, _ = account.upn.partition("#EXT#")
    return "@".join(name.rsplit("_", 1)) if guest else account.upn


def sign_ins(tenant: str) -> list[SignIn]:
    """Every account at a tenant id, or every home account at `organizations` and `common`."""
    directories = DIRECTORIES.values() if tenant in SHARED else [DIRECTORIES[tenant]]
    found = [SignIn(tenant, account, login_of(account)) for tenant in directories for account in tenant.accounts]
    return [one for one in found if tenant not in SHARED or one.account.guest_of is None]


def is_known(tenant: str) -> bool:
    """Whether this tenant may stand in a path."""
    return tenant in SHARED or tenant in DIRECTORIES


def find(tenant: str, key: str) -> SignIn | None:
    """The account of that key at this tenant."""
    return next((one for one in sign_ins(tenant) if one.key == key), None)


def pairwise_subject(client_id: str, sign_in: SignIn) -> str:
    """The `sub` claim: another one for each client."""
    digest = hashlib.sha256(f"{client_id}/{sign_in.key}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
