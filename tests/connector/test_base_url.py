"""FHIR base URLs: one form for each endpoint, and nothing that only looks like one."""

from contextlib import suppress
from string import ascii_lowercase, digits

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.ehr.discovery import normalise, same_base

labels = st.text(ascii_lowercase + digits, min_size=1, max_size=20)
bases = st.builds(
    "{}://{}.example{}/{}".format,
    st.sampled_from(["https", "HTTPS", "http"]),
    st.tuples(labels, labels).map(lambda pair: f"{pair[0]}.{pair[1].upper()}"),
    st.sampled_from(["", ":443", ":8443", ":80"]),
    st.lists(st.text(ascii_lowercase + "RF4-", min_size=1), max_size=4).map("/".join),
)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://EHR.Example/api/FHIR/R4/", "https://ehr.example/api/FHIR/R4"),
        ("  HTTPS://ehr.example/api/FHIR/R4//  ", "https://ehr.example/api/FHIR/R4"),
        ("https://ehr.example", "https://ehr.example"),
        ("https://ehr.example:443/R4", "https://ehr.example/R4"),
        ("http://ehr.example:80/R4", "http://ehr.example/R4"),
        ("https://ehr.example:8443/R4", "https://ehr.example:8443/R4"),
        ("https://[2001:DB8::1]:8443/R4", "https://[2001:db8::1]:8443/R4"),
        ("https://xn--spital-6ya.example/R4", "https://xn--spital-6ya.example/R4"),
    ],
)
def test_a_base_url_is_kept_in_one_form(given_url: str, kept: str) -> None:
    assert normalise(given_url) == kept


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "scheme"),
        ("ehr.example/R4", "scheme"),
        ("ftp://ehr.example/R4", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https:///R4", "host"),
        ("https://", "host"),
        ("https://ehr..example/R4", "host"),
        ("https://ehr_1.example/R4", "host"),
        ("https://ehr example/R4", "host"),
        ("https://ehr.example:99999/R4", "host"),
        ("https://ehr.example:port/R4", "host"),
        ("https://[::1/R4", "host"),
        ("https://[nonsense]/R4", "host"),
        ("https://еhr.example/R4", "host"),  # noqa: RUF001  # a Cyrillic letter
        ("https://\u212aaiser.example/R4", "host"),  # the Kelvin sign, whose lower case is an ASCII letter
        ("https://ehr。example/R4", "host"),  # an ideographic full stop
        ("https://good.example\\.evil.example/R4", "host"),
        ("https://user@ehr.example/R4", "credentials"),
        ("https://user:password@ehr.example/R4", "credentials"),
        ("https://ehr.example/R4?x=1", "query"),
        ("https://ehr.example/R4#x", "query"),
    ],
)
def test_what_is_no_base_url_is_refused_by_what_is_wrong(url: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"^{code}$"):
        normalise(url)


@given(bases)
def test_normalising_twice_changes_nothing_and_the_endpoint_stays_the_same(url: str) -> None:
    kept = normalise(url)
    assert normalise(kept) == kept
    assert normalise(url + "/") == kept
    assert not kept.endswith("/")


class Known(Exception):
    """A refusal with one of the codes that the portal has words for."""


def kept_or_known(text: str) -> str:
    try:
        return normalise(text)
    except ValueError as error:
        if str(error) in {"scheme", "host", "credentials", "query"}:
            raise Known from error
        raise


@given(st.one_of(st.text(), st.text().map("https://{}".format)))
def test_any_text_is_normalised_or_refused_with_a_known_code(text: str) -> None:
    with suppress(Known):
        kept = kept_or_known(text)
        assert kept.partition("://")[2].partition("/")[0].isascii()


@given(bases, bases)
def test_different_endpoints_stay_different(one: str, other: str) -> None:
    assume(normalise(one).lower() != normalise(other).lower())
    assert not same_base(normalise(one), normalise(other))


def test_case_and_a_last_slash_name_the_same_base() -> None:
    assert same_base("https://ehr.example/api/FHIR/R4", "https://EHR.example/api/fhir/r4/")
    assert not same_base("https://ehr.example/api/FHIR/R4", "https://ehr.example/api/FHIR/STU3")
