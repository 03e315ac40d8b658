"""Finding the person whom somebody typed, among those who may be meant; and saying why another may not."""

from __future__ import annotations

from collections.abc import Callable

from forms import lookups
from webapp.office import office
from workflows.errors import PersonUnclear, PersonUnknown

#: (session, text) -> (number, name) of people.
Find = Callable[..., list[tuple[str, str]]]


class Among:
    """Look-up of the people that a read finds."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def label(self, code: str) -> str | None:
        """The name of the person with that number."""
        return dict(self.find(code)).get(code)

    def find(self, text: str) -> list[tuple[str, str]]:
        """(number, name) of people whose name holds the text."""
        with office().db.read() as reading:
            return self._find(reading, text)


def person(text: str, *registers: lookups.Lookup) -> str:
    """Number of the person who was typed, from the first register that knows them.

    ``PersonUnclear`` where several are called so, ``PersonUnknown`` where nobody is. A later register finds those who may not
    be meant, so that the verb says why.
    """
    for register in registers:
        try:
            found = lookups.resolve(register, text) if text else None
        except lookups.Ambiguous as several:
            raise PersonUnclear(names="、".join(lookups.choice(*one) for one in several.found)) from None
        if found is not None:
            return found
    raise PersonUnknown()
