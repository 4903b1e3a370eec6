"""The preflight: everything about a FHIR base URL that can be found out without a person signing in, each finding with
what was asked, what came, why it matters, the fix and who fixes it."""

from connector.ehr import discovery
from connector.ehr.preflight.asking import look
from connector.ehr.preflight.checks import findings
from connector.ehr.preflight.checks.fhir import kind_of
from connector.ehr.preflight.evidence import plain
from connector.ehr.preflight.shapes import Explanation, Finding, Report, Subject
from connector.ehr.preflight.texts import EARLIER, TEXTS
from connector.http import Deadline

__all__ = ["Explanation", "Finding", "Report", "Subject", "explain", "run"]


def run(subject: Subject, *, deadline: Deadline) -> Report:
    """Check a FHIR base URL within the deadline. Whatever the server does is a finding and never an exception."""
    seen = look(subject, deadline)
    software = discovery.software_of(seen.statement)
    return Report(
        findings=findings(seen),
        software=plain(software.name),
        version=plain(software.version),
        release=plain(software.release),
        kind=kind_of(seen.statement),
        hosts=seen.endpoints.hosts() if seen.endpoints else frozenset(),
    )


def explain(finding: Finding) -> Explanation:
    """What a finding means to people; a kept one may have a code that this release no longer gives."""
    return TEXTS.get(finding.check, EARLIER)
