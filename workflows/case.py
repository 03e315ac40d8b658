"""One instance as its verbs see it: the rows read together, and what FEEL may see of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from workflows import deployment, engine, people, policies
from workflows.audit import FIRST, instance_stream
from workflows.deployment import Loaded
from workflows.errors import NotFound
from workflows.models import Account, Instance, Organisation, PackSet, Person, Round, Stream, Task
from workflows.people import Somebody
from workflows.policies import Pack
from workflows.rulebook import Rulebook
from workflows.settings import OFFICE_ZONE


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


def load(
    session: Session, task_number: str | None = None, *, instance_id: int | None = None,
    among: ColumnElement[bool] | None = None,
) -> tuple[Case, Task | None]:
    """Read an instance by one of its tasks or by its key, in one statement; ``NotFound`` without one.

    ``among`` is a condition on the task, e.g. that the viewer may open it: who may not, finds none.
    """
    newest = select(PackSet.digest).order_by(PackSet.number.desc()).limit(1).scalar_subquery()
    query = (
        select(Instance, Organisation, Person, Account.email_confirmed_at, Round, Stream.seq, Stream.head_hash, newest, Task)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .join(Person, Person.id == Instance.starter_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .outerjoin(Round, Round.id == Instance.round_id)
        .join(Stream, Stream.name == "instance:" + Instance.number)
    )
    if task_number is not None:
        query = query.join(Task, Task.instance_id == Instance.id).where(Task.number == task_number)
        query = query if among is None else query.where(among)
    else:
        query = query.outerjoin(Task, Task.id == -1).where(Instance.id == instance_id)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound()
    row, organisation, starter, confirmed, round_row, seq, head, newest_set, task = found
    loaded = deployment.definition(session, row.definition)
    pack = deployment.pack_of(session, row.pack_set, newest_set, row.place, row.ruling_on)
    case = Case(
        row.number, row.title, loaded, row.pack_set, pack, deployment.rulebook(session, loaded, row.pack_set),
        row.ruling_on, organisation, Somebody(starter.id, starter.number, starter.name, confirmed is not None),
        round_row, row.started_at, (seq, head), row,
    )
    return case, task


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
        ruling_on, organisation, starter, round_row, at, (0, FIRST),
    )


def house(session: Session, case: Case, at: datetime) -> engine.House:
    """What the office lends to one run of the engine on this case at this moment."""
    bureaus: dict[str, str | None] = {}
    bind = session.get_bind()

    def bureau_of(code: str) -> str | None:
        if code not in bureaus:
            # Its own short session: a form's expressions are evaluated after the one that read the case has ended.
            with Session(bind) as own:
                bureaus[code] = people.bureau_of(own, code)
        return bureaus[code]

    def decide(decision: str, inputs: Mapping[str, Any]) -> Any:
        return case.rules.decide(decision, inputs, case.pack, at)

    context: dict[str, Any] = {
        "instance": _Lazy(case.as_facts(), {"bureau": lambda: bureau_of(case.organisation.code)}),
        "policy": case.pack,
        "role": role,
        "bureau of": bureau_of,
        **policies.functions(case.pack, now=at),
    }
    return engine.House(context=context, decide=decide, now=at)


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
