"""Integration records as people carry them into the EHR: rows with a mnemonic and a value."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Row:
    """One value to enter. `attested`: seen in Epic's own or several customers' records; else confirm it with Epic."""

    mnemonic: str
    value: str
    attested: bool

    @property
    def line(self) -> str:
        return f"{self.mnemonic}={self.value}"


@dataclass(frozen=True)
class Option:
    """A row that some add, or a value that some enter in place of the record's own. `what` says what it changes."""

    row: Row
    what: str | Promise


@dataclass(frozen=True)
class Record:
    """One record; `kind` is its name in code: for launch records the door. `tab` is a short title, `note` what has to
    be known beside the rows."""

    kind: str
    title: str | Promise
    tab: str | Promise
    rows: tuple[Row, ...]
    options: tuple[Option, ...] = ()
    note: str | Promise = ""

    @property
    def block(self) -> str:
        """All rows as lines, for copying at once."""
        return "\n".join(row.line for row in self.rows)


@dataclass(frozen=True)
class ClientRecord:
    """What the client registration of one client id must hold before anybody can sign in with it. Where the EHR holds
    our certificate, `certificate` is the path of its download and there is no JWKS URL."""

    title: str | Promise
    client_id: str
    redirect_uris: tuple[str, ...]
    scopes: str
    jwks_url: str
    certificate: str = ""
    kind: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The same as rows, but for the scopes."""
        redirects = [Row("REDIRECT", uri, attested=True) for uri in self.redirect_uris]
        keys = [Row("JWKS", self.jwks_url, attested=True)] if self.jwks_url else []
        return (Row("CLIENTID", self.client_id, attested=True), *redirects, *keys)

    @property
    def block(self) -> str:
        """All addresses as lines, for copying at once."""
        return "\n".join(f"{row.mnemonic} {row.value}" for row in self.rows[1:])
