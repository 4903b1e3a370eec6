"""The bill of materials is valid CycloneDX and leaves nothing out, and docs/licences.md says what it says."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.rules import bill
from tests.rules.requirements import entries
from tests.rules.test_vendored import listed


@pytest.fixture(scope="module")
def document() -> bill.Document:
    return bill.bill()


def test_the_bill_is_valid(document: bill.Document) -> None:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert str(fault or "")[:2000] == ""


def test_the_bill_names_every_pinned_package_and_every_vendored_file_once(document: bill.Document) -> None:
    named = [(one["name"], one["version"]) for one in document["components"] if one["type"] == "library"]
    pinned = entries((bill.ROOT / "requirements.txt").read_text())
    assert sorted(named) == sorted((name, str(pin.specifier)[2:]) for name, (pin, _) in pinned.items())
    files = {one["name"]: one["hashes"][0]["content"] for one in document["components"] if one["type"] == "file"}
    assert files == listed()


def test_everything_in_the_bill_has_a_licence(document: bill.Document) -> None:
    unknown = [one["name"] for one in document["components"] if bill._name(one).lower() in {"", "unknown"}]
    assert unknown == []


def test_the_list_of_licences_is_that_of_the_bill(document: bill.Document) -> None:
    assert bill.LICENCES.read_text() == bill.listed(document)
