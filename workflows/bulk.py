"""Bulk start (批量发起): one process for everybody who holds a role in a place, as a job in chunks, each person once.

A chunk's numbers are taken together with the note of whom they are for; its cases are written together with the note that
they are. A worker that dies in between is followed by one that uses the same numbers for the same people. Only a job that
is stopped, and a person whose case cannot be started, leave the numbers unused that were taken for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from workflows import deliveries, deployment, engine, jobs, numbering, people
from workflows.access import Viewer, held_on, office_day
from workflows.audit import Actor, ActorKind, Kind
from workflows.case import Case, house, outside_rounds
from workflows.db import PASSING, Database
from workflows.engine.rows import pack, unpack
from workflows.errors import N_, FormNeeded, NobodySelected, NotFound
from workflows.jobs import JobStopped, JobTaken, Running
from workflows.models import Instance, Membership, Organisation
from workflows.people import ROLES, Known
from workflows.transitions import Transition, write_many

_log = structlog.get_logger("jiaoyan.bulk")

#: The kind of its job.
BULK_START = "bulk_start"
#: People whose cases are prepared together and written in one transaction.
CHUNK = 250
STARTING = N_("正在发起")
STARTED = N_("已发起 %(started)s 件")
SOME_FAILED = N_("已发起 %(started)s 件；%(failed)s 人未能发起：%(people)s")
#: So many of those who failed are named in the job's sentence.
_NAMED = 20


@dataclass(frozen=True)
class Selection:
    """A process, and the people it is started for: who holds a role at an organisation or below it today."""

    process_id: str
    role: str
    #: Organisation code.
    organisation: str


@dataclass(frozen=True)
class Preview:
    """What a bulk start would do."""

    process: str
    version: int
    organisation: str
    role: str
    #: How many get a case.
    people: int
    #: How many are left out, because a case of this process is open for them.
    left_out: int


def startable(session: Session) -> list[tuple[str, str]]:
    """(process id, name) of the processes that ask for no form when they start, by name."""
    newest: dict[str, deployment.Loaded] = {}
    for view in deployment.definitions(session):
        newest.setdefault(view.process_id, deployment.definition(session, view.digest))
    return sorted(
        ((one.process_id, one.name) for one in newest.values() if not one.diagram.start.form_id), key=lambda pair: pair[1]
    )


def preview(session: Session, selection: Selection, *, variables: Mapping[str, Any] | None = None, at: datetime) -> Preview:
    """Whom a bulk start would reach now; ``NotFound``, and ``FormNeeded`` for a process that only its applicant starts."""
    loaded = deployment.definition(session, deployment.newest(session, selection.process_id))
    form = loaded.diagram.start.form_id
    if form and form.rpartition(".")[2] not in (variables or {}):
        raise FormNeeded(process=loaded.name)
    if selection.role not in ROLES:
        raise NotFound()
    organisation = people.organisation_by_code(session, selection.organisation)
    day = office_day(at)
    everybody, wanted = (
        session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        for query in (_selected(selection, day, among_all=True), _selected(selection, day))
    )
    return Preview(loaded.name, loaded.version, organisation.name, ROLES[selection.role].name, wanted, everybody - wanted)


def request(
    db: Database, by: Viewer | Actor, selection: Selection, *, variables: Mapping[str, Any] | None = None, at: datetime,
    key: str | None = None,
) -> str:
    """Put a bulk start on the list of jobs; returns the job's number. The same ``key`` is one job however often sent.

    ``variables`` are plain; every case starts with them. Raises what ``preview`` raises, and ``NobodySelected``.
    """
    with db.read() as session:
        found = preview(session, selection, variables=variables, at=at)
        definition = deployment.newest(session, selection.process_id)
    if not found.people:
        raise NobodySelected()
    actor = people.administrator(by) if isinstance(by, Viewer) else by
    params = {
        **asdict(selection), "definition": definition, "on": office_day(at).isoformat(),
        "variables": pack(dict(variables or {})), "by": {**asdict(actor), "kind": actor.kind.name},
    }
    return jobs.enqueue(
        db, BULK_START, params, at=at, key=None if key is None else f"{BULK_START}:{key}",
        by_id=by.person_id if isinstance(by, Viewer) else None, by=actor,
        payload={**asdict(selection), "definition": definition, "people": found.people},
    )


def _selected(selection: Selection, on: date, *, among_all: bool = False) -> Select[tuple[int, int]]:
    """(person id, organisation id) of those selected, by person; who holds the role twice counts where it began first."""
    below = select(Organisation.id).where(Organisation.code == selection.organisation).cte("below", recursive=True)
    child = aliased(Organisation)
    below = below.union_all(select(child.id).where(child.parent_id == below.c.id))
    first = (
        select(func.min(Membership.id).label("id"))
        .where(Membership.role == selection.role, held_on(on), Membership.organisation_id.in_(select(below.c.id)))
        .group_by(Membership.person_id)
        .subquery()
    )
    query = select(Membership.person_id, Membership.organisation_id).join(first, first.c.id == Membership.id)
    if not among_all:
        query = query.where(~_has_open_case(selection.process_id).where(Instance.starter_id == Membership.person_id))
    return query.order_by(Membership.person_id)


def _has_open_case(process_id: str) -> Any:
    return exists().where(
        Instance.process_id == process_id, Instance.ended_at.is_(None), Instance.parent_id.is_(None)
    )


# --- the job --------------------------------------------------------------------------------------------------------

#: [person id, organisation id, number]
Entry = list[Any]


def run(running: Running) -> None:
    """Start what is not started yet; a run that was interrupted goes on where it stopped."""
    _Bulk(running).run()


class _Bulk:
    def __init__(self, running: Running) -> None:
        params = running.params
        self.running, self.db = running, running.db
        self.selection = Selection(params["process_id"], params["role"], params["organisation"])
        self.on = date.fromisoformat(params["on"])
        self.actor = Actor(**{**params["by"], "kind": ActorKind[params["by"]["kind"]]})
        self.variables = unpack(params["variables"])

    def run(self) -> None:
        if "everybody" not in self.cursor:
            with self.db.read() as session:
                query = _selected(self.selection, self.on).subquery()
                total = session.execute(select(func.count()).select_from(query)).scalar_one()
            self.running.progress(0, total, STARTING, everybody=total, after=0, chunk=[], through=0, started=0, failed=[])
        while chunk := self.cursor["chunk"] or self._reserved():
            self._start(chunk)
        self._finish()

    @property
    def cursor(self) -> dict[str, Any]:
        return self.running.cursor

    def _mark(self, session: Session, **cursor: Any) -> None:
        through = cursor.get("through", self.cursor["through"])
        self.running.mark(session, through, max(through, self.cursor["everybody"]), STARTING, **cursor)

    def _reserved(self) -> list[Entry]:
        """The next people and the numbers of their cases, noted together; nobody when all are through."""
        at = self.running.now()
        with self.db.write() as session:
            self._mark(session)
            query = _selected(self.selection, self.on).where(Membership.person_id > self.cursor["after"]).limit(CHUNK)
            found = session.execute(query).tuples().all()
            if not found:
                return []
            asked = select(Organisation).where(Organisation.id.in_({place for _, place in found}))
            places = {one.id: one for one in session.execute(asked).scalars()}
            loaded = deployment.definition(session, self.running.params["definition"])
            numbers = numbering.take_many(session, loaded, [places[org] for _, org in found], at)
            chunk = [[person, org, number] for (person, org), number in zip(found, numbers, strict=True)]
            noted = {"chunk": chunk, "after": found[-1][0]}
            self._mark(session, **noted)
        self.cursor.update(noted)
        return chunk

    def _start(self, chunk: Sequence[Entry]) -> None:
        """Start the cases of a chunk, in one transaction if nothing fails, else one by one."""
        at = self.running.now()
        prepared, failed = self._prepared(chunk, at)
        numbers = {transition.case.number for transition in prepared}
        rest = [entry for entry in chunk if entry[2] in numbers]
        if len(rest) < len(chunk):  # somebody got a case elsewhere meanwhile, or cannot get one
            self._note(rest, failed, len(chunk) - len(rest))
        try:
            self._write(prepared, [], at)
        except (JobStopped, JobTaken, *PASSING):
            raise
        except Exception as error:  # one of them spoils all: each alone, and only that one fails
            _log.warning("many starts failed together", count=len(prepared), error=f"{type(error).__name__}: {error}")
            while prepared:
                transition, *prepared = prepared
                left = [entry for entry in self.cursor["chunk"] if entry[2] != transition.case.number]
                try:
                    self._write([transition], left, at)
                except (JobStopped, JobTaken, *PASSING):
                    raise
                except Exception as broken:
                    self._note(left, [[transition.case.starter.number, type(broken).__name__]], 1)

    def _prepared(self, chunk: Sequence[Entry], at: datetime) -> tuple[list[Transition], list[list[str]]]:
        prepared, failed, known = list[Transition](), list[list[str]](), Known()
        with self.db.read() as session:
            loaded = deployment.definition(session, self.running.params["definition"])
            starters = people.somebodies(session, [person for person, _, _ in chunk])
            open_case = select(Instance.starter_id).where(
                Instance.starter_id.in_(starters), Instance.process_id == self.selection.process_id,
                Instance.ended_at.is_(None), Instance.parent_id.is_(None),
            )
            busy = set(session.execute(open_case).scalars())
            asked = select(Organisation).where(Organisation.id.in_({org_id for _, org_id, _ in chunk}))
            organisations = {one.id: one for one in session.execute(asked).scalars()}
            at_place: dict[str, Case] = {}
            for person_id, org_id, number in chunk:
                starter = starters[person_id]
                if person_id in busy:
                    continue
                organisation = organisations[org_id]
                if organisation.place not in at_place:
                    like = outside_rounds(session, loaded, starter, organisation, number=number, at=at)
                    at_place[organisation.place] = like
                case = replace(at_place[organisation.place], number=number, starter=starter, organisation=organisation)
                try:
                    prepared.append(self._beginning(session, case, at, known))
                except PASSING:
                    raise
                except Exception as error:  # this person's case cannot be started; the others' can
                    failed.append([starter.number, type(error).__name__])
        return prepared, failed

    def _beginning(self, session: Session, case: Case, at: datetime, known: Known) -> Transition:
        progress = engine.start(case.loaded.diagram, self.variables, house(session, case, at))
        transition = Transition(
            case, progress, Kind.INSTANCE_STARTED, self.actor, at, case.loaded.diagram.start,
            extra={"job": self.running.number}, known=known,
        )
        transition.prepare(session)
        return transition

    def _write(self, transitions: Sequence[Transition], left: list[Entry], at: datetime) -> None:
        if not transitions:
            return
        noted = {
            "chunk": left, "through": self.cursor["through"] + len(transitions),
            "started": self.cursor["started"] + len(transitions),
        }  # fmt: skip

        def take(session: Session, mine: Sequence[Transition]) -> Sequence[Transition]:
            self._mark(session, **noted)
            return mine

        done = write_many(self.db, transitions, take)
        self.cursor.update(noted)
        deliveries.settle(self.db, [delivery for one in done for delivery in one.caused], at=at)

    def _note(self, left: list[Entry], failed: list[list[str]], through: int) -> None:
        """Note people who get no case: ``failed`` names those who should have."""
        noted = {
            "chunk": left, "through": self.cursor["through"] + through, "failed": [*self.cursor["failed"], *failed],
        }  # fmt: skip
        with self.db.write() as session:
            self._mark(session, **noted)
        self.cursor.update(noted)

    def _finish(self) -> None:
        failed, through = self.cursor["failed"], self.cursor["through"]
        said: dict[str, Any] = {"started": self.cursor["started"]}
        if failed:
            named = ", ".join(f"{number} ({cause})" for number, cause in failed[:_NAMED])
            said |= {"failed": len(failed), "people": named + (" …" if len(failed) > _NAMED else "")}
        self.running.progress(through, through, SOME_FAILED if failed else STARTED, said)

