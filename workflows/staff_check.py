"""Can today's staff finish this? (人员核查): each step's rule against the register, and what the diagram keeps apart.

Checked before anybody waits: whoever does one step may not do another (``jiaoyan:separate-from``), nor two reviews one after
the other (domain.md 3.0.2). Where the people of an office are too few for that, the process stops there one day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import candidates, deployment, engine
from workflows.access import held_on, office_day
from workflows.case import Case, house, outside_rounds
from workflows.deployment import Loaded
from workflows.errors import N_
from workflows.manners import HOUSE_NAMES, MAY_START
from workflows.models import Instance, Membership, Organisation, Round
from workflows.people import Somebody, organisation_by_code
from workflows.transitions import is_review

#: What can be wrong -> its words.
KINDS: Mapping[str, str] = {
    "nobody": N_("没有人可以办理"),
    "few": N_("须由不同的人办理，人员不够"),
    "one": N_("只有一人可以办理：其本人申请、回避或不在岗时无人可办"),
}  # fmt: skip
#: Organisations that are looked at for one process at most.
_PLACES = 200


@dataclass(frozen=True)
class Finding:
    """One thing that would stop a process at a place."""

    #: A key of ``KINDS``.
    kind: str
    #: Ids and names of the steps.
    steps: tuple[tuple[str, str], ...]
    #: Names of everybody who could do one of them today.
    people: tuple[str, ...]

    @property
    def stops(self) -> bool:
        """Whether no case could be finished; else one may stop."""
        return self.kind != "one"


@dataclass(frozen=True)
class Checked:
    """What was found for one process at one organisation."""

    process_id: str
    process_name: str
    organisation_code: str
    organisation_name: str
    #: How many steps were checked.
    count: int
    #: Names of steps whose people depend on the case.
    depending: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def can_finish(self) -> bool:
        """Whether today's staff can finish a case there, as far as that can be told."""
        return not any(one.stops for one in self.findings)


# --- the puzzle, pure -----------------------------------------------------------------------------------------------


def conflict(people: Mapping[str, frozenset[int]], apart: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Steps that cannot all be done by people of whom none does two that are kept apart; a smallest such group, or nothing.

    ``people`` are those who may do each step, ``apart`` pairs of steps that one person may not both do.
    """
    pairs = [pair for pair in apart if len(pair) == 2 and pair <= people.keys()]
    if _solvable(people, pairs):
        return ()
    group = dict(people)
    for step in people:
        fewer = {one: who for one, who in group.items() if one != step}
        if not _solvable(fewer, pairs):
            group = fewer
    return tuple(group)


def _solvable(people: Mapping[str, frozenset[int]], pairs: Sequence[frozenset[str]]) -> bool:
    beside: dict[str, set[str]] = {step: set() for step in people}
    for one, other in (tuple(pair) for pair in pairs if pair <= people.keys()):
        beside[one].add(other)
        beside[other].add(one)
    left = dict(people)
    # Whoever has more to choose from than neighbours is done last, and always finds somebody.
    while easy := [step for step in left if len(left[step]) > len(beside[step] & left.keys())]:
        for step in easy:
            del left[step]
    return _placed(left, beside)


def _placed(left: Mapping[str, frozenset[int]], beside: Mapping[str, set[str]]) -> bool:
    """Try the step with the fewest people first; each choice takes that person from its neighbours."""
    if not left:
        return True
    step = min(left, key=lambda one: len(left[one]))
    rest = {one: who for one, who in left.items() if one != step}
    return any(
        _placed({one: who - {person} if one in beside[step] else who for one, who in rest.items()}, beside)
        for person in left[step]
    )


def declared_apart(diagram: engine.Diagram) -> set[frozenset[str]]:
    """Pairs of steps that one person may not both do in one case (``jiaoyan:separate-from``)."""
    pairs = {
        frozenset((step.id, other))
        for step in diagram.steps.values() for other in step.properties.get("jiaoyan:separate-from", "").split()
    }
    return {pair for pair in pairs if len(pair) == 2}


def reviews_in_turn(diagram: engine.Diagram) -> set[frozenset[str]]:
    """Pairs of reviews of which one can follow the other with no third between them: not by one person.

    Only where they do: with a third between them one person may do both, so that these pairs do not hold all at once.
    """
    found = set[frozenset[str]]()
    following: dict[str, set[str]] = {}
    for flow in diagram.flows:
        following.setdefault(flow.source, set()).add(flow.target)
    for step in diagram.steps.values():
        if step.attached_to:
            following.setdefault(step.attached_to, set()).add(step.id)
        if step.scope and step.kind == "start":
            following.setdefault(step.scope, set()).add(step.id)
        if step.scope and step.kind == "end":
            following.setdefault(step.id, set()).update(
                flow.target for flow in diagram.flows if flow.source == step.scope
            )
    reviews = {step.id for step in diagram.steps.values() if is_review(step)}
    for review in reviews:
        seen, ahead = {review}, list(following.get(review, ()))
        while ahead:
            step_id = ahead.pop()
            if step_id in seen:
                continue
            seen.add(step_id)
            if step_id in reviews:
                found.add(frozenset((review, step_id)))
            else:
                ahead += following.get(step_id, ())
    return found


# --- asked of the register ------------------------------------------------------------------------------------------


def check(session: Session, process_id: str, at: datetime, *, organisation: str = "") -> list[Checked]:
    """What today's staff can finish: one answer for each organisation that runs the process, by its newest version.

    With an organisation's code only for that one. ``NotFound`` for a process or an organisation that there is not.
    """
    loaded = deployment.definition(session, deployment.newest(session, process_id))
    places = [organisation_by_code(session, organisation)] if organisation else _places(session, loaded, at)
    return [_at(session, loaded, place, at) for place in places]


def every(session: Session, at: datetime) -> list[Checked]:
    """The same for every process that is deployed."""
    return [one for loaded in deployment.current(session) for one in check(session, loaded.process_id, at)]


def _places(session: Session, loaded: Loaded, at: datetime) -> list[Organisation]:
    """Where the process runs: where somebody may start it, else where it has run, else where there was a round."""
    roles = loaded.diagram.properties.get(MAY_START, "").split()
    if roles:
        where = Organisation.id.in_(select(Membership.organisation_id).where(Membership.role.in_(roles), held_on(office_day(at))))
    else:
        run = select(Instance.organisation_id).where(Instance.process_id == loaded.process_id).distinct()
        where = Organisation.id.in_(run.union(select(Round.organisation_id)))
    query = select(Organisation).where(where).order_by(Organisation.code).limit(_PLACES)
    return list(session.execute(query).scalars())


def _at(session: Session, loaded: Loaded, place: Organisation, at: datetime) -> Checked:
    nobody = Somebody(0, "", "", False)
    case = outside_rounds(session, loaded, nobody, place, number="", at=at)
    known: dict[str, dict[int, str]] = {}
    depending: list[str] = []
    for step in loaded.diagram.steps.values():
        if step.kind != "user":
            continue
        rules = _rules(session, case, step, at)
        if rules is None:
            depending.append(step.name)
            continue
        found = candidates.find(session, rules, None, place.id, office_day(at), [], case.register.known)
        known[step.id] = {one.id: one.name for one in found.people}
    return Checked(
        loaded.process_id, loaded.name, place.code, place.name, len(known), tuple(depending),
        tuple(_findings(loaded.diagram, known)),
    )


def _rules(session: Session, case: Case, step: engine.Step, at: datetime) -> list[Mapping[str, object]] | None:
    """Rules that can be told without a case; nothing where they read what a case says, or name one person."""
    rules: list[Mapping[str, object]] = []
    if step.assignee is not None or step.candidate_users is not None or step.candidate_groups is None:
        return None
    given, problems = step.candidate_groups, list[str]()
    compiled = getattr(given, "compiled", None)
    if compiled is not None and not set(compiled.names) <= set(HOUSE_NAMES) - {"task", "submissions"}:
        return None
    value = given.value(house(session, case, at).context, at, problems)
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    for one in value if isinstance(value, list) else [value]:
        rule = {"role": one} if isinstance(one, str) else one
        if not candidates.is_rule(rule):
            return None
        rules.append(rule)
    return rules


def _conflicts(diagram: engine.Diagram, staffed: Mapping[str, frozenset[int]]) -> list[tuple[str, ...]]:
    """Groups of steps that need more people than there are, each told once."""
    declared, left = declared_apart(diagram), dict(staffed)
    found: list[tuple[str, ...]] = []
    while group := conflict(left, declared):
        found.append(group)
        del left[group[0]]
    for pair in sorted(reviews_in_turn(diagram), key=sorted):
        group = conflict(left, declared | {pair})
        if group and not any(set(group) == set(known) for known in found):
            found.append(group)
    return found


def _findings(diagram: engine.Diagram, known: Mapping[str, Mapping[int, str]]) -> Iterable[Finding]:
    def named(steps: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((step, diagram.steps[step].name) for step in steps)

    vacant = [step for step, who in known.items() if not who]
    for step in vacant:
        yield Finding("nobody", named([step]), ())
    staffed = {step: frozenset(who) for step, who in known.items() if who}
    for group in _conflicts(diagram, staffed):
        people = {person: known[step][person] for step in group for person in known[step]}
        yield Finding("few", named(group), tuple(people.values()))
    for step, who in staffed.items():
        if len(who) == 1:
            yield Finding("one", named([step]), tuple(known[step].values()))

