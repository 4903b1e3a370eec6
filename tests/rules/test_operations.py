"""docs/operations.md and docs/deploy: what they name exists, and what can be checked without a hospital is."""

import fnmatch
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.db import connection

from connector import settings
from connector.metrics import PREFIX
from connector.tally import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs/deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PAGE = (ROOT / "docs/operations.md").read_text()
BOOK, _, ALERTS = PAGE.partition("\n# Alerts\n")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SAMPLES = {PREFIX + name + suffix: family for name, family in FAMILIES.items() for suffix in SUFFIXES[family.kind]}
# Every code of ours stands in the source as a word of its own; pages of Django's have their status for one.
CODES = {
    code
    for app in ("connector", "portal", "visits")
    for path in (ROOT / app).rglob("*.py")
    for code in re.findall(r'"([a-z]+(?:-[a-z]+)*)"', path.read_text())
} | {path.stem for path in (ROOT / "templates").glob("[45]*.html")}
SELECTOR = re.compile(r"\b(ehr_connector_\w+)(?:\{([^}]*)\})?")


def sections() -> dict[str, str]:
    """Each alert's section."""
    parts = re.split(r"^## (\w+)$", ALERTS, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_names_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["expr"].count("(") == rule["expr"].count(")")
    for name, matchers in SELECTOR.findall(rule["expr"]):
        labels = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)
        assert name in SAMPLES, name
        assert set(labels) <= set(SAMPLES[name].labels), (name, labels)
    for listed in re.findall(r"by \(([\w, ]+)\)", rule["expr"]):
        known = {label for family in FAMILIES.values() for label in family.labels}
        assert set(listed.replace(" ", "").split(",")) <= known


def spelled_out(pattern: str) -> list[str]:
    """The alternatives of a matcher, one by one: `a-(b|c)|d` is a-b, a-c, d."""
    found = []
    for part in re.findall(r"(?:\([^()]*\)|[^|()])+", pattern):
        before, group, after = re.fullmatch(r"([^()]*)(?:\(([^()]*)\))?([^()]*)", part).groups()  # type: ignore[union-attr]
        found += [before + one + after for one in (group or "").split("|")]
    return found


def test_every_code_that_a_rule_names_exists() -> None:
    matched = [one for rule in RULES for one in re.findall(r'\bcode[=!]~"([^"]+)"', rule["expr"])]
    named = [one for pattern in matched for one in spelled_out(pattern)]
    assert {"launch-token-missing", "connection-suspended", "too-many", "unexpected"} <= set(named)
    assert [one for one in named if not any(re.fullmatch(one, code) for code in CODES)] == []


def test_every_code_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([a-z]+(?:-(?:[a-z]+|\*))+)`", ALERTS))
    assert {"key-service-unavailable", "keys-unavailable", "context-missing", "graph-*"} <= named
    assert [one for one in sorted(named) if not fnmatch.filter(CODES, one)] == []


def test_nobody_is_woken_by_launches_that_anybody_can_bring_about() -> None:
    [woken] = [rule["expr"] for rule in RULES if rule["alert"] == "LaunchesFail"]
    [told] = [rule["expr"] for rule in RULES if rule["alert"] == "LaunchesTurnedAway"]
    [kept_out], [listed] = (re.findall(r'code[=!]~"([^"]+)"', one) for one in (woken, told))
    assert set(spelled_out(listed)) <= set(spelled_out(kept_out))


def test_what_is_scraped_is_on_the_page() -> None:
    jobs = {job for rule in RULES for job in re.findall(r'job="([^"]+)"', rule["expr"])}
    assert jobs == set(re.findall(r"- job_name: (\S+)", BOOK)) == {"ehr-connector", "ehr-connector-notifications"}


def test_every_task_of_the_schedule_is_watched() -> None:
    """Sweeps by one alert that wakes somebody, all others by one for the day; the page says what each is missed for."""
    expressions = {rule["alert"]: rule["expr"] for rule in RULES if rule["alert"].endswith("Silent")}
    others = [name for name in settings.CELERY_BEAT_SCHEDULE if not name.startswith("sweep_")]
    assert 'task=~"sweep_.*"' in expressions["SweepsSilent"]
    assert [rule["expr"] for rule in RULES if 'task!~"sweep_.*"' in rule["expr"]]
    assert [name for name in others if f"`{name}`" not in sections()["JobsSilent"]] == []


def test_every_alert_has_its_section_and_no_other_has() -> None:
    assert list(sections()) == list(dict.fromkeys(rule["alert"] for rule in RULES))


def test_a_name_that_stands_twice_waits_once_and_wakes_once_or_both_wait() -> None:
    for name in sections():
        severities = [rule["labels"]["severity"] for rule in RULES if rule["alert"] == name]
        assert len(severities) == 1 or severities[0] == "ticket", name


@pytest.mark.parametrize("alert", sections())
def test_a_section_begins_with_what_people_notice_and_goes_on_with_what_to_do(alert: str) -> None:
    noticed, first = sections()[alert].strip().split("\n", 1)
    assert noticed.startswith("**Noticed:** ")
    assert first.startswith("1. ")


def test_the_page_names_metrics_that_exist() -> None:
    named = set(re.findall(r"ehr_connector_\w+", PAGE))
    assert named <= set(SAMPLES), named - set(SAMPLES)


def test_every_command_of_ours_exists_and_takes_what_it_is_given() -> None:
    for where in (PAGE, *(unit.read_text() for unit in UNITS)):
        for name, rest in re.findall(r"manage\.py (\w+)((?: [\w.@%-]+)*)", where):
            assert name in get_commands(), name
            if get_commands()[name] in ("connector", "portal", "visits"):
                _parses(get_commands()[name], name, rest.split())


def _parses(app: str, name: str, given: list[str]) -> None:
    """What is given is understood; `manage.py health worker` is a whole command, and so is the mention of its name."""
    flags = [word for word in given if word.startswith("--")]
    words = [word for word in given[:1] if not word.startswith("--")]
    known = help_of(app, name)
    assert [word for word in words if word not in known] == [], (name, given)
    known += help_of(app, name, *words)  # a command of a command has flags of its own
    assert [flag for flag in flags if flag not in known] == [], (name, given)


def help_of(app: str, name: str, *words: str) -> str:
    parser = load_command_class(app, name).create_parser("manage.py", name)
    with redirect_stdout(StringIO()) as said, suppress(SystemExit):
        parser.parse_args([*words, "--help"])
    return said.getvalue()


@pytest.mark.django_db
def test_what_the_page_asks_of_postgresql_can_be_asked() -> None:
    asked = re.findall(r"```sql\n(.+?)```", PAGE, re.S)
    assert asked
    with connection.cursor() as cursor:
        for question in asked:
            cursor.execute(question)


def test_every_variable_on_the_page_exists() -> None:
    known = set((ROOT / "docs/configuration.md").read_text().split("`"))
    names = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", PAGE))
    assert [name for name in sorted(names) if not {name, name.removesuffix("_FILE")} & known] == []


def test_every_file_that_the_page_leads_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_container_file_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    outcome = subprocess.run([hadolint, DEPLOY / "Containerfile"], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout
    copied = re.findall(r"^COPY (\S+) ", (DEPLOY / "Containerfile").read_text(), re.M)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"connector", "portal", "visits", "templates", "static", "locale", "manage.py"} <= set(copied)


def test_the_units_are_ones_that_systemd_understands(tmp_path: Path) -> None:
    for unit in UNITS:
        here = unit.read_text().replace("/opt/ehr-connector/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(here.replace("/opt/ehr-connector/manage.py", str(ROOT / "manage.py")))
    systemd = shutil.which("systemd-analyze")
    if systemd is None:  # then no more than its shape can be looked at
        assert all(re.match(r"\[Unit\]\n[\s\S]+\n\[Service\]\n[\s\S]+\n\[Install\]\n", u.read_text()) for u in UNITS)
        return
    files = sorted(str(path) for path in tmp_path.iterdir())
    outcome = subprocess.run([systemd, "verify", "--man=no", *files], capture_output=True, text=True)
    complaints = [line for line in outcome.stderr.splitlines() if "ehr-connector" in line]
    assert complaints == []


def test_a_supervisor_waits_longer_than_a_process_takes_to_stop() -> None:
    for unit in UNITS:
        text = unit.read_text()
        patience = int(re.findall(r"TimeoutStopSec=(\d+)", text)[0])
        grace = int((re.findall(r"--graceful-timeout (\d+)", text) or ["5"])[0])
        assert patience > grace


def test_the_proxy_says_who_asks_and_writes_no_address_down() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text())
    assert text.count("{") == text.count("}")
    log = re.findall(r"log_format[^;]+;", text)
    assert len(log) == 1
    assert not re.search(r"\$(request|request_uri|uri|args|query_string|http_referer)\b", log[0])
    every = text.split("server {")[1:]
    assert len(every) == 3
    for one in every:  # each line of an error log below `emerg` holds the request's address; the default log does too
        assert re.findall(r"error_log [^;]+ (\w+);", one) == ["emerg"]
        assert re.findall(r"access_log ([^;]+);", one) in (["off"], ["/var/log/nginx/connector.log connector"])
    servers = [one for one in every if "proxy_pass" in one]
    for header in ("X-Forwarded-Proto https", "X-Forwarded-Host $host", "X-Request-ID $reference", "Host $host"):
        assert all(f"proxy_set_header {header};" in one for one in servers), header
    assert (DEPLOY / re.findall(r"error_page 502 504 =503 /(\S+);", text)[0]).is_file()
    assert all(re.search(r"location = /metrics \{\s+allow [^;]+;\s+deny all;", one) for one in servers)


def test_no_metric_has_a_label_for_a_name_or_an_address() -> None:
    labels = {label for family in FAMILIES.values() for label in family.labels}
    assert labels == {
        *("route", "status", "code", "connection", "service", "outcome"),
        *("task", "part", "state", "reason", "kind"),
    }


def test_without_a_collector_nothing_is_traced() -> None:
    """redis-py imports OpenTelemetry's metrics by itself where it is installed; spans are what is ours."""
    assert settings.TRACES_URL == ""
    ours = ("connector.tracing", "opentelemetry.sdk.trace", "opentelemetry.instrumentation", "opentelemetry.exporter")
    code = f"import sys, connector.wsgi, connector.celery; print([m for m in {ours} if m in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
