"""退回: whoever has a task, or stands in for who has it, sends the case back to an earlier step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from workflows import access, assignments, engine, people, proxies
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.case import Case, load
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.engine.errors import RewindAmbiguous
from workflows.errors import N_, HeldByAnother, InstanceSuspended, NotFound, NotReturnable, TaskNotOpen
from workflows.incidents import reason_of
from workflows.manners import ANYWHERE, NOT_ALLOWED, SEND_BACK
from workflows.models import Person, Task
from workflows.notices import Message
from workflows.proxies import Principal
from workflows.returning.way import as_recorded, called_off, handed_to, many_with, on_the_way, place_in, rewound
from workflows.transitions import Moved, Opening, Transition

#: Characters of the reason for sending somebody's work back: they must be able to do something about it.
SHORTEST_REASON = 10
#: The choice that stands with a task from which the case was sent back, in lists.
SENT_BACK = N_("退回")
#: Why a case is not sent back.
NOT_DONE = N_("该环节在本轮办理中没有办过")
ELSEWHERE = N_("该环节在另一条并行的分支上，只能由该分支后面的环节退回")


@dataclass(frozen=True)
class Back:
    """A step to which a case can be sent back now."""

    #: The task that was done there last.
    task: str
    step_id: str
    name: str
    done_at: datetime
    by_name: str
    #: How many do it again: of a step done by several all of them.
    people: int = 1
    #: Names of the other steps that wait now and are ended by it.
    ends: tuple[str, ...] = ()
    #: Whether only the branch of the task goes back, and the others stay as they are.
    alone: bool = False


def allowed_from(step: engine.Step) -> bool:
    """Whether the diagram lets whoever has the task send the case back from a step."""
    return bool(step.properties.get(SEND_BACK))


def require_behind(task: Task, done: Task, progress: engine.Progress) -> None:
    """Refuse to go back to a step of another branch: what is sent back from would go on waiting."""
    if task.token not in progress.closed:
        raise NotReturnable(step=task.name, to=done.name, why=ELSEWHERE)


def is_allowed(step: engine.Step, to: str) -> bool:
    """Whether the diagram lets a case go back from a step to another."""
    allowed = step.properties.get(SEND_BACK, "")
    return allowed == ANYWHERE or to in allowed.split()


def ways_back(session: Session, viewer: Viewer, task_number: str, at: datetime) -> list[Back]:
    """The steps to which the viewer can send the case back from a task that they have, the latest first.

    Those that the diagram allows, that were done on the way here, and of which the engine knows what going back undoes.
    Raises what ``send_back`` raises before it looks at the step.
    """
    case, task, _ = _mine(session, viewer, task_number, at)
    found = []
    for done, name in on_the_way(session, case, task):
        if not is_allowed(case.loaded.diagram.steps[task.step_id], done.step_id):
            continue
        try:
            progress = rewound(session, case, done, at)
        except RewindAmbiguous:
            continue
        if task.token not in progress.closed:
            continue
        ended = called_off(session, progress, task.instance_id, but=task)
        found.append(Back(
            done.number, done.step_id, done.name, done.done_at or at, name, len(many_with(session, done)),
            tuple(dict.fromkeys(one.name for one in ended)), bool(progress.undone),
        ))  # fmt: skip
    return found


def send_back(db: Database, viewer: Viewer, task_number: str, to: str, reason: str, *, at: datetime) -> Moved:
    """Return the case from a task to an earlier step (退回), whose doer gets it again with what they had written.

    ``to`` is the number of a task that was done on the way here. Deadlines count from now; the step that it was sent back
    from comes again in the normal flow. Within one of several branches that branch alone goes back; to a step before them all
    do, and what waited in them ends by name; what was done there stays on record. A step that several did is done again by all
    of them. One transaction, one event ``task:sent_back``. Raises ``ReasonNeeded`` (at least ten characters), ``NotReturnable``
    (the diagram does not allow it, the step was not done, or not in this branch), the engine's ``RewindAmbiguous`` refusals where
    it is unclear what going back undoes (branches that have met, one of many, calls) – nothing has changed then –, ``ProxyOver``,
    and as for ``assignments.transfer`` what keeps somebody from the task.
    """
    words = reason_of(reason, least=SHORTEST_REASON)
    with db.read() as session:
        case, task, principal = _mine(session, viewer, task_number, at)
        done = _target(session, case, task, to)
        progress = rewound(session, case, done, at)
        require_behind(task, done, progress)
        several = many_with(session, done)
        ended = called_off(session, progress, task.instance_id, but=task)
        doers = people.somebodies(session, {
            *(one.done_by_id or 0 for one in several), *(one.holder_id for one in ended if one.holder_id is not None),
        })  # fmt: skip
        by = {"number": viewer.number, "name": viewer.name}
        by |= {"for": principal.name} if principal is not None else {}
        back = {"by": by, "from": task.name, "reason": words, "at": at.isoformat()}
        doer = doers[done.done_by_id or 0]
        transition = Transition(
            case, progress, Kind.TASK_SENT_BACK, principal.actor(viewer) if principal is not None else viewer.actor(), at,
            case.loaded.diagram.steps[task.step_id], task=task, outcome=SENT_BACK, back_to=min(several, key=lambda one: one.id),
            extra={
                "words": words,
                "to": {"task": done.number, "step": done.step_id, "name": done.name, "by": doer.named()},
                **({"many": [one.number for one in several]} if len(several) > 1 else {}),
                **({"called_off": as_recorded(ended, doers)} if ended else {}),
                **({"proxy": principal.grant} if principal is not None else {}),
            },
            claim=lambda session: _let_go(session, viewer, principal, task, at),
        )  # fmt: skip
        if principal is not None:
            transition.link = lambda session, _instance_id: proxies.require_standing(session, principal)
        transition.prepare(session)
        acted = proxies.both_names(viewer, principal)
        again = {place_in(one.token): one for one in several}

        def handed(opening: Opening) -> Opening:
            own = again.get(place_in(opening.opened.token))
            told = {"by": acted, "from": task.name, "reason": words}
            return handed_to(
                opening, doers[own.done_by_id or 0] if own is not None else None,
                {"sent_back": {**back, "task": (own or done).number}}, "task_sent_back", told,
            )  # fmt: skip

        transition.openings = tuple(
            handed(one) if one.step.id == done.step_id else one for one in transition.openings
        )
        transition.also = _told(session, viewer, case, ended, {"by": acted, "from": task.name, "to": done.name, "reason": words})
    return carry_out(db, transition)


def _told(
    session: Session, viewer: Viewer, case: Case, ended: list[Task], params: dict[str, str]
) -> list[Message]:
    """Whoever had another task that ends by it is told by name that it is over, and why."""
    found = []
    for one in ended:
        own = [key for key in (one.holder_id, one.delegate_id) if key is not None and key != viewer.person_id]
        numbers = [who["number"] for who in one.explanation.get("result", ()) if who["number"] != viewer.number]
        among = Person.id.in_(own) if one.holder_id is not None else or_(Person.number.in_(numbers), Person.id.in_(own))
        recipients = people.mailable(session, among) if own or numbers else {}
        found.append(Message(
            recipients, "task_called_off", {**params, "title": case.title, "number": case.number, "step": one.name},
        ))  # fmt: skip
    return found


def _mine(session: Session, viewer: Viewer, task_number: str, at: datetime) -> tuple[Case, Task, Principal | None]:
    """The open task of somebody who has it, may take it, or stands in for one of those, and its case; else a refusal by name."""
    principal = proxies.acting_for(session, viewer, task_number, at)
    if principal is not None:
        task = session.execute(select(Task).where(Task.number == task_number)).scalar_one()
    else:
        try:
            task = access.task_for(session, viewer, task_number, at)
        except NotFound:
            raise assignments.gone(session, viewer, task_number, at) from None
    require_mine(session, viewer, task, principal)
    case, _ = load(session, instance_id=task.instance_id)
    if not allowed_from(case.loaded.diagram.steps[task.step_id]):
        raise NotReturnable(step=task.name, to="-", why=NOT_ALLOWED)
    return case, task, principal


def require_mine(session: Session, viewer: Viewer, task: Task, principal: Principal | None = None) -> None:
    """Refuse by name whoever may not send a task back: it is over, with somebody else, or held by another."""
    if task.status == "suspended":
        raise InstanceSuspended()
    if task.status != "open":
        raise TaskNotOpen()
    if task.delegate_id is not None:
        raise assignments.delegated(task)
    if task.holder_id not in (None, viewer.person_id, principal.id if principal is not None else None):
        raise HeldByAnother(name=session.get_one(Person, task.holder_id).name)


def _target(session: Session, case: Case, task: Task, to: str) -> Task:
    """The done task to which the case is to go back; ``NotReturnable`` with why it may not."""
    steps = case.loaded.diagram.steps
    asked = session.execute(
        select(Task).where(Task.number == to, Task.instance_id == task.instance_id)
    ).scalar_one_or_none()
    if asked is None or asked.step_id not in steps:
        raise NotFound()
    if not is_allowed(steps[task.step_id], asked.step_id):
        raise NotReturnable(step=task.name, to=asked.name, why=NOT_ALLOWED)
    for one, _ in on_the_way(session, case, task):
        if one.number == to or asked in many_with(session, one):
            return one
    raise NotReturnable(step=task.name, to=asked.name, why=NOT_DONE)


def _let_go(session: Session, viewer: Viewer, principal: Principal | None, task: Task, at: datetime) -> None:
    """Close the task in the write transaction, if it is still the viewer's to send back; its signers' go with it."""
    found = session.execute(
        select(Task).where(Task.id == task.id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    require_mine(session, viewer, found, principal)
    values: dict[str, Any] = {"status": "cancelled", "done_at": at, "done_by_id": viewer.person_id, "outcome": SENT_BACK}
    if principal is not None:
        values["holder_id"] = principal.id
    session.execute(
        update(Task).where(Task.id == task.id).values(values).execution_options(synchronize_session=False)
    )
