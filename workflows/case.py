"""One instance as its verbs see it: the rows read together, and what FEEL may see of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session

from workflows import candidates, deployment, engine, people, policies, traffic
from workflows.access import office_day
from workflows.audit import FIRST, instance_stream
from workflows.deployment import Loaded
from workflows.errors import N_, NotFound
from workflows.models import (
    Account,
    Instance,
    Organisation,
    PackSet,
    Part,
    Person,
    Round,
    Stream,
    Submission,
    Task,
)
from workflows.people import Register, Somebody
from workflows.policies import Pack
from workflows.registers import applications, staffing
from workflows.rulebook import Rulebook
from workflows.settings import OFFICE_ZONE

#: Status of an instance -> its words.
STATUSES: Mapping[str, str] = {
    "running": N_("办理中"), "suspended": N_("已暂停"), "completed": N_("已办结"), "cancelled": N_("已终止"),
    "withdrawn": N_("已撤回"), "failed": N_("出错结束"),
}  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """The call activity of another instance that started this one."""

    instance_id: int
    token: str
    step_id: str


@dataclass(frozen=True)
class Case:
    """An instance, new or stored, with everything that a step of it needs to know."""

    number: str
    title: str
    loaded: Loaded
    pack_set: str
    pack: Pack
    rules: Rulebook
    ruling_on: date
    organisation: Organisation
    starter: Somebody
    round: Round | None
    started_at: datetime
    #: (seq, hash) of its stream when it was read.
    head: tuple[int, str]
    #: The stored row; empty before the first write.
    row: Instance | None = None
    #: Process id -> digest of what its call activities start, fixed when it started.
    calls: Mapping[str, str] = field(default_factory=dict)
    #: What called it, if it was called.
    caller: Caller | None = None
    #: Title of the case that called it; its own unless its diagram gives one.
    called_for: str = ""
    #: Parts of its state that were read with it, by key.
    parts: Mapping[str, bytes] = field(default_factory=dict)
    #: What was looked up for cases before this one, and stands.
    register: Register = field(default_factory=Register)

    @property
    def stream(self) -> str:
        """Name of the instance's stream."""
        return instance_stream(self.number)

    def as_facts(self) -> dict[str, Any]:
        """What FEEL sees as ``instance``."""
        facts: dict[str, Any] = {
            "number": self.number,
            "started_at": shown(self.started_at),
            "starter": self.starter.number,
            "organisation": self.organisation.code,
            "organisation_name": self.organisation.name,
            "level": self.organisation.level,
            "place": self.pack.name,
            "facts": dict(self.row.facts) if self.row is not None else {},
            "round": None,
        }
        if self.round is not None:
            facts["round"] = {
                "number": self.round.number,
                "title": self.round.title,
                "post_type": self.round.post_type,
                "channel": self.round.channel,
                "posts": self.round.posts,
                "open_at": shown(self.round.open_at),
                "close_at": shown(self.round.close_at),
            }
        return facts


def shown(at: datetime) -> str:
    """A moment as data: ISO text in the office's zone."""
    return at.astimezone(OFFICE_ZONE).isoformat(timespec="seconds")


#: Digest of the pack set that new work starts on.
_NEWEST = select(PackSet.digest).order_by(PackSet.number.desc()).limit(1).scalar_subquery()
#: What ``_case`` is made of.
_WHOLE = (
    select(
        Instance, Organisation, Person.id, Person.number, Person.name, Account.email_confirmed_at, Round, Stream.seq,
        Stream.head_hash, _NEWEST, people.VERSION,
    )
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(Person, Person.id == Instance.starter_id)
    .outerjoin(Account, Account.person_id == Person.id)
    .outerjoin(Round, Round.id == Instance.round_id)
    .join(Stream, Stream.name == "instance:" + Instance.number)
)
#: How many values a row of it has: entities count once.
_COLUMNS = 11
_OF_INSTANCE = _WHOLE.where(Instance.id == bindparam("instance_id"))
_OF_INSTANCES = _WHOLE.where(Instance.id.in_(bindparam("instance_ids", expanding=True)))
#: What ``with_task`` is made of, by the number of the task. The engine keeps the members of a large repetition in parts of
#: their own, and asks for the one of its token.
OF_TASK = (
    _WHOLE.add_columns(Task, Part.key, Part.data)
    .join(Task, Task.instance_id == Instance.id)
    .outerjoin(Part, and_(Part.instance_id == Instance.id, Part.key == Task.token + ":"))
    .where(Task.number == bindparam("task_number"))
)


def load(
    session: Session, task_number: str | None = None, *, instance_id: int | None = None
) -> tuple[Case, Task | None]:
    """Read an instance by one of its tasks or by its key, in one statement; ``NotFound`` without one."""
    if task_number is not None:
        found = session.execute(OF_TASK, {"task_number": task_number}).one_or_none()
    else:
        found = session.execute(_OF_INSTANCE, {"instance_id": instance_id}).one_or_none()
    if found is None:
        raise NotFound()
    return with_task(session, *found) if task_number is not None else (_case(session, *found), None)


def load_many(session: Session, instance_ids: Collection[int]) -> dict[int, Case]:
    """Read instances by their keys, in one statement; those that there are."""
    found = session.execute(_OF_INSTANCES, {"instance_ids": list(instance_ids)})
    return {whole[0].id: _case(session, *whole) for whole in found}


def numbered(*beside: Any) -> Select[Any]:
    """The statement of ``with_columns``: cases by their numbers, with further columns of each."""
    return _WHOLE.add_columns(*beside).where(Instance.number.in_(bindparam("numbers", expanding=True)))


def with_columns(session: Session, statement: Select[Any], numbers: Collection[str]) -> Iterator[tuple[Case, Sequence[Any]]]:
    """Each case that a ``numbered`` statement finds, with the further columns."""
    for found in session.execute(statement, {"numbers": list(numbers)}):
        yield _case(session, *found[:_COLUMNS]), found[_COLUMNS:]


def with_task(session: Session, *row: Any) -> tuple[Case, Task]:
    """A case and one of its tasks, from the columns of ``OF_TASK``."""
    *whole, task, part, data = row
    case = _case(session, *whole)
    return (case if part is None else replace(case, parts={part: bytes(data)})), task


def _case(
    session: Session, row: Instance, organisation: Organisation, starter_id: int, starter_number: str, starter_name: str,
    confirmed: datetime | None, round_row: Round | None, seq: int, head: str, newest_set: str, register: int,
) -> Case:
    loaded = deployment.definition(session, row.definition)
    pack = deployment.pack_of(session, row.pack_set, newest_set, row.place, row.ruling_on)
    return Case(
        row.number, row.title, loaded, row.pack_set, pack, deployment.rulebook(session, loaded, row.pack_set),
        row.ruling_on, organisation, Somebody(starter_id, starter_number, starter_name, confirmed is not None),
        round_row, row.started_at, (seq, head), row, row.calls, caller_of(row),
        register=people.register(session, register),
    )


def caller_of(row: Instance) -> Caller | None:
    """What called a stored instance, if it was called."""
    if row.parent_id is None or row.parent_token is None:
        return None
    return Caller(row.parent_id, row.parent_token, row.parent_step or "")


def new(
    session: Session, loaded: Loaded, starter: Somebody, round_row: Round, *, number: str, at: datetime
) -> Case:
    """A case that is about to start in a round: it inherits the round's place, packs and ruling day."""
    organisation = session.get_one(Organisation, round_row.organisation_id)
    ruling_on = round_row.open_at.astimezone(OFFICE_ZONE).date()
    newest_set = deployment.newest_pack_set(session)
    pack = deployment.pack_of(session, round_row.pack_set, newest_set, round_row.place, ruling_on)
    return Case(
        number, "", loaded, round_row.pack_set, pack, deployment.rulebook(session, loaded, round_row.pack_set),
        ruling_on, organisation, starter, round_row, at, (0, FIRST), calls=deployment.pins(session, loaded),
    )


def called(session: Session, parent: Case, loaded: Loaded, caller: Caller, *, number: str, at: datetime) -> Case:
    """A case that a call activity of another is about to start: it inherits everything but the definition."""
    return replace(
        parent, number=number, title="", loaded=loaded, rules=deployment.rulebook(session, loaded, parent.pack_set),
        started_at=at, head=(0, FIRST), row=None, calls=deployment.pins(session, loaded, parent.calls), caller=caller,
        called_for=parent.title, parts={},
    )


def beside(session: Session, sender: Case, loaded: Loaded, *, number: str, at: datetime) -> Case:
    """A case of its own that a message or signal of another starts: it inherits starter, place, packs and ruling day.

    Not the round: whoever stands in one has one open case in it.
    """
    return replace(
        sender, number=number, title="", loaded=loaded, rules=deployment.rulebook(session, loaded, sender.pack_set),
        round=None, started_at=at, head=(0, FIRST), row=None, calls=deployment.pins(session, loaded), caller=None, parts={},
    )


def outside_rounds(
    session: Session, loaded: Loaded, starter: Somebody, organisation: Organisation, *, number: str, at: datetime
) -> Case:
    """A case that is about to start at an organisation, in no round: by the newest packs, ruled as of today."""
    ruling_on, pack_set = office_day(at), deployment.newest_pack_set(session)
    pack = deployment.pack_of(session, pack_set, pack_set, organisation.place, ruling_on)
    return Case(
        number, "", loaded, pack_set, pack, deployment.rulebook(session, loaded, pack_set), ruling_on, organisation,
        starter, None, at, (0, FIRST), calls=deployment.pins(session, loaded),
    )


# --- what the engine is lent ----------------------------------------------------------------------------------------


def house(session: Session, case: Case, at: datetime) -> engine.House:
    """What the office lends to one run of the engine on this case at this moment."""
    bureaus = case.register.bureaus
    bind = session.get_bind()

    def bureau_of(code: str) -> str | None:
        if code not in bureaus:
            # Both that anybody asks for at once. Its own short session: a form's expressions are evaluated after the
            # one that read the case has ended.
            asked = {code, case.organisation.code} - bureaus.keys()
            with Session(bind) as own:
                found = people.bureaus_of(own, asked)
            bureaus.update({one: found.get(one) for one in asked})
        return bureaus[code]

    def parts(prefix: str) -> Mapping[str, bytes]:
        if case.row is None:
            return {}
        if prefix in case.parts:
            return {prefix: case.parts[prefix]}
        with Session(bind) as own:
            return traffic.parts(own, case.row.id, prefix)

    def decide(decision: str, inputs: Mapping[str, Any]) -> Any:
        return case.rules.decide(decision, inputs, case.pack, at)

    context: dict[str, Any] = {
        "instance": _Lazy(case.as_facts(), {"bureau": lambda: bureau_of(case.organisation.code)}),
        "policy": case.pack,
        "role": role,
        "head of": lambda code: {"head": str(code)},
        "heads above": lambda code, levels=1: {"heads above": str(code), "levels": int(levels)},
        "members of": lambda code: {"members": str(code)},
        "bureau of": bureau_of,
        "somebody holds": lambda held, code: _asked(bind, lambda own: _held_by_somebody(own, case, held, code, at)),
        "people of": lambda numbers: _asked(bind, lambda own: people.cards_of(own, numbers, office_day(at))),
        "vacancies of": cache(lambda code: _asked(bind, lambda own: staffing.vacancies(own, str(code), office_day(at)))),
        "name of": lambda code: _asked(bind, lambda own: people.organisation_by_code(own, str(code)).name),
        "type of": lambda code: _asked(bind, lambda own: people.organisation_by_code(own, str(code)).org_type),
        # Once in a run: nothing that the run itself orders stands in them yet.
        "applications of": cache(lambda number: _asked(bind, lambda own: applications.of_round(own, str(number)))),
        "blind numbers of": cache(lambda number: _asked(bind, lambda own: applications.blind_numbers(own, str(number)))),
        "submissions": cache(lambda step: _asked(bind, lambda own: _papers(own, case, str(step)))),
        **policies.functions(case.pack, now=at),
    }
    return engine.House(context=context, decide=decide, now=at, parts=parts, called=case.caller is not None)


def _asked(bind: Any, ask: Callable[[Session], Any]) -> Any:
    """What a register says now, asked in a short session of its own."""
    with Session(bind) as own:
        return ask(own)


def _held_by_somebody(session: Session, case: Case, held: Any, code: Any, at: datetime) -> bool:
    """Whether somebody with an account could act in a role at an organisation: who cannot sign in is registered for (X1)."""
    found = candidates.find(
        session, [role(str(held), str(code))], None, case.organisation.id, office_day(at), [],
        case.register.known,
    )
    return bool(found.people)


def _papers(session: Session, case: Case, step: str) -> list[dict[str, Any]]:
    """The papers that were given at a step of the case so far: {by, by_name, at, data}, the oldest first."""
    if case.row is None:
        return []
    rows = session.execute(
        select(Submission, Person.number, Person.name)
        .join(Person, Person.id == Submission.by_id)
        .where(Submission.instance_id == case.row.id, Submission.step_id == step, Submission.form_id != deployment.OPINION)
        .order_by(Submission.id)
    )
    return [
        {"by": number, "by_name": name, "at": shown(paper.at), "data": {**paper.seen, **paper.data}}
        for paper, number, name in rows
    ]


def role(name: str, at: str | None = None) -> dict[str, Any]:
    """FEEL ``role(name)`` and ``role(name, level or organisation code)``: a rule; ``people`` finds who it means."""
    return {"role": name, "at": at}


class _Lazy(dict[str, Any]):
    """Facts of which some are only looked up when an expression reads them."""

    def __init__(self, facts: Mapping[str, Any], later: Mapping[str, Any]) -> None:
        super().__init__(facts)
        self._later = later

    def __missing__(self, key: str) -> Any:
        self[key] = value = self._later[key]()
        return value

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._later
