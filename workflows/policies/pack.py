"""Packs: the policy values of one place on one day, read like a tree, each read leaving its citation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeAlias

from workflows.policies.calendar import Calendar
from workflows.policies.citation import Citation, PolicyValue

Tree: TypeAlias = "dict[str, Citation | Tree]"
Note: TypeAlias = Callable[[Citation], None]

#: How many days' packs of one place are kept built; rulings ask for a few ruling days again and again.
DAYS_KEPT = 400


class Branch(Mapping[str, Any]):
    """A node of a pack. Reading a leaf gives its value and reports its citation to the listener, if there is one."""

    __slots__ = ("_note", "_tree")

    def __init__(self, tree: Tree, note: Note | None = None) -> None:
        self._tree = tree
        self._note = note

    def __getitem__(self, name: str) -> Any:
        found = self._tree[name]
        if isinstance(found, Citation):
            if self._note is not None:
                self._note(found)
            return found.value
        return Branch(found, self._note)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)

    def __contains__(self, name: object) -> bool:
        return name in self._tree

    def __eq__(self, other: object) -> bool:
        # The inherited comparison would read, and so cite, every value.
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self._tree)}>"


class Pack(Branch):
    """The values of one place that are in force on one day: the place's own laid over the national ones.

    A read-only tree: ``pack["admission"]["title"]["min_level"]``. A key whose document says nothing, or is not
    yet in force on that day (domain.md I22), is there and reads None.
    """

    __slots__ = ("_citations", "calendar", "day", "digest", "name", "place")

    def __init__(
        self, *, place: str, name: str, day: date, digest: str, calendar: Calendar,
        citations: Mapping[str, Citation], note: Note | None = None, tree: Tree | None = None,
    ) -> None:
        # Grown once: the views that note what is read of it share it.
        super().__init__(_grow(citations) if tree is None else tree, note)
        self.place = place
        #: Display name, e.g. 辽宁省.
        self.name = name
        #: The ruling day.
        self.day = day
        #: Digest of the files of this place: its own, the national one, the calendar.
        self.digest = digest
        self.calendar = calendar
        self._citations = citations

    @property
    def citations(self) -> Mapping[str, Citation]:
        """Return every value with its source, by dotted key; reading here is not recorded."""
        return self._citations

    def cite(self, key: str) -> Citation:
        """Return the citation of a dotted key; KeyError when no pack knows the key."""
        return self._citations[key]

    def get_path(self, key: str) -> PolicyValue:
        """Return the value of a dotted key (recorded like any read); KeyError when no pack knows the key."""
        citation = self._citations[key]
        if self._note is not None:
            self._note(citation)
        return citation.value

    def recording(self, note: Note) -> Pack:
        """Return the same pack, every leaf read of which calls ``note`` with the citation."""
        return Pack(place=self.place, name=self.name, day=self.day, digest=self.digest, calendar=self.calendar,
                    citations=self._citations, note=note, tree=self._tree)

    def with_calendar(self, calendar: Calendar) -> Pack:
        """Return the same values with another calendar: working days are facts that become known later."""
        return Pack(place=self.place, name=self.name, day=self.day, digest=self.digest, calendar=calendar,
                    citations=self._citations, note=self._note, tree=self._tree)


def _grow(citations: Mapping[str, Citation]) -> Tree:
    """Build the tree of dotted keys; the loader has refused a key that is both a value and a branch."""
    tree: Tree = {}
    for key, citation in citations.items():
        *branches, leaf = key.split(".")
        node = tree
        for name in branches:
            below = node.setdefault(name, {})
            if isinstance(below, Citation):
                raise ValueError(f"{below.key} is both a value and a branch")
            node = below
        node[leaf] = citation
    return tree


@dataclass(frozen=True)
class DatedValue:
    """One block of a pack file: a value from its first day to its last."""

    citation: Citation
    #: Last day in force, or None: until the next dated value, or open.
    until: date | None
    #: Line of the block in its file, for problems.
    line: int = 0


@dataclass(frozen=True)
class PlacePacks:
    """Everything one place has ever ruled: ask ``on(day)`` for the values in force."""

    place: str
    name: str
    digest: str
    #: Names of the files the digest covers.
    files: tuple[str, ...]
    calendar: Calendar
    #: Dotted key -> dated values in order, the place's own where it has any, else the national ones.
    history: Mapping[str, tuple[DatedValue, ...]]
    _days: dict[date, Pack] = field(default_factory=dict, compare=False, repr=False)

    def on(self, day: date) -> Pack:
        """Return the pack of that day; values of one day are built once and shared."""
        pack = self._days.get(day)
        if pack is None:
            citations = {key: _in_force(values, day) for key, values in sorted(self.history.items())}
            pack = Pack(place=self.place, name=self.name, day=day, digest=self.digest, calendar=self.calendar,
                        citations=citations)
            if len(self._days) >= DAYS_KEPT:
                self._days.clear()
            self._days[day] = pack
        return pack


def _in_force(values: tuple[DatedValue, ...], day: date) -> Citation:
    for dated in reversed(values):
        if dated.citation.since <= day:
            if dated.until is None or day <= dated.until:
                return dated.citation
            return replace(dated.citation, value=None, quote="", note=f"{dated.until}以后不再施行")
    first = values[0].citation
    return replace(first, value=None, quote="", note=f"自{first.since}起施行")


@dataclass(frozen=True)
class Names:
    """What people call the keys of packs and the codes in their values; no rule rests on it."""

    #: Dotted key, or its first part (a group) -> name.
    keys: Mapping[str, str]
    #: Code in a value -> word.
    words: Mapping[str, str]
    #: The file it was read from, for problems; empty without one.
    file: str

    def of(self, key: str) -> str:
        """Return the name of a key or group; the key itself where it has none."""
        return self.keys.get(key, key)


class Packs(Mapping[str, PlacePacks]):
    """All places of an office, by place key; iteration gives the provinces, ``national`` is reached by its name."""

    def __init__(
        self, places: Mapping[str, PlacePacks], national: PlacePacks, calendar: Calendar, names: Names | None = None
    ) -> None:
        self._places = dict(places)
        self.national = national
        self.calendar = calendar
        self.names = names or Names({}, {}, "")

    @property
    def unnamed(self) -> tuple[str, ...]:
        """Return the keys and groups that nobody gave a name, and the names of keys that no pack knows, in order."""
        groups = {key.partition(".")[0] for key in self.keys_of_values}
        return tuple(sorted((self.keys_of_values | groups) ^ set(self.names.keys)))

    @property
    def keys_of_values(self) -> frozenset[str]:
        """Return every dotted key that any pack rules or is silent on."""
        return frozenset(self.national.history) | {key for packs in self._places.values() for key in packs.history}

    def __getitem__(self, place: str) -> PlacePacks:
        if place == "national":
            return self.national
        return self._places[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
