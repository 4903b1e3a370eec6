"""`make messages`: brings the catalogues of translations up to date with what people in a visit can read.

The portal speaks English; what patients and clinicians meet is collected from SOURCES. A new text arrives untranslated,
one that nothing says any more goes, and what Django reads (.mo) is compiled anew. tests/rules/test_catalogues.py holds
that nothing is left to do.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "locale"
LANGUAGES = ("es", "zh_Hant")
SOURCES = (
    "templates/*.html",
    "templates/components/*.html",
    "templates/errors/*.html",
    "templates/visits/*.html",
    "connector/problems/table.py",
    "connector/templatetags/ui.py",
    "visits/**/*.py",
)
PORTALS = {
    "visits/trial.py",
    *(f"visits/models/{name}.py" for name in ("events", "outbox", "report", "visit")),
    "visits/services.py",
}  # what of these has words is shown in the portal alone
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
Found = tuple[str | tuple[str, ...], str | None]


def texts() -> Iterator[tuple[str, Found]]:
    """(file, (text or its singular and plural, context)) of everything that can be translated, in a settled order."""
    for pattern in SOURCES:
        for path in sorted(set(ROOT.glob(pattern)) - {ROOT / name for name in PORTALS}):
            source = path.read_text()
            if path.suffix == ".html":
                # Django turns a template into calls of gettext among blanked text; each line is read as a statement.
                source = "\n".join(line.lstrip() for line in templatize(source).splitlines())
            for _, text, _, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
                yield path.relative_to(ROOT).as_posix(), (text, context)


def collected() -> Catalog:
    """An empty catalogue of everything that can be translated, each text with the files that say it."""
    catalogue = Catalog(charset="utf-8")
    for file, (text, context) in texts():
        catalogue.add(text, context=context, locations=[(file, 0)])
    return catalogue


def folder(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES"


def read(language: str) -> Catalog:
    """The catalogue of a language as people keep it."""
    with (folder(language) / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def written(catalogue: Catalog) -> bytes:
    """The .po: no dates and no line numbers, so that only what is said changes it."""
    out = io.BytesIO()
    write_po(out, catalogue, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False, sort_by_file=False)
    return _header(catalogue) + out.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """The .mo that Django reads; its header would hold today's date."""
    out = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    write_mo(out, catalogue)
    return out.getvalue()


def _header(catalogue: Catalog) -> bytes:
    wanted = ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
    lines = "".join(f'"{name}: {value}\\n"\n' for name, value in catalogue.mime_headers if name in wanted)
    return f'msgid ""\nmsgstr ""\n{lines}\n'.encode()


def main() -> None:
    """Merge, write and compile each catalogue; say what is still to be translated."""
    for language in LANGUAGES:
        place = folder(language)
        place.mkdir(parents=True, exist_ok=True)
        catalogue = read(language) if (place / "django.po").exists() else Catalog(locale=language)
        catalogue.update(collected(), no_fuzzy_matching=True)
        (place / "django.po").write_bytes(written(catalogue))
        (place / "django.mo").write_bytes(compiled(read(language)))
        left = sum(not (message.string and all(message.string)) for message in catalogue if message.id)
        print(f"{language}: {len(catalogue)} texts, {left} to translate")  # noqa: T201


if __name__ == "__main__":
    main()
