"""What a case is found by (检索词): written once, when it starts, and read in the order in which cases began.

A term is two neighbouring characters of the case's words (its title, and its applicant's name), an organisation that it
is run at or below, or its process. Each names a range of an index, the latest case last: so many cases share "申报" that
the first twenty are found at once, and so few share "书豪" that all of them can be looked at. A range says which cases
may fit; what is shown has been compared with the words themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from workflows.models import Instance, Organisation, Person, Task, Term, table

#: A title is found by so many of its first characters.
LONGEST = 300
#: So many pairs of a sought text are counted, to read the cases of the rarest.
_PAIRS = 4
#: What a number looks like: whoever types one seeks that case and no title.
NUMBER = re.compile(r"[A-Za-z]{1,4}(-[A-Za-z][A-Za-z0-9]{0,11}){0,3}-\d{4}-\d+(-\d+)*")
#: Above every character that a word may hold.
_LAST = "\U0010ffff"


def folded(text: str) -> str:
    """A text as it is compared: full width and half, capital and small letters are one, and so is any blank space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(title: str, name: str) -> str:
    """What somebody may seek a case by, as its row keeps it: its title and its applicant's name, a line each."""
    return "\n".join(folded(line)[:LONGEST] for line in (title, name))


def pairs(line: str) -> list[str]:
    """Each character of a line with the next one, the last one alone."""
    return list(dict.fromkeys(line[n : n + 2] for n in range(len(line))))


def terms_of(process_id: str, kept: str) -> list[str]:
    """The terms of a case apart from its places; ``kept`` is what ``words`` gave."""
    found = dict.fromkeys(f"w{pair}" for line in kept.split("\n") for pair in pairs(line))
    return [*found, process(process_id)]


def place(code: str) -> str:
    """The term of the cases that are run at the organisation with the code, or below it."""
    return f"o{code}"


def process(process_id: str) -> str:
    """The term of the cases of a process."""
    return f"p{process_id}"


# --- writing --------------------------------------------------------------------------------------------------------

_NEW = insert(table(Term))


def _new_places() -> Any:
    line = (
        select(Instance.id.label("instance_id"), Instance.organisation_id)
        .where(Instance.id.in_(bindparam("instances", expanding=True)))
        .cte("line", recursive=True)
    )
    own = aliased(Organisation)
    line = line.union_all(
        select(line.c.instance_id, own.parent_id)
        .join(line, own.id == line.c.organisation_id)
        .where(own.parent_id.is_not(None))
    )
    codes = select(literal("o") + Organisation.code, line.c.instance_id)
    codes = codes.join(line, line.c.organisation_id == Organisation.id)
    return insert(table(Term)).from_select(["term", "instance_id"], codes)


_NEW_PLACES = _new_places()


def write(session: Session, started: Sequence[tuple[int, str, str]]) -> None:
    """Write what cases are found by that have just started: (key, process id, words) each. Two statements for all."""
    if not started:
        return
    rows = [
        {"term": term, "instance_id": key} for key, process_id, kept in started for term in terms_of(process_id, kept)
    ]
    session.connection().execute(_NEW, rows)
    session.connection().execute(_NEW_PLACES, {"instances": [key for key, _, _ in started]})


# --- ranges ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """Cases that share one thing: a way to reach them in the order in which they began, the latest first."""

    #: Which columns: a key of ``_RANGES``.
    kind: str
    #: What they share.
    values: tuple[Any, ...]

    def params(self, name: str) -> dict[str, Any]:
        """The values that ``keys(kind, name)`` asks for."""
        return {f"{name}_{n}": value for n, value in enumerate(self.values)}


@dataclass(frozen=True)
class Size:
    """How many cases a range has, counted no further than was asked."""

    count: int
    #: The first of those that were counted (its key); none where there are none.
    least: int | None
    #: All were counted.
    whole: bool


def _value(name: str, n: int = 0) -> ColumnElement[Any]:
    return bindparam(f"{name}_{n}")


#: Kind -> key of the instance, and the condition.
_RANGES: dict[str, tuple[InstrumentedAttribute[int], Callable[[str], list[ColumnElement[bool]]]]] = {
    "term": (Term.instance_id, lambda name: [Term.term == _value(name)]),
    # Of everything that begins with one character; the only one that is not in order.
    "beginning": (Term.instance_id, lambda name: [Term.term >= _value(name), Term.term <= _value(name, 1)]),
    "status": (Instance.id, lambda name: [Instance.status == _value(name)]),
    "number": (Instance.id, lambda name: [Instance.number == _value(name)]),
    "starter": (Instance.id, lambda name: [Instance.starter_id == _value(name)]),
    "person": (Instance.id, lambda name: [Instance.starter_id == person_key(f"{name}_0")]),
    "done": (Task.instance_id, lambda name: [Task.done_by_id == _value(name)]),
    "group": (
        Task.instance_id,
        # Spelt as the index is: a value that is bound would not be recognised.
        lambda name: [
            Task.status == literal_column("'open'"), Task.organisation_id == _value(name), Task.role == _value(name, 1),
        ],
    ),
}  # fmt: skip


def person_key(name: str) -> ColumnElement[int]:
    """The key of the person whose whole number is bound as ``name``."""
    return select(Person.id).where(Person.number == bindparam(name)).scalar_subquery()


def fits(key: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Condition on what refers to an instance by ``key``: the instance meets the conditions.

    Asked row by row, in the order of what is read: taken for a join, the instances might be read in their own order, all of
    them where few fit.
    """
    found = select(literal(1)).where(Instance.id == key, *conditions)
    return found.correlate(key.class_).scalar_subquery().is_not(None)


def has(name: str) -> ColumnElement[bool]:
    """Condition on ``Instance``: it has the term that is bound as ``name``.

    Asked case by case, as ``fits`` is.
    """
    found = select(Term.instance_id).where(Term.term == bindparam(name), Term.instance_id == Instance.id)
    return found.correlate(Instance).scalar_subquery().is_not(None)


def keys(kind: str, name: str) -> Select[Any]:
    """The instances of a range, the latest first; its values are bound as ``name`` (``Range.params``)."""
    key, condition = _RANGES[kind]
    found = select(key).where(*condition(name))
    return found if kind == "beginning" else found.order_by(key.desc())


def of_words(text: str) -> list[Range]:
    """Ranges of which each holds every case whose words have the text in them; none for an empty text."""
    sought = folded(text)[: 2 * LONGEST]
    if len(sought) < 2:
        return [Range("beginning", (f"w{sought}", f"w{sought}{_LAST}"))] if sought else []
    found = [pair for pair in pairs(sought) if len(pair) == 2]
    step = max(1, -(-len(found) // _PAIRS))
    return [Range("term", (f"w{pair}",)) for pair in found[::step]]


@cache
def _sizes(kinds: tuple[str, ...]) -> CompoundSelect[Any]:
    asked = []
    for n, kind in enumerate(kinds):
        few = keys(kind, f"range_{n}").limit(bindparam("few")).subquery()
        asked.append(select(literal(n), func.count(), func.min(few.c[0])).select_from(few))
    return union_all(*asked)


def sizes(session: Session, ranges: Sequence[Range], few: int) -> list[Size]:
    """How large ranges are, as far as ``few``: one statement, and none for no range."""
    if not ranges:
        return []
    given: dict[str, Any] = {"few": few}
    for n, one in enumerate(ranges):
        given |= one.params(f"range_{n}")
    rows = session.connection().execute(_sizes(tuple(one.kind for one in ranges)), given)
    found = {n: Size(count, least, count < few) for n, count, least in rows}
    return [found[n] for n in range(len(ranges))]


def rarest(ranges: Mapping[Range, Size]) -> tuple[Range, Size] | None:
    """The range with the fewest cases: by their number, else by how far back the counted ones reach."""
    fit = [(one, size) for one, size in ranges.items() if size.whole or one.kind != "beginning"]
    return min(fit, key=lambda pair: (not pair[1].whole, pair[1].count, pair[1].least or 0), default=None)
