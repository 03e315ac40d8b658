"""What people may do with a step besides deciding it (``jiaoyan:actions``): every such verb asks, and pages offer no more."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import deployment
from workflows.errors import ActionNotAllowed
from workflows.manners import ACTS, allows
from workflows.models import Instance, Task


def require(session: Session, task: Task, act: str) -> None:
    """Refuse with ``ActionNotAllowed`` what the diagram does not let anybody do with a task; ``act`` is a key of ``ACTS``.

    A signer's own task (加签) is held by the step that they sign.
    """
    if not may(session, [task], act):
        raise ActionNotAllowed(step=task.name, act=ACTS[act])


def may(session: Session, tasks: Iterable[Task], act: str) -> bool:
    """Whether the diagram lets an act be done with each of some tasks."""
    return all(drawn(session, _definition(session, task), task.step_id, act) for task in tasks)


def require_of_case(session: Session, instance: Instance, act: str) -> None:
    """The same for what is done with a case as a whole: each step that waits in it must allow it."""
    for task in open_tasks(session, instance.id):
        require(session, task, act)


def open_tasks(session: Session, instance_id: int) -> list[Task]:
    """The tasks of a case that wait for people, without those of signers."""
    waiting = select(Task).where(Task.instance_id == instance_id, Task.status.in_(("open", "suspended")), Task.main_id.is_(None))
    return list(session.execute(waiting.order_by(Task.id)).scalars())


def drawn(session: Session, definition: str, step_id: str, act: str) -> bool:
    """Whether a version of a process (its digest) lets an act be done with a step; what it does not hold allows everything."""
    step = deployment.definition(session, definition).diagram.steps.get(step_id)
    return step is None or allows(step, act)


def _definition(session: Session, task: Task) -> str:
    """Digest of the version on which the task's case runs."""
    return session.execute(select(Instance.definition).where(Instance.id == task.instance_id)).scalar_one()
