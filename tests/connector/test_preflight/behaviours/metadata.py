"""What servers answer for their CapabilityStatement."""

import json

from tests.connector.test_preflight.behaviours.replies import (
    BOTH,
    BUSY,
    DSTU2,
    LIST,
    LOGIN,
    NO_STATEMENT,
    NOT_FOUND,
    XML,
    Behaviour,
    chunked,
    cut,
    five_megabytes,
    later,
    nowhere,
    packed,
    stating,
    with_bom,
)
from tests.connector.test_preflight.ehr import HEALTHY, METADATA, without
from tests.servers import Reply

METADATA_ROWS = [
    Behaviour("everything as it should be", "/", NOT_FOUND, HEALTHY),
    # The CapabilityStatement
    Behaviour("404 as HTML", METADATA, NOT_FOUND, NO_STATEMENT | {"metadata-missing": "warns"}),
    Behaviour("404 as HTML everywhere", BOTH, NOT_FOUND, nowhere("missing")),
    Behaviour("410 everywhere", BOTH, Reply(status=410), nowhere("missing")),
    Behaviour("a login page with 200", METADATA, LOGIN, NO_STATEMENT | {"metadata-page": "warns"}),
    Behaviour("a login page with 200 everywhere", BOTH, LOGIN, nowhere("page")),
    Behaviour("401 on metadata", METADATA, Reply(status=401), NO_STATEMENT | {"metadata-guarded": "warns"}),
    Behaviour("403 everywhere", BOTH, Reply(status=403), nowhere("guarded")),
    Behaviour("400 everywhere", BOTH, Reply({"issue": []}, 400), nowhere("refused")),
    Behaviour("429 with Retry-After", BOTH, BUSY, later("busy")),
    Behaviour("500 everywhere", BOTH, Reply({"error": "500"}, 500), later("down")),
    Behaviour("503 as HTML", BOTH, Reply("<h1>Maintenance</h1>", 503), later("down")),
    Behaviour("503 on metadata alone", METADATA, Reply(status=503), NO_STATEMENT | {"metadata-down": "warns"}),
    Behaviour("XML although JSON was asked for", METADATA, XML, NO_STATEMENT | {"metadata-no-json": "warns"}),
    Behaviour("406 for JSON everywhere", BOTH, Reply(status=406), nowhere("no-json")),
    Behaviour("JSON that is no FHIR", METADATA, Reply({"hello": 1}), NO_STATEMENT | {"metadata-not-fhir": "warns"}),
    Behaviour("a list as JSON", METADATA, LIST, NO_STATEMENT | {"metadata-unreadable": "warns"}),
    Behaviour("a body cut in the middle", METADATA, cut, NO_STATEMENT | {"metadata-unreadable": "warns"}),
    Behaviour("an empty body", METADATA, Reply(), NO_STATEMENT | {"metadata-unreadable": "warns"}),
    Behaviour("204", METADATA, Reply(status=204), NO_STATEMENT | {"metadata-unreadable": "warns"}),
    Behaviour(
        "fewer bytes than announced",
        METADATA,
        Reply('{"half":', headers={"Content-Length": "500"}),
        NO_STATEMENT | {"metadata-slow": "warns"},
        seconds=2,
    ),
    Behaviour(
        "gzip that is none",
        METADATA,
        Reply("plain", headers={"Content-Encoding": "gzip"}),
        NO_STATEMENT | {"metadata-unreachable": "warns"},
    ),
    Behaviour("9 MB", METADATA, Reply(b"x" * 9_000_000), NO_STATEMENT | {"metadata-too-large": "warns"}),
    Behaviour("5 MB", METADATA, five_megabytes, HEALTHY),
    Behaviour("gzip", METADATA, packed, HEALTHY),
    Behaviour("chunks", METADATA, chunked, HEALTHY),
    Behaviour("a byte order mark", METADATA, with_bom, HEALTHY),
    Behaviour(
        "JSON that is labelled as text",
        METADATA,
        lambda ehr: Reply(json.dumps(ehr.statement()), headers={"Content-Type": "text/plain"}),
        HEALTHY | {"metadata-media-type": "info"},
    ),
    Behaviour(
        "JSON without a content type",
        METADATA,
        lambda ehr: Reply(json.dumps(ehr.statement()), headers={"Content-Type": ""}),
        HEALTHY | {"metadata-media-type": "info"},
    ),
    # Release, software, resources
    Behaviour("STU3", METADATA, stating(fhirVersion="3.0.1"), without("release-r4") | {"release-stu3": "info"}),
    Behaviour("DSTU2", METADATA, stating(**DSTU2), without("release-r4") | {"release-dstu2": "warns"}),
    Behaviour("R4B", METADATA, stating(fhirVersion="4.3.0"), HEALTHY),
    Behaviour("R5", METADATA, stating(fhirVersion="5.0.0"), without("release-r4") | {"release-newer": "info"}),
    Behaviour("no release", METADATA, stating(fhirVersion=None), without("release-r4") | {"release-unknown": "warns"}),
    Behaviour("November 2018", METADATA, stating(software={"name": "Epic", "version": "November 2018"}), HEALTHY),
    Behaviour(
        "August 2018",
        METADATA,
        stating(software={"name": "Epic", "version": "August 2018"}),
        without("software-supported") | {"software-too-old": "blocks"},
    ),
    Behaviour(
        "a version of another form",
        METADATA,
        stating(software={"name": "Epic", "version": "10.4.2"}),
        without("software-supported") | {"software-version-unknown": "info"},
    ),
    Behaviour(
        "Oracle Health, which names itself as publisher",
        METADATA,
        stating(software=None, publisher="Cerner"),
        without("software-supported") | {"software-other": "info"},
    ),
    Behaviour(
        "fields nobody knows and types nobody expects",
        METADATA,
        stating(software={"name": "Epic", "version": "May 2026", "x": [{}]}, contact=7, format={"a": None}, new=[[]]),
        HEALTHY,
    ),
    Behaviour(
        "no resources",
        METADATA,
        lambda ehr: stating(rest=[{"resource": "none"}])(ehr),
        without("resources-offered") | {"resources-missing": "info"},
    ),
    Behaviour(
        "AuditEvents can be created",
        METADATA,
        lambda ehr: stating(
            rest=[
                *ehr.statement()["rest"],
                {"resource": [{"type": "AuditEvent", "interaction": [{"code": "create"}]}]},
            ]
        )(ehr),
        without("audit-event-not-offered") | {"audit-event-accepted": "info"},
    ),
    Behaviour(
        "another address of its own",
        METADATA,
        stating(implementation={"url": "https://internal.example/api/FHIR/R4"}),
        HEALTHY | {"base-url-differs": "info"},
    ),
]
