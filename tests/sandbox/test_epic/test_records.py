"""How pasted integration records and client blocks are understood."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.epic import clients, records

RECORD = {
    "URL": "https://c.example/launch/r/provider/",
    "CLIENTID": "c-1",
    "LAUNCHTYPE": "7",
    "CONTEXT": "s=%CSN%&t=a b",
}
blanks = st.text(" \t\N{NO-BREAK SPACE}", max_size=3)
quotes = st.sampled_from(["", '"', "'"])


@given(st.data(), st.permutations(list(RECORD)), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_a_record_is_understood_with_any_blanks_quotes_order_and_line_ends(
    data: st.DataObject, order: list[str], end: str
) -> None:
    def line(name: str) -> str:
        quote, separator = data.draw(quotes), data.draw(st.sampled_from(["=", "\t", " = ", "=\t"]))
        written = data.draw(st.sampled_from([name, name.lower(), name.title()]))
        return (
            f"{data.draw(blanks)}{written}{separator}{data.draw(blanks)}{quote}{RECORD[name]}{quote}{data.draw(blanks)}"
        )

    understood = records.parse(end.join(line(name) for name in order))
    assert understood == RECORD
    assert records.problems("provider", understood) == []


@given(st.text())
def test_any_text_at_all_is_parsed_or_refused_but_never_breaks(text: str) -> None:
    understood = records.parse(text)
    assert all(name.isupper() for name in understood)
    assert isinstance(records.problems("provider", understood | {"URL": text}), list)
    assert set(clients.parse_block(text)) <= {"redirect_uris", "jwks_url"}


@given(st.dictionaries(st.sampled_from("abc"), st.text(st.characters(exclude_characters="%&=\r\n"))))
def test_context_without_tokens_arrives_as_it_was_written(context: dict[str, str]) -> None:
    written = "&".join(f"{name}={value}" for name, value in context.items())
    assert records.fill_in(written, {"%CSN%": "1"}) == context


def test_tokens_are_filled_inside_a_value_and_odd_ones_stay() -> None:
    context = "s=visit-%CSN%-x&d=%PERFDEPID;;; ; ;;NONE;%&p=100%"
    assert records.fill_in(context, {"%CSN%": "77"}) == {
        "s": "visit-77-x",
        "d": "%PERFDEPID;;; ; ;;NONE;%",
        "p": "100%",
    }
