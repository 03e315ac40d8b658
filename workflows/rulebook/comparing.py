"""The values of every place side by side, as a person reads a pack: value, clause, quotation, since when, what comes later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from workflows.policies import Citation, Names, Packs, PolicyValue


@dataclass(frozen=True)
class Standing:
    """What one place rules on a key on the day asked for."""

    place: str
    citation: Citation
    #: The other dated values of the key there, in order: those that ended and those that are still to come.
    others: tuple[Citation, ...]


@dataclass(frozen=True)
class KeyShown:
    """One key, as every place rules it."""

    key: str
    name: str
    standings: tuple[Standing, ...]

    @property
    def is_shared(self) -> bool:
        """Whether every place takes the national value."""
        return len({one.citation.place for one in self.standings}) == 1 and self.standings[0].citation.place == "national"

    @property
    def differs(self) -> bool:
        """Whether two places rule differently in value or force."""
        first = self.standings[0].citation
        return any((one.citation.value, one.citation.force) != (first.value, first.force) for one in self.standings)


@dataclass(frozen=True)
class Group:
    """Keys with the same first part."""

    key: str
    name: str
    keys: tuple[KeyShown, ...]


def side_by_side(packs: Packs, on: date, *, text: str = "", only: Sequence[str] = (), differing: bool = False) -> list[Group]:
    """Every key on a day, in groups by the order of their names' file; ``only`` keeps the keys named.

    ``text`` is looked for in names, keys, values, clauses and quotations; ``differing`` keeps what places rule differently.
    """
    names = packs.names
    found: dict[str, list[KeyShown]] = {}
    for key in sorted(packs.keys_of_values):
        if only and key not in only:
            continue
        shown = KeyShown(key, names.of(key), tuple(_standing(packs, place, key, on) for place in packs))
        if (differing and not shown.differs) or (text and not _holds(shown, text, names)):
            continue
        found.setdefault(key.partition(".")[0], []).append(shown)
    order = {group: at for at, group in enumerate(names.keys)}
    return [
        Group(group, names.of(group), tuple(sorted(keys, key=lambda one: order.get(one.key, len(order)))))
        for group, keys in sorted(found.items(), key=lambda one: (order.get(one[0], len(order)), one[0]))
    ]


def _standing(packs: Packs, place: str, key: str, on: date) -> Standing:
    citation = packs[place].on(on).cite(key)
    others = tuple(dated.citation for dated in packs[place].history[key] if dated.citation.since != citation.since)
    return Standing(place, citation, others)


def _holds(shown: KeyShown, text: str, names: Names) -> bool:
    sought = text.casefold()
    for one in shown.standings:
        cited = one.citation
        said = (shown.name, shown.key, cited.clause, cited.quote, " ".join(pieces(cited.value, names)))
        if any(sought in part.casefold() for part in said):
            return True
    return False


def pieces(value: PolicyValue, names: Names) -> list[str]:
    """A value as texts to be listed; a part of a table is ``key：value``. Null gives none."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [f"{names.words.get(key, key)}：{'、'.join(pieces(part, names)) or '—'}" for key, part in value.items()]
    if isinstance(value, list):
        return [" ".join(pieces(part, names)) for part in value]
    return [_word(value, names)]


def _word(value: Any, names: Names) -> str:
    if isinstance(value, bool):
        return names.words.get(str(value).lower(), str(value))
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    return names.words.get(str(value), str(value))
