"""The catalogues are complete: what a patient or a clinician can meet is said in every language, and nothing else is
kept. `make messages` collects, and a person translates."""

import re
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.utils.translation import to_locale

from tests.rules import catalogues
from tests.rules.catalogues import LANGUAGES

# What a program fills in or reads: %(name)s, {name}, tags, and the addresses and variables that no language changes.
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|</?\w+[^>]*>|[A-Z]+(?:_[A-Z]+)+|externalId|CONTEXT")
CJK = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def collected() -> Catalog:
    return catalogues.collected()


@pytest.fixture(scope="module", params=LANGUAGES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return catalogues.read(request.param)


def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def forms(value: object) -> list[str]:
    """A text, or its singular and plural."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value or "")]


def placeholders(text: str) -> list[str]:
    fields = [f"{{{name}}}" for _, name, _, _ in Formatter().parse(text) if name is not None]
    return sorted(PLACEHOLDER.findall(text) + fields)


def test_every_language_of_the_settings_has_a_catalogue() -> None:
    translated = {to_locale(code) for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE}
    assert translated == set(LANGUAGES)


def test_a_catalogue_holds_what_is_said_and_nothing_else(catalogue: Catalog, collected: Catalog) -> None:
    kept, said = ({(one.id, one.context) for one in messages(each)} for each in (catalogue, collected))
    assert {"lacking": said - kept, "surplus": kept - said} == {"lacking": set(), "surplus": set()}


def test_everything_is_translated_and_nothing_is_fuzzy(catalogue: Catalog) -> None:
    left = [one.id for one in messages(catalogue) if one.fuzzy or not all(forms(one.string))]
    assert left == []


def test_a_translation_keeps_its_placeholders(catalogue: Catalog) -> None:
    unlike: dict[str, list[str]] = {}
    for one in messages(catalogue):
        wanted = placeholders(forms(one.id)[-1])
        unlike |= {text: wanted for text in forms(one.string) if placeholders(text) != wanted}
    assert unlike == {}


def test_a_plural_has_as_many_forms_as_its_language(catalogue: Catalog) -> None:
    plurals = [one for one in messages(catalogue) if one.pluralizable]
    assert [one.id for one in plurals if len(forms(one.string)) != catalogue.num_plurals] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_django_reads_is_compiled_from_what_people_keep(language: str) -> None:
    folder = catalogues.folder(language)
    assert (folder / "django.mo").read_bytes() == catalogues.compiled(catalogues.read(language))
    assert (folder / "django.po").read_bytes() == catalogues.written(catalogues.read(language))


def test_chinese_is_set_with_its_own_punctuation() -> None:
    texts = [text for one in messages(catalogues.read("zh_Hant")) for text in forms(one.string)]
    assert [text for text in texts if re.search(rf"{CJK.pattern}[,:;?!(]|[,:;?!)]{CJK.pattern}", text)] == []
