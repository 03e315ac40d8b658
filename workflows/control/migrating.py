"""Cases taken to another version of their definition (改按新版流程办理), by a plan, after a dry run that says what would change.

Every open step keeps its place, its task and its draft; what the new diagram says of it otherwise (name, form, people,
period) is taken over. A case that cannot keep every place does not move, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from workflows import deployment, engine
from workflows.access import Viewer
from workflows.audit import Actor, ActorKind, Kind
from workflows.case import Case, house, load
from workflows.control.authority import By, actor_of, by_number, refused
from workflows.db import PASSING, Database
from workflows.deliveries import carry_out
from workflows.deployment import Loaded
from workflows.engine.errors import MigrationRefused
from workflows.errors import N_, InstanceMoved, NotFound, Refusal
from workflows.models import Candidate, Definition, Delivery, Instance, Subscription, Task, Timer
from workflows.transitions import Opening, Transition

#: The kind of the job that takes many.
MIGRATION = "migrate_instances"
MOVING = N_("正在迁移")
MOVED = N_("已迁移 %(moved)s 件")
SOME_STAYED = N_("已迁移 %(moved)s 件；%(stayed)s 件未能迁移：%(cases)s")
#: What differs of an open step -> its words.
DIFFERS: Mapping[str, str] = {
    "name": N_("名称"), "form_id": N_("表单"), "candidate_groups": N_("办理人"), "candidate_users": N_("办理人"),
    "assignee": N_("办理人"), "due": N_("办理期限"), "follow_up": N_("提醒时间"), "priority": N_("紧急程度"),
    "event": N_("等待的时限或消息"), "called": N_("调用的流程"),
}  # fmt: skip
_WHO = frozenset({"candidate_groups", "candidate_users", "assignee"})
#: So many of the cases that stayed are named in the job's sentence.
_NAMED = 20


@dataclass(frozen=True)
class Change:
    """One open step, and what would be otherwise."""

    was: str
    becomes: str
    #: Words of ``DIFFERS``, message ids.
    differs: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """What a migration would do to one case."""

    number: str
    #: Its version now.
    version: int
    changes: tuple[Change, ...] = ()
    #: Names of events that it would wait for in addition, and no longer.
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    #: Why it cannot move: (step id, reason); empty when it can.
    problems: tuple[tuple[str, str], ...] = ()


def movable(session: Session, process_id: str, target: str) -> list[str]:
    """Numbers of the cases of a process that have not ended and run on another version than ``target``, oldest first."""
    return list(session.execute(
        select(Instance.number)
        .where(Instance.process_id == process_id, Instance.ended_at.is_(None), Instance.definition != target)
        .order_by(Instance.id)
    ).scalars())


def plan(
    session: Session, by: By, numbers: Iterable[str], target: str, mapping: Mapping[str, str], *, at: datetime
) -> list[Planned]:
    """The dry run: what would change in each case, or why it cannot move. Nothing is written.

    ``target`` is a definition's digest, ``mapping`` old step id -> new one; what it does not name stays as it is.
    """
    loaded = deployment.definition(session, target)
    return [_planned(session, by, number, loaded, mapping, at) for number in numbers]


def _planned(
    session: Session, by: By, number: str, loaded: Loaded, mapping: Mapping[str, str], at: datetime
) -> Planned:
    instance = by_number(session, number)
    actor_of(session, by, instance, "migrate", at)
    case, _ = load(session, instance_id=instance.id)
    old = case.loaded.diagram
    try:
        moved = _migration(session, case, loaded, mapping, at)
    except MigrationRefused as refusal:
        why = tuple((one.element, one.reason) for one in refusal.problems)
        return Planned(number, case.loaded.version, problems=why)
    except Refusal as refusal:
        return Planned(number, case.loaded.version, problems=(("", str(refusal)),))
    new, progress = loaded.diagram, moved.progress
    waits = dict(session.execute(
        select(Timer.token, Timer.step_id).where(Timer.instance_id == instance.id).union(
            select(Subscription.token, Subscription.step_id).where(Subscription.instance_id == instance.id)
        )
    ).tuples().all())
    return Planned(
        number, case.loaded.version,
        tuple(
            Change(_name(old, one.was), _name(new, one.step_id), tuple(dict.fromkeys(DIFFERS[key] for key in one.differs)))
            for one in moved.moved if one.differs or one.was != one.step_id
        ),
        (*(_name(new, one.step_id) for one in progress.timers), *(_name(new, one.step_id) for one in progress.subscriptions)),
        tuple(_name(old, waits.get(token, token)) for token in (*progress.timers_closed, *progress.subscriptions_closed)),
    )  # fmt: skip


def _name(diagram: engine.Diagram, step_id: str) -> str:
    step = diagram.steps.get(step_id)
    return step.name or step.id if step is not None else step_id


def _migration(
    session: Session, case: Case, loaded: Loaded, mapping: Mapping[str, str], at: datetime
) -> engine.Migration:
    if case.row is None:
        raise NotFound()
    if case.row.status != "running":
        raise refused(case.row, ("running",))
    lent = house(session, replace(case, loaded=loaded, rules=deployment.rulebook(session, loaded, case.pack_set)), at)
    return engine.migrate(case.loaded.diagram, case.row.state, loaded.diagram, mapping, lent)


def migrate(
    db: Database, by: By, number: str, target: str, mapping: Mapping[str, str], *, at: datetime,
    also: Callable[[Session], None] = lambda _: None,
) -> None:
    """Take one case to another version of its definition. One transaction, one event; ``also`` writes in the same one.

    Raises ``MigrationRefused`` with every reason, ``InstanceSuspended``, ``InstanceEnded``, ``InstanceMoved``,
    ``NotFound``, and what ``authority.actor_of`` raises.
    """
    with db.read() as session:
        instance = by_number(session, number)
        actor = actor_of(session, by, instance, "migrate", at)
        loaded = deployment.definition(session, target)
        case, _ = load(session, instance_id=instance.id)
        if case.row is None or case.loaded.digest == target:
            raise NotFound()
        moved = _migration(session, case, loaded, mapping, at)
        there = replace(case, loaded=loaded, rules=deployment.rulebook(session, loaded, case.pack_set))
        before = _snapshots(session, case, there, mapping, at)
        transition = Transition(
            there, moved.progress, Kind.INSTANCE_MIGRATED, actor, at, loaded.diagram.start,
            columns={"definition": target, "calls": deployment.pins(session, loaded, case.calls)},
            extra={"step": None, "from": case.loaded.digest, "mapping": dict(mapping), "moved": [
                {"token": one.token, "row": one.row, "was": one.was, "step": one.step_id, "differs": list(one.differs)}
                for one in moved.moved
            ]},
        )  # fmt: skip
        transition.prepare(session)
        openings = {one.token: transition.opening(session, one.task) for one in moved.moved if one.task is not None}

        def claim(session: Session) -> None:
            _carry(session, instance.id, moved, openings, before, at)
            also(session)

        transition.claim = claim
    carry_out(db, transition)


def _snapshots(
    session: Session, case: Case, there: Case, mapping: Mapping[str, str], at: datetime
) -> dict[int, bytes | None]:
    """The states in which tasks were done, on the new version: a case can be taken back to those that fit there."""
    found: dict[int, bytes | None] = {}
    lent = house(session, there, at)
    done = select(Task.id, Task.before).where(Task.instance_id == (case.row.id if case.row else 0), Task.before.is_not(None))
    for task_id, state in session.execute(done).tuples():
        try:
            moved = engine.migrate(case.loaded.diagram, state or b"", there.loaded.diagram, mapping, lent)
            found[task_id] = moved.progress.state
        except Refusal:
            found[task_id] = None
    return found


def _carry(
    session: Session, instance_id: int, moved: engine.Migration, openings: Mapping[str, Opening],
    before: Mapping[int, bytes | None], at: datetime,
) -> None:
    """Write down, on the rows of what goes on waiting, what the new version says of it."""
    for one in moved.moved:
        if one.row == "timer":
            session.execute(_of(Timer, instance_id, one.token).values(step_id=one.step_id))
        elif one.row == "subscription":
            session.execute(_of(Subscription, instance_id, one.token).values(step_id=one.step_id))
        elif one.row == "call":
            session.execute(
                update(Delivery).where(Delivery.from_instance_id == instance_id, Delivery.token == one.token)
                .values(step_id=one.step_id)
            )
        else:
            _carry_task(session, instance_id, one, openings.get(one.token), at)
    for task_id, state in before.items():
        session.execute(update(Task).where(Task.id == task_id).values(before=state))


def _of(model: Any, instance_id: int, token: str) -> Any:
    return update(model).where(model.instance_id == instance_id, model.token == token)


#: What an explanation says of how a task came to its holder, and of whom the holder has asked to work on it.
_HANDED = ("claimed", "transferred", "delegated", "delegations", "signers", "sent_back", "taken_back", "again", "undone")
#: What it says besides of what was done for the task: that stays, whoever has it.
_KEPT = ("delegations", "signers", "again", "undone")


def _carry_task(
    session: Session, instance_id: int, one: engine.Moved, opening: Opening | None, at: datetime
) -> None:
    task = session.execute(select(Task).where(Task.instance_id == instance_id, Task.token == one.token)).scalar_one()
    task.step_id = one.step_id
    session.execute(update(Timer).where(Timer.task_id == task.id, Timer.fired_at.is_(None)).values(step_id=one.step_id))
    if opening is None:
        return
    opened = opening.opened
    task.name, task.form_id, task.priority = opening.step.name, opened.form_id or None, opened.priority
    session.execute(update(Task).where(Task.main_id == task.id).values(step_id=task.step_id, name=task.name))
    if _WHO & set(one.differs):
        result = {somebody.id for somebody in opening.candidates.people}
        assigned = opening.candidates.assigned
        was, holder_id = task.explanation, task.holder_id
        task.holder_id = assigned.id if assigned else holder_id if holder_id in result else None
        kept = _HANDED if task.holder_id == holder_id and holder_id is not None else _KEPT
        explanation = {**opening.candidates.explanation, **{key: was[key] for key in kept if key in was}}
        if "delegated" in was and "delegated" not in explanation:
            over = {**was["delegated"], "ended_at": at.isoformat(), "how": "migrated", "note": ""}
            explanation["delegations"] = [*was.get("delegations", ()), over]
            task.delegate_id = None
        task.explanation = explanation
        session.execute(delete(Candidate).where(Candidate.task_id == task.id))
        rows = [{"task_id": task.id, "organisation_id": place, "role": role} for place, role in opening.candidates.by_role]
        if rows:
            session.execute(insert(Candidate), rows)
    if "due" in one.differs:
        task.due_at, task.due_days, task.due_provisional = opened.due_at, list(opening.days), opened.provisional
        session.execute(
            update(Timer).where(Timer.task_id == task.id, Timer.fired_at.is_(None)).values(fired_at=at, result="cancelled")
        )
        known = set(session.execute(select(Timer.kind, Timer.due_at).where(Timer.task_id == task.id)).tuples().all())
        wanted = [("reminder", moment) for moment in opening.reminders]
        wanted += [("overdue", opened.due_at)] if opened.due_at is not None else []
        rows = [
            {"instance_id": instance_id, "task_id": task.id, "token": task.token, "step_id": one.step_id, "kind": kind,
             "due_at": moment, "due_days": None, "due_provisional": False}
            for kind, moment in wanted if (kind, moment) not in known
        ]
        if rows:
            session.execute(insert(Timer), rows)
    session.flush()


# --- many -----------------------------------------------------------------------------------------------------------


def request_of(by: By, process_id: str, target: str, mapping: Mapping[str, str]) -> dict[str, Any]:
    """Params of the job that takes every case of a process to a version."""
    actor = by.actor(ActorKind.ADMINISTRATOR, role="system_admin") if isinstance(by, Viewer) else by
    return {"process": process_id, "target": target, "mapping": dict(mapping), "by": {**asdict(actor), "kind": actor.kind.name}}


def migrate_all(
    db: Database, params: Mapping[str, Any], cursor: Mapping[str, Any], mark: Callable[..., None],
    now: Callable[[], datetime],
) -> None:
    """Take every case of a process that can move, each in a transaction of its own; says which stayed and how far it is.

    ``mark(session, done, total, message, said, **cursor)`` notes that in the same transaction: begun again after a crash
    it goes on where it was, and a case that has moved is counted once.
    """
    actor = Actor(**{**params["by"], "kind": ActorKind[params["by"]["kind"]]})
    moved, stayed = int(cursor.get("moved", 0)), dict(cursor.get("stayed", {}))
    with db.read() as session:
        numbers = [number for number in movable(session, params["process"], params["target"]) if number not in stayed]
    total = moved + len(stayed) + len(numbers)

    def note(session: Session, moved: int, message: str = MOVING, said: Mapping[str, Any] | None = None) -> None:
        mark(session, moved + len(stayed), total, message, said, moved=moved, stayed=stayed)

    for number in numbers:
        try:
            _with_patience(db, actor, number, params, now(), partial(note, moved=moved + 1))
            moved += 1
        except PASSING:
            raise
        except Refusal as refusal:
            stayed[number] = type(refusal).__name__
            with db.write() as session:
                note(session, moved)
    named = "、".join(list(stayed)[:_NAMED]) + ("……" if len(stayed) > _NAMED else "")
    said = {"moved": moved} | ({"stayed": len(stayed), "cases": named} if stayed else {})
    with db.write() as session:
        note(session, moved, SOME_STAYED if stayed else MOVED, said)


def _with_patience(
    db: Database, actor: Actor, number: str, params: Mapping[str, Any], at: datetime, also: Callable[[Session], None]
) -> None:
    """Somebody may just be at the case: then look again, a few times."""
    for last in (False, False, True):
        try:
            migrate(db, actor, number, params["target"], params["mapping"], at=at, also=also)
            return
        except InstanceMoved:
            if last:
                raise


def newest_first(session: Session, process_id: str) -> Sequence[tuple[str, int]]:
    """(digest, version) of every version of a process, the newest first."""
    return session.execute(
        select(Definition.digest, Definition.version)
        .where(Definition.process_id == process_id)
        .order_by(Definition.version.desc())
    ).tuples().all()
