"""Finding an organisation or a person by what somebody typed: the page modules give the registers, forms only ask."""

from __future__ import annotations

import re
from typing import Protocol

#: A choice of a look-up list is shown and posted as ``名称（code）``.
_CHOSEN = re.compile(r"^.*（([^（）]{1,80})）$")


class Lookup(Protocol):
    """A register that can be searched. Codes are stable texts, never integer keys."""

    def label(self, code: str) -> str | None:
        """Return the name shown for ``code``, or None when there is no such entry (or it may not be chosen)."""

    def find(self, text: str) -> list[tuple[str, str]]:
        """Return (code, name) of the entries that ``text`` means, best first, at most ten."""


class Ambiguous(ValueError):
    """Several entries fit; ``found`` lists their names."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self.found = found
        super().__init__("ambiguous")


def resolve(lookup: Lookup, text: str) -> str | None:
    """Return the code that ``text`` means: a code, ``名称（code）``, or a name that only one entry has.

    None when nothing fits; ``Ambiguous`` when several do.
    """
    if lookup.label(text) is not None:
        return text
    if (chosen := _CHOSEN.match(text)) and lookup.label(chosen[1]) is not None:
        return chosen[1]
    found = lookup.find(text)
    exact = [entry for entry in found if entry[1] == text]
    if len(exact) == 1:
        return exact[0][0]
    if len(found) == 1:
        return found[0][0]
    if found:
        raise Ambiguous(found)
    return None


def choice(code: str, label: str) -> str:
    """Write an entry as look-up lists show and post it."""
    return f"{label}（{code}）"
