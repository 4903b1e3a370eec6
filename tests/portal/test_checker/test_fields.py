"""The record checker, field by field: what is wrong with a value, and where it comes from."""

import pytest

from portal.checker import MOST, Checked, Finding, State, check
from tests.portal.test_checker.records import (
    DEPARTMENT,
    EXPECTED,
    FHIR,
    GROUP_PATIENT,
    GROUP_PROVIDER,
    HOST,
    LAUNCHES,
    OTHER_REF,
    OTHERS,
    PATIENT,
    PATIENT_ID,
    PROVIDER,
    PROVIDER_ID,
    REF,
    SINGLE,
    block,
    url,
)

URL = url("patient")


def checked(pasted: str, only: str = "") -> Checked:
    """The one record in a paste."""
    (record,) = check(pasted, EXPECTED, OTHERS, only=only).records
    return record


def field(pasted: str, mnemonic: str, only: str = "") -> Finding:
    return next(one for one in checked(pasted, only).findings if one.mnemonic == mnemonic)


def codes(finding: Finding) -> list[str]:
    return [fault.code for fault in finding.faults]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (URL.replace("https", "http"), ["scheme"]),
        (URL.rstrip("/"), ["slash-missing"]),
        (f"{URL}callback", ["field"]),
        (f"{url('device-test')}callback", ["slash-missing", "more"]),
        (URL.replace("connector.example", "connector.exmaple"), ["host"]),
        (URL.replace(REF, REF[::-1]), ["ref"]),
        (url("patients"), ["door"]),
        (URL.replace("/launch/", "/Launch/"), ["case"]),
        (f"{URL}?iss=x", ["query"]),
        (f"{URL}extra/", ["more"]),
        (URL[:40], ["slash-missing", "cut"]),
        (URL.replace("https", "http").rstrip("/"), ["scheme", "slash-missing"]),
        ("launch", ["not-address"]),
        ("https://[", ["not-address"]),
        (URL.replace("/", "%2F").replace(":", "%3A"), ["encoded"]),
        (PATIENT_ID, ["field"]),
        (url("provider"), ["record"]),
        (url("patient", OTHER_REF), ["environment"]),
    ],
)
def test_what_is_wrong_with_a_launch_address_is_named(given: str, expected: list[str]) -> None:
    found = field(block(PATIENT, URL=given), "URL", only="patient")
    assert (found.state, codes(found)) == (State.WRONG, expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (SINGLE.replace("%CSN%", "%CNS%"), ["token-like"]),
        (SINGLE.replace("%CSN%", "%EPTID%"), ["token-other"]),
        (SINGLE.replace("%CSN%", "%CSN"), ["percent"]),
        (SINGLE.replace("%CSN%", "4711"), ["filled"]),
        (SINGLE.replace("%CSN%", "%CONFERENCEID%"), ["record", "conference-in-visit"]),
        (SINGLE.replace("sessionId", "sessionID"), ["case"]),
        (SINGLE.replace("sessionId", "session"), ["part-like"]),
        (SINGLE.partition("&")[2], ["part-missing"]),
        (f"{SINGLE}&mrn=%PATID%", ["part-extra"]),
        (f"{SINGLE}&externalId=%EXTERNALID%", ["more"]),
        ("sessionId=%PATID%", ["outdated"]),
    ],
)
def test_what_is_wrong_with_a_context_is_named(given: str, expected: list[str]) -> None:
    found = field(block(PATIENT, CONTEXT=given), "CONTEXT")
    assert (found.state, codes(found)) == (State.WRONG, expected)


def test_a_mistyped_token_is_told_with_the_one_that_was_meant() -> None:
    found = field(block(PATIENT, CONTEXT=SINGLE.replace("%CSN%", "%CNS%")), "CONTEXT")
    assert found.faults[0].text == "%CNS% is no token that is known here: did you mean %CSN%?"


def test_parts_in_another_order_do_no_harm() -> None:
    found = field(block(PATIENT, CONTEXT="&".join(reversed(SINGLE.split("&")))), "CONTEXT")
    assert (found.state, codes(found)) == (State.CHECK, ["order"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (f"{URL} ", "whitespace"),
        (f" {URL}", "whitespace"),
        (URL.replace("/launch", " /launch"), "whitespace"),
        (URL.replace("/launch", "\N{NO-BREAK SPACE}/launch"), "typography"),
        (URL.replace("/launch", "\n/launch"), "break"),
        (URL.replace("/launch", "\N{ZERO WIDTH SPACE}/launch"), "invisible"),
        (f'"{URL}"', "quotes"),
        (f"\N{LEFT DOUBLE QUOTATION MARK}{URL}\N{RIGHT DOUBLE QUOTATION MARK}", "quotes"),
        (URL.replace("h", "\N{FULLWIDTH LATIN SMALL LETTER H}", 1), "typography"),
        (f"{URL}.", "ending"),
    ],
)
def test_a_right_address_with_the_marks_of_copying_is_to_be_looked_at(given: str, code: str) -> None:
    found = field(block(PATIENT, URL=given), "URL")
    assert found.state is State.CHECK
    assert code in codes(found)


def test_what_html_escaped_is_to_be_looked_at() -> None:
    found = field(block(PATIENT, CONTEXT=SINGLE.replace("&", "&amp;")), "CONTEXT")
    assert (found.state, codes(found)) == (State.CHECK, ["escaped"])


def test_a_dash_from_a_word_processor_is_to_be_looked_at() -> None:
    found = field(block(PATIENT, CLIENTID=PATIENT_ID.replace("-", "\N{EN DASH}")), "CLIENTID")
    assert (found.state, codes(found)) == (State.CHECK, ["typography"])


def test_what_cannot_be_seen_is_shown_in_the_comparison() -> None:
    found = field(block(PATIENT, CLIENTID=f"{PATIENT_ID[:4]}\N{ZERO WIDTH SPACE}{PATIENT_ID[4:]} "), "CLIENTID")
    assert [piece.text for piece in found.pieces if piece.kind == "extra"] == ["[U+200B]", "␣"]
    assert not [piece for piece in found.pieces if piece.kind == "lacking"]


def test_client_ids_of_clinicians_and_patients_that_were_swapped_are_named_on_both_sides() -> None:
    pasted = "\n\n".join([block(PROVIDER, CLIENTID=PATIENT_ID), block(PATIENT, CLIENTID=PROVIDER_ID)])
    result = check(pasted, EXPECTED, OTHERS)
    assert [record.kind for record in result.records] == ["provider", "patient"]
    swapped = [one for record in result.records for one in record.findings if one.mnemonic == "CLIENTID"]
    assert [(str(one.word), codes(one)) for one in swapped] == [("Swapped", ["record"])] * 2


def test_the_patients_record_under_the_clinicians_heading_is_swapped() -> None:
    found = checked(f"[{PROVIDER.title}]\n{block(PATIENT)}")
    assert found.kind == "provider"
    assert [one.mnemonic for one in found.findings if "record" in codes(one)] == ["URL", "CLIENTID"]


def test_a_field_that_is_alone_is_found_out() -> None:
    assert [(one.mnemonic, one.state) for one in checked(PATIENT_ID).findings] == [("CLIENTID", State.RIGHT)]
    assert [(one.mnemonic, one.state) for one in checked(SINGLE).findings] == [("CONTEXT", State.RIGHT)]


def test_a_field_that_is_alone_is_compared_with_the_record_that_is_chosen() -> None:
    assert codes(field(PATIENT_ID, "CLIENTID", only="provider")) == ["record"]


def test_a_row_that_is_not_there_is_missing() -> None:
    found = field(block(PATIENT).partition("CONTEXT")[0], "CONTEXT")
    assert (found.state, found.expected) == (State.MISSING, SINGLE)


def test_a_row_without_a_value_is_missing() -> None:
    found = field(block(PATIENT, CONTEXT=""), "CONTEXT")
    assert (found.state, codes(found)) == (State.MISSING, ["empty"])


def test_records_that_were_not_pasted_are_named_to_who_pastes_several() -> None:
    result = check("\n".join(map(block, (PROVIDER, PATIENT))), EXPECTED)
    assert result.absent == (GROUP_PROVIDER.title, GROUP_PATIENT.title)


def test_a_frame_and_a_department_are_right_as_well() -> None:
    found = checked(block(PROVIDER, LAUNCHTYPE="7", CONTEXT=DEPARTMENT))
    assert {one.state for one in found.findings} == {State.RIGHT}


def test_rows_of_epics_own_are_passed_over_and_named() -> None:
    result = check(f"PROTECTED=1\n{block(PATIENT)}\nUSEEDGEBROWSER=1", EXPECTED)
    assert {one.state for one in result.records[0].findings} == {State.RIGHT}
    assert result.foreign == ("PROTECTED", "USEEDGEBROWSER")


def test_redirect_uris_in_any_order_are_right() -> None:
    client = EXPECTED[4]
    found = checked("\n".join(f"{name} {value}" for name, value in reversed(client.rows)))
    assert found.kind == "client-provider"
    assert {one.state for one in found.findings} == {State.RIGHT}


def test_a_redirect_uri_that_is_not_ours_may_be_there_for_something_else() -> None:
    client = EXPECTED[5]
    text = "\n".join(f"{name} {value}" for name, value in client.rows)
    found = checked(f"{text}\nREDIRECT https://another.example/callback")
    assert [codes(one) for one in found.findings if one.state is State.CHECK] == [["surplus"]]


def test_more_records_than_anybody_has_are_not_checked() -> None:
    result = check("URL=x\n" * (MOST + 1), EXPECTED)
    assert (len(result.records), result.pasted) == (MOST, MOST + 1)


def test_prose_is_no_record() -> None:
    result = check("Dear all,\nthe button does not work.", EXPECTED)
    assert (result.records, result.unread) == ((), ("Dear all,", "the button does not work."))


# The published errors of such connectors, each with the answer that the checker gives.


def test_patient_cannot_launch_because_the_address_or_the_context_was_pasted_wrong() -> None:
    assert codes(field(block(PATIENT, URL=URL[:-4]), "URL")) == ["slash-missing", "door"]
    assert codes(field(block(PATIENT, CONTEXT=SINGLE[:-1]), "CONTEXT")) == ["percent"]


def test_patient_cannot_launch_because_the_clinicians_record_was_pasted() -> None:
    assert codes(field(block(PROVIDER), "URL", only="patient")) == ["record"]


def test_patient_cannot_launch_because_the_record_was_pasted_into_another_environment() -> None:
    pasted = block(PATIENT, URL=url("patient", OTHER_REF), CLIENTID="33333333-test")
    words = {one.mnemonic: str(one.word) for one in checked(pasted).findings}
    assert (words["URL"], words["CLIENTID"]) == ("Other environment", "Other environment")


def test_tenant_config_not_found_because_the_testing_address_stands_in_production() -> None:
    found = field(url("patient", OTHER_REF), "URL")
    assert found.faults[0].text == "This belongs to another environment: Main campus (Testing)."


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (FHIR.removesuffix("/R4"), "fhir-suffix"),
        (FHIR.removesuffix("/FHIR/R4"), "fhir-suffix"),
        (FHIR.replace("R4", "DSTU2"), "fhir-release"),
        (FHIR.replace("ehr.", "ehr2."), "host"),
    ],
)
def test_fhir_url_is_not_valid_because_its_end_names_no_release_or_another(given: str, code: str) -> None:
    assert codes(field(f"ISS={given}", "FHIR")) == [code]


@pytest.mark.parametrize("given", [FHIR, f"{FHIR}/"])
def test_a_fhir_url_is_right_with_and_without_its_last_slash(given: str) -> None:
    assert field(given, "FHIR").state is State.RIGHT


def test_a_fhir_url_in_the_place_of_the_launch_address_is_named() -> None:
    assert codes(field(block(PATIENT, URL=FHIR), "URL")) == ["field"]
    assert codes(field(block(PATIENT, URL=FHIR.replace("R4", "DSTU2")), "URL")) == ["host", "slash-missing", "fhir-url"]


def test_group_visits_fail_because_the_token_is_not_the_conferences() -> None:
    found = field(block(GROUP_PATIENT, CONTEXT=SINGLE), "CONTEXT")
    assert (found.state, codes(found)) == (State.WRONG, ["record", "csn-in-group"])
    assert found.faults[0].text == f"This is the value for “{PATIENT.title}”."


def test_group_visits_fail_because_there_are_no_group_records() -> None:
    result = check("\n".join(map(block, LAUNCHES[:2])), EXPECTED)
    assert set(result.absent) == {GROUP_PROVIDER.title, GROUP_PATIENT.title}


def test_nobody_elses_values_are_ever_in_an_answer() -> None:
    result = check(f"URL={HOST}/launch/0000000000000000/patient/\nCLIENTID={PATIENT_ID}", EXPECTED, OTHERS)
    assert codes(result.records[0].findings[0]) == ["ref"]
