"""Collects every message of the pages into the catalogue: ``python -m webapp.translations.extract``.

New messages are added untranslated, what no file says any longer is dropped, and the command lists what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from webapp.translations.sources import is_chinese

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = Path(__file__).parent / "en" / "LC_MESSAGES" / "messages.po"
#: Our marks beside Babel's own.
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None, "lazy_gettext": None}


def messages() -> Iterator[tuple[str, str | tuple[str, ...], str]]:
    """(file, message or its plural forms, place inside the file) of everything a person may read."""
    with (ROOT / "webapp" / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file, filename="webapp/babel.cfg")
    found = extract_from_dir(ROOT, methods, options, keywords=KEYWORDS, directory_filter=_is_ours)
    for path, _line, message, comments, _context in found:
        forms = message if isinstance(message, tuple) else (message,)
        if any(is_chinese(form) for form in forms):
            yield path, message, comments[0] if comments else ""


def _is_ours(folder: str | Path) -> bool:
    return not Path(folder).name.startswith((".", "_")) and Path(folder).name not in {"node_modules", "static", "var", "tests"}


def stored() -> Catalog:
    """The catalogue as it stands."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def missing() -> list[str]:
    """Messages without English, or whose English has other places than the Chinese."""
    catalogue = stored()
    lacking = {str(message) for _, message, _ in messages() if not _is_translated(catalogue.get(_first(message)))}
    return sorted(lacking | {str(entry.id) for entry in catalogue if entry.id and entry.check()})


def _first(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


def _is_translated(entry: Message | None) -> bool:
    if entry is None or entry.fuzzy:
        return False
    given = entry.string if isinstance(entry.string, tuple) else (entry.string,)
    return all(given)


def update() -> None:
    """Bring the catalogue to what the files say, keeping the English there is."""
    before = stored() if CATALOGUE.is_file() else Catalog(locale="en")
    after = Catalog(locale="en", project="jiaoyan", charset="utf-8")
    for path, message, place in messages():
        known = before.get(_first(message))
        english = known.string if known is not None else ""
        if isinstance(message, tuple) and isinstance(english, str | None):
            english = (english or "", english or "")
        flags = {"python-format"} if "%(" in _first(message) else set()
        after.add(message, english, locations=[(Path(path).as_posix(), 1)], auto_comments=[place] if place else [], flags=flags)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, after, width=0, sort_output=True, omit_header=True, include_lineno=False)


if __name__ == "__main__":
    update()
    lacking = missing()
    sys.stdout.write("".join(f"{message}\n" for message in lacking))
    sys.exit(1 if lacking else 0)
