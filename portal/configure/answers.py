"""What a FHIR base URL answers when asked live (connector.ehr.preflight), in the words of whoever presses *Done*."""

import hashlib

from connector import agreement
from connector.ehr import preflight
from connector.ehr.preflight import Explanation, Report, Subject
from connector.http import Deadline


def ask(base_url: str, environment: str, deadline: Deadline) -> Report:
    """Check a FHIR base URL that somebody enters. No backend token is asked for: the EHR gets to know our clients only
    afterwards, when its analyst prepares the approval."""
    client_id = agreement.defaults(environment).provider_client_id
    return preflight.run(Subject(base_url, environment, client_id), deadline=deadline)


def explained(report: Report, level: str) -> dict[str, Explanation]:
    """The findings of one level by their code, as they are told."""
    return {one.check: preflight.explain(one) for one in report.findings if one.level == level}


def faults(report: Report) -> list[str]:
    """What stops launches: each with its fix and who fixes it."""
    return [f"{told.title}. {told.fix} ({told.who})" for told in explained(report, "blocks").values()]


def digest(*values: str) -> str:
    """What was said, as a form carries it: the next press with the same knows that it was read."""
    return hashlib.sha256("\n".join(values).encode()).hexdigest()[:32]
