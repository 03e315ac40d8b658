"""What people of the demo do beside deciding: stand in for one another, ask others to sign, urge, send to read, speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

from webapp.demo import papers
from webapp.demo.papers import Folder
from workflows import copies, inbox, instances, proxies, remarks, signers, urging
from workflows.access import Viewer, office_day
from workflows.db import Database
from workflows.errors import AlreadyCopied, ProxyOverlaps, UrgedTooSoon

#: Days that a grant of the demo may last at most.
_MOST_DAYS = 90


class Life(Protocol):
    """What is needed of the demo's life to act in it."""

    db: Database

    def viewer(self, sign_in: str) -> Viewer:
        """One of the demo's people."""

    def case_of(self, sign_in: str) -> str:
        """Number of somebody's application."""

    def complete(
        self, instance: str, step: str, sign_in: str, at: datetime, paper: Callable[..., dict[str, Any]], *, task: str = ""
    ) -> None:
        """Complete a task of a case, unless it is done."""


def play(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    """Do one of the acts that ``beside.toml`` describes; one that was done in an earlier run changes nothing."""
    _ACTS[act["act"]](life, act, at)


def _numbers(life: Life, sign_ins: Sequence[str]) -> list[str]:
    return [life.viewer(one).number for one in sign_ins]


def _lend(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    today = office_day(at)
    with suppress(ProxyOverlaps):
        proxies.grant(
            life.db, life.viewer(act["by"]), _numbers(life, act["to"])[0], from_on=today,
            to_on=today + timedelta(days=act["days"] - 1), reason=act["words"], at=at, days=_MOST_DAYS,
        )  # fmt: skip


def _qualify(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    life.complete(life.case_of(act["case"]), "adm_u2", act["by"], at,
                  lambda folder, had: papers.qualification_review(had, "合格"))


def _sign_asked(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    case = life.case_of(act["case"])
    with life.db.read() as session:
        task = instances.open_task(session, case, "adm_u2")
    if task is not None and not _waiting(life, act["to"][0], case):
        signers.add(life.db, life.viewer(act["by"]), task, _numbers(life, act["to"]), "parallel", act["words"], at=at)


def _waiting(life: Life, sign_in: str, case: str) -> list[inbox.TaskRow]:
    """What waits for somebody in a case."""
    with life.db.read() as session:
        return [row for row in inbox.todo(session, life.viewer(sign_in), inbox.Filter(text=case)).rows if row.signing]


def _signed(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    def paper(folder: Folder, had: Mapping[str, Any]) -> dict[str, Any]:
        return {"conflict_declared": "否", "agreed": "同意", "words": act["words"]}

    case = life.case_of(act["case"])
    for row in _waiting(life, act["by"], case):
        life.complete(case, row.step_id, act["by"], at, paper, task=row.number)


def _urge(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    with life.db.read() as session:
        task = instances.open_task(session, life.case_of(act["case"]), act["step"])
    if task is not None:
        with suppress(UrgedTooSoon):
            urging.urge(life.db, life.viewer(act["by"]), task, act["words"], at=at)


def _copy(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    with suppress(AlreadyCopied):
        copies.send(life.db, life.viewer(act["by"]), life.case_of(act["case"]), _numbers(life, act["to"]), act["words"], at=at)


def _remark(life: Life, act: Mapping[str, Any], at: datetime) -> None:
    remarks.add(life.db, life.viewer(act["by"]), life.case_of(act["case"]), act["words"], act["audience"], at=at)


_ACTS: Mapping[str, Callable[[Life, Mapping[str, Any], datetime], None]] = {
    "lend": _lend, "qualify": _qualify, "sign_asked": _sign_asked, "signed": _signed, "urge": _urge, "copy": _copy,
    "remark": _remark,
}  # fmt: skip
