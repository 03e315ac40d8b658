"""Numbers of cases: one series a place and year, or the one that a process's rule names (``jiaoyan:number``); none leaves a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import deployment, people
from workflows.access import office_day
from workflows.deployment import Loaded
from workflows.errors import InstanceMoved, NumberUnfit
from workflows.manners import NUMBER, SUMMARY, TITLE, series
from workflows.models import Organisation, Series
from workflows.settings import OFFICE_ZONE

#: Begins the name of a counter of cases.
_CASES = "instance:"


def series_of(session: Session, loaded: Loaded, organisation: Organisation, at: datetime) -> str:
    """What the number of a case begins with, its year included: ``LN-2026``, or by a rule of its process ``LN-JS-2026``.

    A rule sees ``policy`` (the newest pack of the place today) and ``instance`` (place, organisation, level, started at), no
    more: a case has its number before anything in it has happened. ``NumberUnfit`` where the rule gives none that fits.
    """
    day = office_day(at)
    pack = deployment.packs(session, deployment.newest_pack_set(session))[organisation.place].on(day)
    rule = loaded.diagram.properties.get(NUMBER)
    if not rule:
        prefix = pack["place"]["number_prefix"]
        return f"{prefix}-{day.year}"
    about = {
        "started_at": at.astimezone(OFFICE_ZONE).isoformat(timespec="seconds"), "organisation": organisation.code,
        "organisation_name": organisation.name, "level": organisation.level, "place": pack.name,
    }  # fmt: skip
    found = series(rule, about, pack, at)
    if found is None:
        raise NumberUnfit(process=loaded.name)
    return found


def _counter(of: str, place: str) -> str:
    """Name of the counter of a series. A rule's series has at least three parts, so that it never meets a place's own."""
    head, _, year = of.rpartition("-")
    return f"{_CASES}{of}" if "-" in head else f"{_CASES}{place}:{year}"


@dataclass(frozen=True)
class Naming:
    """How a process names its cases, as its newest version is drawn; a rule that is empty is the usual one."""

    process_id: str
    name: str
    #: FEEL of the series of numbers, of the title, of the summary.
    number: str
    title: str
    summary: str


@dataclass(frozen=True)
class Counted:
    """How far a series of numbers has come."""

    #: What its numbers begin with; of a place's own series the year.
    series: str
    #: Name of the place whose own series it is; empty for that of a rule.
    place: str
    last: int


def naming(session: Session) -> list[Naming]:
    """The rules of every process, by its newest version."""
    return [
        Naming(one.process_id, one.name, *(one.diagram.properties.get(rule, "") for rule in (NUMBER, TITLE, SUMMARY)))
        for one in deployment.current(session)
    ]


def counted(session: Session) -> list[Counted]:
    """Every series of numbers of cases, by name."""
    names = deployment.packs(session, deployment.newest_pack_set(session))
    rows = session.execute(select(Series).where(Series.name.startswith(_CASES)).order_by(Series.name)).scalars()
    found = []
    for row in rows:
        place, _, year = row.name.removeprefix(_CASES).partition(":")
        found.append(Counted(year, names[place].name, row.last) if place in names else Counted(place, "", row.last))
    return found


def peek(session: Session, loaded: Loaded, organisation: Organisation, at: datetime) -> str:
    """The number that the next case of the process there will get, unless somebody is quicker (see ``take``)."""
    of = series_of(session, loaded, organisation, at)
    last = session.execute(select(Series.last).where(Series.name == _counter(of, organisation.place))).scalar()
    return _number(of, (last or 0) + 1)


def take(session: Session, number: str, organisation: Organisation) -> None:
    """Take the number that a case was prepared with; ``InstanceMoved`` if another start took it first.

    The number stands in what was prepared outside the transaction (variables, titles), so it is checked, not replaced.
    """
    of, _, serial = number.rpartition("-")
    if people.next_in_series(session, _counter(of, organisation.place)) != int(serial):
        raise InstanceMoved()


def take_many(session: Session, loaded: Loaded, organisations: Sequence[Organisation], at: datetime) -> list[str]:
    """Take the next number at each of the organisations, in the caller's write transaction."""
    known = {one.id: (series_of(session, loaded, one, at), one.place) for one in organisations}
    wanted = Counter(known[one.id] for one in organisations)
    following = {where: _taken(session, *where, count) for where, count in sorted(wanted.items())}
    return [next(following[known[one.id]]) for one in organisations]


def _taken(session: Session, of: str, place: str, count: int) -> Iterator[str]:
    last = people.next_in_series(session, _counter(of, place), count)
    return iter([_number(of, serial) for serial in range(last - count + 1, last + 1)])


def _number(of: str, serial: int) -> str:
    return f"{of}-{serial:05d}"
