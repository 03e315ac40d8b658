"""What lies ahead of a case (办理预计): the usual way with who and by when, before it is submitted and while it runs.

A forecast promises nothing and changes nothing. It follows the drawing (``engine.forecast``), the periods of the policy pack and
today's register; what it assumed stands beside what it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, String, cast, func, select
from sqlalchemy.orm import Session, aliased

from workflows import candidates, deployment, engine, people, policies
from workflows.access import Viewer, office_day
from workflows.case import Case, house, numbered, with_columns
from workflows.case_file.path import STANDS
from workflows.engine.names import submitted, variables, written
from workflows.engine.rest import variables as variables_at_rest
from workflows.errors import CalendarUnknown, NotFound
from workflows.instances import where_begins
from workflows.manners import MAY_START, READERS, SEALED_UNTIL
from workflows.models import Instance, Subscription, Task, Timer
from workflows.people import ROLES, Somebody
from workflows.transitions import OWN_CASE, is_review


@dataclass(frozen=True)
class Who:
    """One rule of who may take a step, as today's register answers it."""

    #: Name of the role, a message id; empty for a person.
    role: str
    #: Name of the organisation, or of the person.
    name: str
    #: Names of the people who could take it today.
    people: tuple[str, ...]


@dataclass(frozen=True)
class Option:
    """A way that may be taken instead, and the step to which it leads."""

    words: str
    leads_to: str


@dataclass(frozen=True)
class Choice:
    """A place where the way divides: the question, what was assumed, and what else there is."""

    question: str
    taken: str
    #: It follows from what is known.
    sure: bool
    others: tuple[Option, ...]


@dataclass(frozen=True)
class Expected:
    """One step ahead."""

    step_id: str
    name: str
    #: ``task``, ``timer``, ``message``, ``signal``, ``condition`` or ``call``.
    kind: str
    #: Who could take it; empty where that cannot be told yet: then the lane says it.
    who: tuple[Who, ...]
    lane: str
    begins_at: datetime
    due_at: datetime | None
    #: The working days counted, in order.
    days: tuple[date, ...]
    #: A day of them lies in a year whose holidays are not announced.
    provisional: bool
    #: The drawing sets a time for it, if it cannot be counted yet.
    timed: bool
    #: Nobody knows how long what comes before takes: its days are counted from there, and its moments mean nothing.
    after_unknown: bool
    #: Nobody knows how long it takes itself.
    endless: bool
    choices: tuple[Choice, ...]
    exits: tuple[Option, ...]
    #: The case waits here now.
    stands: bool
    repeated: bool
    #: Name of the call activity inside which it lies.
    within: str

    @property
    def nobody(self) -> bool:
        """Whether a rule is known, and nobody holds the role today."""
        return bool(self.who) and not any(one.people for one in self.who)


@dataclass(frozen=True)
class Forecast:
    """The way ahead of one case."""

    rows: tuple[Expected, ...]
    #: Names of the ends, with the choices before the last of them.
    ends: tuple[str, ...]
    choices: tuple[Choice, ...]
    #: By when it ends if every step takes its whole period; empty when something on the way has no known length.
    end_at: datetime | None
    #: Where nobody knows how long it takes: names of steps.
    endless: tuple[str, ...]
    #: Until when can be told: the moment at which the first of those is reached.
    until: datetime | None
    #: Working days counted after it.
    days_after: int
    provisional: bool

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Names of the steps that take time which nobody has set."""
        return tuple(dict.fromkeys(row.name for row in self.rows if row.due_at is None and not row.endless))


# --- before it is submitted -----------------------------------------------------------------------------------------


def before(
    session: Session, viewer: Viewer, process_id: str, where: str, at: datetime, *,
    filled: Mapping[str, Any] | None = None, whole: bool = False,
) -> Forecast:
    """The way of a case that the person would start in a round, or for an office (``@organisation code``).

    ``filled`` is what they have filled in so far; ``whole`` says that nothing is missing, so that the rules are asked as
    they will be. Refuses as ``instances.start_form`` does.
    """
    begun = where_begins(session, viewer, process_id, where, at)
    case = begun.case(session, Somebody(viewer.person_id, viewer.number, viewer.name, False), "", at)
    name = submitted(case.loaded.diagram.start)
    asked = frozenset({name} - {""})
    if not filled:
        known = engine.Known({}, unknown=asked)
    else:
        known = engine.Known({name: dict(filled)}, partial=frozenset() if whole else asked)
    return _told(session, case, _walk(session, case, (), known, at), at, who=True)


# --- while it runs --------------------------------------------------------------------------------------------------


def ahead(session: Session, viewer: Viewer, number: str, at: datetime) -> Forecast | None:
    """The way ahead of a running case; nothing of one that does not run. Whether somebody may see it is asked before.

    An applicant's goes by what they have told themselves, everybody's without what is sealed or kept to some roles: no
    choice says what its reader may not read.
    """
    found = list(with_columns(session, _STANDING, [number]))
    if not found:
        raise NotFound()
    [(case, told)] = found
    if case.row is None or case.row.status != "running":
        return None
    stands = _stands(case, told)
    return _told(session, case, _walk(session, case, stands, _known(case, viewer), at), at, who=True)


def ends(session: Session, viewer: Viewer, numbers: Collection[str], at: datetime) -> dict[str, Forecast]:
    """The same of several cases for a list, without who: one statement."""
    if not numbers:
        return {}
    found: dict[str, Forecast] = {}
    for case, told in with_columns(session, _STANDING, numbers):
        if case.row is not None and case.row.status == "running":
            walked = _walk(session, case, _stands(case, told), _known(case, viewer), at)
            found[case.number] = _told(session, case, walked, at, who=False)
    return found


def _known(case: Case, viewer: Viewer) -> engine.Known:
    """What the case knows and the reader may know."""
    diagram = case.loaded.diagram
    told = variables_at_rest(case.row.state) if case.row is not None else {}
    if viewer.person_id == case.starter.id and MAY_START not in diagram.properties:
        hidden = variables(diagram) - {submitted(diagram.start)}
    else:
        closed = [step for step in diagram.steps.values() if {READERS, SEALED_UNTIL} & step.properties.keys()]
        hidden = frozenset(name for step in closed for name in written(step))
    return engine.Known({name: value for name, value in told.items() if name not in hidden}, unknown=frozenset(hidden))


#: Between a step and its moment, and between places.
_PART, _PLACE = "\x1f", "\x1e"


def _places(step: Any, due_at: Any, *where: ColumnElement[bool]) -> ScalarSelect[str]:
    """Places of one kind at which an instance waits, as one text: each a step and its moment."""
    line = step + _PART + (func.coalesce(cast(due_at, String), "") if due_at is not None else "")
    return select(func.aggregate_strings(line, _PLACE)).where(*where).correlate(Instance).scalar_subquery()


_called = aliased(Instance)
#: Cases with everything at which they wait: tasks, messages and signals, timers, called processes.
_STANDING = numbered(
    _places(Task.step_id, Task.due_at, Task.instance_id == Instance.id, Task.status == "open", Task.main_id.is_(None)),
    _places(Subscription.step_id, None, Subscription.instance_id == Instance.id, Subscription.ended_at.is_(None)),
    _places(Timer.step_id, Timer.due_at, Timer.instance_id == Instance.id, Timer.kind == "engine", Timer.fired_at.is_(None)),
    _places(_called.parent_step, None, _called.parent_id == Instance.id, _called.ended_at.is_(None)),
)


def _stands(case: Case, told: Sequence[str | None]) -> list[engine.Stand]:
    """Where a case stands: each step once, of many the one due last; what sits on a border does not count."""
    steps, latest = case.loaded.diagram.steps, dict[str, engine.Stand]()
    for place in (_PLACE.join(filter(None, told))).split(_PLACE):
        step_id, _, moment = place.partition(_PART)
        step = steps.get(step_id)
        if step is None or not (step.kind == "user" or step.kind in STANDS):
            continue
        due_at = _moment(moment)
        known = latest.get(step_id)
        if known is None or (due_at is not None and (known.due_at is None or due_at > known.due_at)):
            latest[step_id] = engine.Stand(step_id, due_at)
    order = list(steps)
    return sorted(latest.values(), key=lambda stand: order.index(stand.step_id))


def _moment(text: str) -> datetime | None:
    """A moment as a database spells it: SQLite without a zone, which is UTC."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


# --- the walk, and its words ----------------------------------------------------------------------------------------


def _walk(
    session: Session, case: Case, stands: Sequence[engine.Stand], known: engine.Known, at: datetime
) -> engine.Ahead:
    lent = house(session, case, at)
    kept: dict[datetime, Mapping[str, Any]] = {}

    def context(moment: datetime) -> Mapping[str, Any]:
        if moment not in kept:
            kept[moment] = {**lent.context, **policies.functions(case.pack, now=moment)}
        return kept[moment]

    def called(process_id: str) -> engine.Diagram | None:
        digest = case.calls.get(process_id)
        return deployment.definition(session, digest).diagram if digest is not None else None

    diagram = case.loaded.diagram
    rival = _behind_gateways(diagram)
    alone: dict[str, engine.Stand] = {}
    for stand in stands:
        alone.setdefault(rival.get(stand.step_id, stand.step_id), stand)
    return engine.forecast(diagram, list(alone.values()), known, engine.Lent(context, lent.decide, called), at)


def _behind_gateways(diagram: engine.Diagram) -> dict[str, str]:
    """Events of which only one will happen -> the gateway before them."""
    gateways = {step.id for step in diagram.steps.values() if step.kind == "event_gateway"}
    return {flow.target: flow.source for flow in diagram.flows if flow.source in gateways}


def _told(session: Session, case: Case, walked: engine.Ahead, at: datetime, *, who: bool) -> Forecast:
    """A walk in the words of a page; with ``who``, with the people whom today's register names."""
    diagrams = [case.loaded.diagram, *(
        deployment.definition(session, digest).diagram for digest in case.calls.values()
    )]
    names = {step.id: step.name or step.id for diagram in reversed(diagrams) for step in diagram.steps.values()}

    def choice(one: engine.Choice) -> Choice:
        return Choice(
            names.get(one.step_id, one.step_id), one.taken, one.sure,
            tuple(Option(other.words, names.get(other.leads_to, other.leads_to)) for other in one.others),
        )

    rows = []
    for stop in walked.stops:
        days, provisional = _counted(case, stop, at)
        rows.append(Expected(
            stop.step.id, names[stop.step.id], stop.kind, _who(session, case, stop, at) if who else (), stop.step.lane,
            stop.begins_at, stop.due_at, days, provisional,
            timed=stop.step.due is not None or stop.kind == "timer", after_unknown=bool(stop.after), endless=stop.endless,
            choices=tuple(map(choice, stop.choices)),
            exits=tuple(Option(one.words, names.get(one.leads_to, one.leads_to)) for one in stop.exits),
            stands=stop.stands, repeated=stop.repeated, within="·".join(names.get(one, one) for one in stop.within),
        ))  # fmt: skip
    unknown = next((row for row in rows if row.endless), None)
    end_names = tuple(dict.fromkeys(names.get(end, end) for end, _ in walked.ends))
    return Forecast(
        tuple(rows), end_names, tuple(map(choice, walked.ends[-1][1])) if walked.ends else (),
        None if walked.endless else walked.end_at, tuple(names.get(one, one) for one in walked.endless),
        _edge(unknown.begins_at) if unknown is not None else None,
        sum(len(row.days) for row in rows if row.after_unknown), any(row.provisional for row in rows),
    )  # fmt: skip


def _edge(at: datetime) -> datetime:
    """The end of a period, where a step begins in its last instant."""
    return at + engine.INSTANT if at.microsecond == 999_999 else at


def _counted(case: Case, stop: engine.Stop, at: datetime) -> tuple[tuple[date, ...], bool]:
    """The working days of a step's period, and whether a year of them is not announced."""
    if stop.due_at is None or stop.due_at <= stop.begins_at:
        return (), False
    calendar = case.pack.calendar
    try:
        days = policies.working_days_between(max(stop.begins_at, at), stop.due_at, calendar)
    except CalendarUnknown:
        return (), True
    return days, any(not calendar.announced(day.year) for day in days)


def _who(session: Session, case: Case, stop: engine.Stop, at: datetime) -> tuple[Who, ...]:
    """Whom today's register names for a step that is not open yet; the rule of an open one stands with its task."""
    if stop.stands or stop.kind != "task":
        return ()
    if isinstance(stop.assignee, str):
        if stop.assignee == case.starter.number:
            return (Who("", case.starter.name, (case.starter.name,)),)
        known = people.by_number(session, [stop.assignee])
        return tuple(Who("", one.name, (one.name,)) for one in known.values())
    rules = [rule for rule in stop.candidates or () if candidates.is_rule(rule)]
    found = candidates.find(
        session, rules, None, case.organisation.id, office_day(at), _excluded(case, stop.step), case.register.known
    )
    out = {one["number"] for one in found.explanation["excluded"]}
    return tuple(_named(step, out) for step in found.explanation["steps"])


def _excluded(case: Case, step: engine.Step) -> list[tuple[Somebody, str]]:
    runs_office = MAY_START in case.loaded.diagram.properties and not is_review(step)
    return [] if runs_office else [(case.starter, OWN_CASE)]


def _named(step: Mapping[str, Any], out: Collection[str]) -> Who:
    rule, place = step["rule"], step["organisation"]
    held = tuple(one["name"] for one in step["candidates"] if one["number"] not in out)
    if "person" in rule:
        return Who("", held[0] if held else str(rule["person"]), held)
    key = str(step.get("role") or rule.get("role") or "")
    return Who(ROLES[key].name if key in ROLES else key, place["name"] if place else "", held)
