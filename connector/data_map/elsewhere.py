"""Where something is kept beside the tables: in the connector's own places, and in systems that are not ours."""

from dataclasses import dataclass

from connector.data_map.shapes import Holds


@dataclass(frozen=True)
class Place:
    """A place outside the database: what is there, how long, and what of Holds may be there in clear."""

    name: str
    what: str
    kept: str
    holds: frozenset[Holds] = frozenset()


# By the name under which tests search them.
PLACES: dict[str, Place] = {
    "cache": Place(
        "Cache (Redis or Valkey)",
        "Public documents of EHRs and Microsoft, app tokens encrypted under a key that is not there, "
        "what waiting pages "
        "show (words, times, opaque ids), for 15 minutes a clinician's name, encrypted, while he links his account",
        "From seconds to a day each; it may be emptied at any time",
    ),
    "broker": Place(
        "Queue (Redis or Valkey)",
        "Names of tasks and numbers of rows: what to do stands in the database",
        "Seconds",
    ),
    "log": Place(
        "Logs of all processes",
        "JSON lines with allow-listed keys: codes, times, opaque ids, host names, reference numbers",
        "As long as the operator keeps them",
    ),
    "metrics": Place("Metrics", "Counts and times by code; no label names anybody", "As the operator keeps them"),
    "traces": Place(
        "Traces, where they are switched on", "Names of routes and tasks, times, codes", "As the operator keeps them"
    ),
    "address": Place(
        "Addresses: browser history, proxy logs, Referer",
        "Public names of connections, opaque handles good in one browser alone, and what SMART and OpenID put into an "
        "address: launch token, state and code, each good once and for minutes. No page sends its "
        "address to another host",
        "As long as a browser keeps its history",
        frozenset({Holds.LAUNCH_CODES}),
    ),
    "redirect": Place(
        "Redirects that lead elsewhere",
        "To the EHR's sign-in with its launch token, to Microsoft's, and to Teams with the meeting's link",
        "As long as a browser keeps its history",
        frozenset({Holds.LAUNCH_CODES, Holds.JOIN_LINKS}),
    ),
    "cookie": Place(
        "Cookies",
        "What *In people's browsers* names",
        "As long as is said there",
        frozenset({Holds.STAFF, Holds.SIGN_IN_NAMES}),
    ),
    "error page": Place(
        "Error pages",
        "What happened, what to check, whom to call, a reference number. Who signs in with an account that has no "
        "business here reads which colleagues administer the connector",
        "Not kept; shown once",
        frozenset({Holds.STAFF}),
    ),
    "mail": Place(
        "Mails to staff",
        "Names of staff, reasons as they typed them, names of connections, a path; a receipt with its signature",
        "As long as the recipients keep them",
        frozenset({Holds.STAFF, Holds.SIGN_IN_NAMES, Holds.TOKENS}),
    ),
    "export": Place(
        "Files that administrators and readers download",
        "The history and the configuration with names of staff; reports with what the EHR calls a "
        "visit, as long as the "
        "visit is not forgotten; the trail with codes and opaque ids; a receipt with its signature",
        "As long as whoever downloaded them keeps them",
        frozenset({Holds.STAFF, Holds.SIGN_IN_NAMES, Holds.VISITS, Holds.TOKENS}),
    ),
}

# What other systems keep, whatever the connector does.
BEYOND: tuple[Place, ...] = (
    Place(
        "Backups of the database",
        "All tables as they were. Encrypted columns stay unreadable without the key-encryption key of that time, which "
        "belongs where the backups are not",
        "As the operator keeps them",
    ),
    Place(
        "Microsoft 365: Teams and Graph",
        "The meeting with the subject that the connection's settings give it and its organizer; the names that people "
        "typed or have; attendance reports, call records, the meeting's chat, the audit log. The connector deletes the "
        "meeting after its end, not what Teams recorded of it",
        "By the organization's retention policies",
    ),
    Place(
        "Microsoft Entra ID",
        "The enterprise application with its consent; sign-ins of staff and clinicians",
        "Until an administrator removes it; sign-in logs for 30 days unless exported",
    ),
    Place(
        "The EHR",
        "Who was connected when, as the status service was told; AuditEvents, where a repository "
        "takes them; launches in "
        "its own access log; integration and client records",
        "By the hospital's rules for its chart and logs",
    ),
    Place(
        "People's browsers",
        "The addresses of above in their history, what was downloaded, and what *In people's browsers* names",
        "Until it is cleared",
    ),
)
