"""Whom a step's rule means: from the rule to the organisation, to the people, without those who are kept from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Date, Select, and_, bindparam, literal, select
from sqlalchemy.orm import Session, aliased

from workflows.access import APART, held_on
from workflows.models import Account, Membership, Organisation, Person
from workflows.people import LEVELS, ROLES, Known, Somebody, by_number

#: What a rule says who may take a task: ``{"role": key, "at": None | level | organisation code}`` relative to the case's
#: employing organisation, ``{"person": number}``, ``{"head": code}`` of an organisation, ``{"heads above": code, "levels": n}``
#: up the line (逐级负责人), ``{"members": code}`` of one.
KINDS = frozenset({"role", "person", "head", "heads above", "members"})
#: Kind of organisation -> the role that heads it.
HEADS: Mapping[str, str] = {
    "edu_bureau": "bureau_head", "tri": "tri_head", "school": "home_principal", "supervision": "supervisor_lead",
}  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """Who may take a task, and why: rule → organisation as it was → candidates → exclusions → result."""

    #: (organisation id, role) pairs, as rows for ``candidate``.
    by_role: tuple[tuple[int, str], ...]
    #: The one person it is assigned to by name, if any.
    assigned: Somebody | None
    #: After exclusions, for notices.
    people: tuple[Somebody, ...]
    explanation: Mapping[str, Any] = field(default_factory=dict)
    #: Keys of the people whom rules name by their numbers, excluded ones among them as among the holders of a role.
    by_name: tuple[int, ...] = ()


def find(
    session: Session, rules: Iterable[Mapping[str, Any]], assigned: Somebody | None, organisation_id: int, on: date,
    excluded: Sequence[tuple[Somebody, str]], known: Known | None = None,
) -> Candidates:
    """Resolve a task's rules on a day; one statement a rule, and none for one that ``known`` answered before.

    ``rules`` are what the house's functions give to FEEL, see ``KINDS``; ``excluded`` are people who may not take it
    whatever role they hold. Somebody or some place that there is not means nobody.
    """
    by_role: list[tuple[int, str]] = []
    by_name: list[int] = []
    found: dict[int, Somebody] = {}
    steps: list[dict[str, Any]] = []
    if assigned is not None:
        found[assigned.id] = assigned
        steps.append({"rule": {"person": assigned.number}, "candidates": [assigned.named()]})
    for given in rules:
        rule = {key: int(value) if isinstance(value, Decimal) else value for key, value in given.items()}
        if "person" in rule:
            named = by_number(session, [str(rule["person"])])
            found |= {one.id: one for one in named.values()}
            by_name += [one.id for one in named.values()]
            steps.append({"rule": dict(rule), "organisation": None, "candidates": [one.named() for one in named.values()]})
            continue
        meant = [rule] if "role" in rule else _roles(session, rule, on)
        if not meant:
            steps.append({"rule": dict(rule), "organisation": None, "candidates": []})
        for one in meant:
            asked = (str(one.get("role")), one.get("at"), organisation_id, on)
            if known is None or asked not in known:
                answer = _holders(session, one, organisation_id, on)
                if known is not None:
                    known[asked] = answer
            else:
                answer = known[asked]
            place, holders = answer
            step: dict[str, Any] = {
                "rule": dict(rule), "organisation": None, "candidates": [holder.named() for holder in holders]
            }
            if one is not rule:
                step["role"] = str(one["role"])
            steps.append(step)
            if place is not None:
                step["organisation"] = {"code": place[1], "name": place[2]}
                by_role.append((place[0], str(one["role"])))
            found |= {holder.id: holder for holder in holders}
    out = {somebody.id for somebody, _ in excluded}
    result = tuple(somebody for somebody in found.values() if somebody.id not in out)
    explanation = {
        "on": on.isoformat(),
        "steps": steps,
        "excluded": [somebody.named() | {"reason": reason} for somebody, reason in excluded],
        "result": [somebody.named() for somebody in result],
    }
    return Candidates(tuple(by_role), assigned, result, explanation, tuple(by_name))


def or_else(found: Candidates, instead: Candidates, why: str) -> Candidates:
    """Candidates by a rule that stands in for another by which nobody was found; who comes to fit the latter may take it too."""
    steps = [*found.explanation["steps"], *({**step, "instead": why} for step in instead.explanation["steps"])]
    explanation = {**found.explanation, "steps": steps, "result": instead.explanation["result"]}
    return Candidates(
        (*found.by_role, *instead.by_role), None, instead.people, explanation, (*found.by_name, *instead.by_name)
    )


def is_rule(value: Any) -> bool:
    """Whether a value says who may take a task."""
    return isinstance(value, Mapping) and not KINDS.isdisjoint(value)


def _roles(session: Session, rule: Mapping[str, Any], on: date) -> list[dict[str, Any]]:
    """The roles at organisations that a rule means which names an organisation: its head, the heads above it, its members."""
    if "members" in rule:
        code = str(rule["members"])
        held = session.execute(
            select(Membership.role).distinct()
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Organisation.code == code, held_on(on), Membership.role.not_in(APART))
            .order_by(Membership.role)
        ).scalars()
        return [{"role": role, "at": code} for role in held if role in ROLES]
    above = "heads above" in rule
    line = _line(session, str(rule["heads above"] if above else rule.get("head")))
    wanted = line[1:] if above else line[:1]
    heads = [{"role": HEADS[org_type], "at": code} for code, org_type in wanted if org_type in HEADS]
    return heads[: int(rule.get("levels") or 1)] if above else heads


def _line(session: Session, code: str) -> list[tuple[str, str]]:
    """(code, type) of an organisation and of those above it, from itself upwards."""
    own = select(Organisation.id, Organisation.parent_id, literal(0).label("depth")).where(Organisation.code == code)
    line = own.cte("line", recursive=True)
    above = aliased(Organisation)
    line = line.union_all(select(above.id, above.parent_id, line.c.depth + 1).where(above.id == line.c.parent_id))
    rows = session.execute(
        select(Organisation.code, Organisation.org_type).join(line, line.c.id == Organisation.id).order_by(line.c.depth)
    )
    return list(rows.tuples())


def _holders(
    session: Session, rule: Mapping[str, Any], organisation_id: int, on: date
) -> tuple[tuple[int, str, str] | None, list[Somebody]]:
    """The place that a rule means, (id, code, name), and who holds the role there on the day.

    A teaching-research institution and the like hang below the bureau of their level: what is not on the line up from
    the start is looked for beside the bureaus of that line, at their own level.
    """
    role = ROLES.get(str(rule.get("role")))
    if role is None:
        return None, []
    at = rule.get("at")
    level = at if at in LEVELS else None
    by_code = at is not None and level is None
    statement = _holding(by_code, role.org_type is not None, level is not None)
    given = {"start": str(at) if by_code else organisation_id, "role": role.key, "day": on}
    given |= {"org_type": role.org_type} if role.org_type is not None else {}
    given |= {"level": level} if level is not None else {}
    rows = session.connection().execute(statement, given).all()
    if not rows:
        return None, []
    place = (rows[0][0], rows[0][1], rows[0][2])
    return place, [
        Somebody(row[3], row[4], row[5], row[6] is not None)
        for row in rows
        if row[0] == place[0] and row[3] is not None
    ]


@cache
def _holding(by_code: bool, has_type: bool, has_level: bool) -> Select[Any]:
    """The statement of ``_holders``, built once for each of its forms."""
    start = Organisation.code == bindparam("start") if by_code else Organisation.id == bindparam("start")
    line = (
        select(Organisation.id, Organisation.parent_id, literal(0).label("depth"))
        .where(start)
        .cte("line", recursive=True)
    )
    above = aliased(Organisation)
    line = line.union_all(select(above.id, above.parent_id, line.c.depth + 1).where(above.id == line.c.parent_id))
    itself, bureau = aliased(Organisation), aliased(Organisation)
    fits = [Organisation.org_type == bindparam("org_type")] if has_type else []
    own = select(Organisation.id.label("id"), line.c.depth.label("depth"), literal(0).label("side")).join(
        line, line.c.id == Organisation.id
    ).where(*fits, *([Organisation.level == bindparam("level")] if has_level else []))
    beside = (
        select(Organisation.id, line.c.depth, literal(1))
        .join(bureau, bureau.id == Organisation.parent_id)
        .join(line, line.c.id == bureau.id)
        .where(bureau.org_type == "edu_bureau", Organisation.level == bureau.level, *fits,
               *([bureau.level == bindparam("level")] if has_level else []))
    )
    places = own.union_all(beside).subquery("places")
    return (
        select(itself.id, itself.code, itself.name, Person.id, Person.number, Person.name, Account.email_confirmed_at)
        .join(places, places.c.id == itself.id)
        .outerjoin(
            Membership,
            and_(Membership.organisation_id == itself.id, Membership.role == bindparam("role"),
                 held_on(bindparam("day", type_=Date))),
        )
        .outerjoin(Person, Person.id == Membership.person_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .order_by(places.c.side, places.c.depth, itself.id, Person.id)
    )


def holders(session: Session, role: str, organisation_id: int, on: date, *, at: str | None = None) -> list[int]:
    """Keys of the people whom the rule ``role(role, at)`` means for an organisation on a day."""
    return [one.id for one in find(session, [{"role": role, "at": at}], None, organisation_id, on, []).people]
