"""What a case is found by (检索词): written once, when it starts, and read in the order in which cases began.

A term is two neighbouring characters of the case's words (its title, and its applicant's name), an organisation that it
is run at or below, or its process. Each names a range of an index, the latest case last: so many cases share "申报" that
the first twenty are found at once, and so few share "书豪" that all of them can be looked at. A range says which cases
may fit; what is shown has been compared with the words themselves.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
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
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from workflows.models import Instance, Organisation, Term, table

#: A title is found by so many of its first characters.
LONGEST = 300
#: How many cases of a range are counted: where there are fewer, all of them are looked at.
FEW = 2000
#: So many pairs of a sought text are counted, to read the cases of the rarest.
_PAIRS = 4
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
    return [*found, f"p{process_id}"]


def place(code: str) -> str:
    """The term of the cases that are run at the organisation with the code, or below it."""
    return f"o{code}"


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
    codes = select(literal("o") + Organisation.code, line.c.instance_id).join(line, line.c.organisation_id == Organisation.id)
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
