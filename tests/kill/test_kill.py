"""A process is killed with SIGKILL at every call to the database; another one does the act again (T4).

Whatever the moment, the case goes on, nothing has happened twice, the record verifies, and each change of state has
exactly one event. ``--long`` kills at every call on both engines; otherwise before every write and commit and after
every commit on SQLite, and on PostgreSQL around every commit and before every fourth write: between two reads nothing
changes.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from tests import annual, reviewing
from tests.databases import _administer
from tests.factories import SETTING_UP
from tests.kill.acts import (
    Act,
    Broadcast,
    BulkStart,
    Complete,
    Delegated,
    Fire,
    Followed,
    Message,
    Retry,
    Start,
    Transfer,
    Whole,
    perform,
)
from tests.office import PLACES, Case, Office
from tests.offices import settle
from tests.reviewing import Desk
from webapp import composition
from workflows import assignments, control, deployment, drafts, orders
from workflows.db import Database
from workflows.errors import CaseFailed
from workflows.models import (
    Attachment,
    Candidate,
    Delivery,
    Draft,
    Event,
    Incident,
    Instance,
    Job,
    Notice,
    Part,
    RulingRow,
    Series,
    Submission,
    Subscription,
    Task,
    Timer,
)

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.kill.acts"])


def run(url: str, act: Act, die_at: int | None = None, *, torn: bool = False) -> list[str] | None:
    """Do an act in a process of its own; the calls it took, or nothing when it was killed before it could answer."""
    here, there = _processes.Pipe(duplex=False)
    process = _processes.Process(target=perform, args=(url, act, die_at, torn, there))
    process.start()
    there.close()
    process.join(60)
    assert process.exitcode in (0, -9), f"the process ended with {process.exitcode}"
    try:
        found: list[str] = here.recv()
        return found
    except EOFError:
        assert process.exitcode == -9
        return None
    finally:
        here.close()


# --- a database for each death --------------------------------------------------------------------------------------


@contextmanager
def copied(url: str, folder: Path, number: int) -> Iterator[str]:
    """A copy of a database in which nobody is at work."""
    source = make_url(url)
    if source.get_backend_name() == "sqlite":
        path = folder / f"copy-{number}.sqlite3"
        shutil.copy(str(source.database), path)
        yield f"sqlite:///{path}"
        for rest in folder.glob(f"copy-{number}.sqlite3*"):
            rest.unlink()
        return
    name = f"{source.database}_{number}"
    server = source.set(database="postgres")
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{source.database}" STRATEGY FILE_COPY')
    yield source.set(database=name).render_as_string(hide_password=False)
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


#: Whoever finds an act done that is to be tried again says that it needs no retry (moot); it is over all the same.
_OVER: dict[str, str] = {"resolved": "over", "moot": "over"}


def _plain(one: Any) -> Any:
    return _OVER.get(one, one) if isinstance(one, str) else one


def everything(url: str, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that an act may have written, without what is random; the record is checked on the way."""
    queries: dict[str, Select[Any]] = {
        "instance": select(
            Instance.number, Instance.status, Instance.version, Instance.outcome, Instance.title, Instance.parent_step
        ),
        "subscription": select(Subscription.step_id, Subscription.key, Subscription.ended_at, Subscription.result),
        "delivery": select(Delivery.kind, Delivery.name, Delivery.key, Delivery.ended_at, Delivery.result),
        "task": select(
            Task.step_id, Task.status, Task.done_by_id, Task.holder_id, Task.due_at, Task.outcome, Task.delegate_id,
            Task.explanation["delegated"], Task.explanation["delegations"],
        ),
        "draft": select(Draft.person_id, Draft.data, Draft.version, Draft.saved_at),
        "candidate": select(Candidate.organisation_id, Candidate.role, func.count()).group_by(
            Candidate.organisation_id, Candidate.role
        ),
        "timer": select(Timer.step_id, Timer.kind, Timer.due_at, Timer.fired_at, Timer.result),
        "event": select(Event.stream, Event.seq, Event.kind, Event.actor, Event.at, Event.outcome),
        "notice": select(Notice.person_id, Notice.kind, Notice.instance, Notice.made_at),
        "submission": select(Submission.token, Submission.form_id, Submission.by_id, Submission.at),
        "ruling": select(RulingRow.step_id, RulingRow.decision, RulingRow.outcome, RulingRow.at),
        "incident": select(Incident.step_id, Incident.cause, Incident.status, Incident.tries, Incident.at, Incident.ended_at),
        "part": select(Part.key),
        "held": select(Timer.step_id, Timer.kind, Timer.due_at, Timer.held),
        "job": select(Job.kind, Job.status, Job.done, Job.total),
        "series": select(Series.name, Series.last),
        "attachment": select(Attachment.name, Attachment.instance_id.is_not(None)),
    }
    db = Database(url)
    try:
        Office(db, folder).check_record()
        with db.read() as session:
            return {
                name: sorted((tuple(_plain(one) for one in row) for row in session.execute(query)), key=repr)
                for name, query in queries.items()
            }
    finally:
        db.close()


# --- the acts -------------------------------------------------------------------------------------------------------


def _submit(office: Office) -> Act:
    applicant = office.applicant(PLACES["liaoning"].own_school)
    return Start(applicant.viewer, office.round("liaoning"), applicant.fills(), office.at)


def _decide(office: Office) -> Act:
    case: Case = office.applicant(PLACES["liaoning"].own_school).applies().is_recommended()
    hand = case.task("adm_u2").by(PLACES["liaoning"].reviewer)
    return Complete(hand.viewer, hand.task, hand.fills(hand.conclusion("合格")), office.at)


def _correct(office: Office) -> Act:
    """The completion that does most: a timer is called off, two tables decide, a task opens."""
    case: Case = office.applicant(PLACES["liaoning"].own_school).applies().is_recommended().is_returned("phone")
    hand = case.task("adm_u3").by_applicant()
    return Complete(hand.viewer, hand.task, hand.fills(lambda folder, had: {"phone": "13900000009"}), office.at)


def _lapse(office: Office) -> Act:
    """The end of a period with a reminder and an overdue report of another case beside it."""
    case: Case = office.applicant(PLACES["liaoning"].own_school).applies().is_recommended().is_returned("phone")
    office.applicant(PLACES["liaoning"].own_school, name="高雨桐").applies()
    office.days_pass(4)
    due = case.task("adm_u3").row().due_at
    assert due is not None
    return Fire(due)


def _desk(office: Office) -> Desk:
    reviewing.deploy(office, composition.SOURCE)
    return Desk(office)


def _call(office: Office) -> Act:
    """A case begins and calls another process: two instances, one after the other."""
    desk = _desk(office)
    applicant = office.applicant(PLACES["liaoning"].own_school)
    paper = desk.paper("proposal", title="整本书阅读教学研究", budget="12000.50")
    begun = Start(applicant.viewer, office.round("liaoning"), paper, office.at, "project")
    return Followed(begun, office.at)


def _return(office: Office) -> Act:
    """What was called ends, and its caller goes on with what it gave."""
    desk = _desk(office)
    case = desk.project(PLACES["liaoning"].own_school)
    hand = desk.part(case).task("opine").by(PLACES["liaoning"].reviewer)
    opined = Complete(hand.viewer, hand.task, desk.paper("opinion", kind="同意", score=80), office.at)
    return Followed(opined, office.at)


def _withdraw(office: Office) -> Act:
    """A message ends a case, and what that had called ends with it."""
    case = _desk(office).project(PLACES["liaoning"].own_school)
    sent = Message(office.viewer(PLACES["liaoning"].reviewer), "撤回", case.number, office.at)
    return Followed(sent, office.at)


def _start_many(office: Office) -> Act:
    """A bulk start for two people, in one chunk."""
    annual.deploy(office)
    annual.people(office, 2)
    annual.request(office)
    return BulkStart(office.at)


ACTS: dict[str, Callable[[Office], Act]] = {
    "submit": _submit, "decide": _decide, "correct": _correct, "lapse": _lapse, "call": _call, "return": _return,
    "withdraw": _withdraw, "bulk": _start_many,
}  # fmt: skip


WHY = "情况核实期间暂不办理"


def _reviewed(office: Office) -> Case:
    return office.applicant(PLACES["liaoning"].own_school).applies().is_recommended()


def _whole(office: Office, case: Case, verb: Callable[..., object], *arguments: Any) -> Act:
    return Whole(verb, arguments, case.number, case.row().version, office.at)


def _suspend(office: Office) -> Act:
    """A case with one that it called: both stand still."""
    case = _desk(office).project(PLACES["liaoning"].own_school)
    return _whole(office, case, control.suspend, SETTING_UP, case.number, WHY)


def _resume(office: Office) -> Act:
    """Deadlines are counted again, in tasks and timers."""
    case = _reviewed(office)
    control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at)
    office.days_pass(3)
    return _whole(office, case, control.resume, SETTING_UP, case.number)


def _cancel(office: Office) -> Act:
    """A case ends from outside, and what it called ends with it."""
    case = _desk(office).project(PLACES["liaoning"].own_school)
    return _whole(office, case, control.cancel, SETTING_UP, case.number, WHY)


def _take_back(office: Office) -> Act:
    """The applicant withdraws where the diagram waits for it."""
    case = _reviewed(office)
    return _whole(office, case, control.withdraw, case.applicant.viewer, case.number, WHY)


def _rewind(office: Office) -> Act:
    case = _reviewed(office)
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    return _whole(office, case, control.rewind, SETTING_UP, case.number, first, WHY)


def _migrate(office: Office) -> Act:
    case = _reviewed(office)
    tree = deployment.read_tree(composition.SOURCE)
    path = "bpmn/admission/admission.bpmn"
    tree[path] = tree[path].replace('name="资格审查"'.encode(), 'name="资格审核"'.encode())
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    with office.db.read() as session:
        target = deployment.newest(session, "admission")
    return _whole(office, case, control.migrate, SETTING_UP, case.number, target, {})


def _transfer(office: Office) -> Act:
    case, place = _reviewed(office), PLACES["liaoning"]
    return Transfer(office.viewer(place.reviewer), case.task("adm_u2").number, office.viewer(place.bureau_head).number, office.at)


def _asked(office: Office, *, back: bool) -> Delegated:
    """A review that its holder has begun to fill in and delegates; or that is handed back with a file of the colleague's."""
    case, place = _reviewed(office), PLACES["liaoning"]
    number, holder, worker = case.task("adm_u2").number, office.viewer(place.reviewer), office.viewer(place.bureau_head)
    assignments.claim(office.db, holder, number, at=office.at)
    begun = {"typed": {"opinion": ["先看学历"]}, "files": []}
    drafts.save_draft(office.db, holder.person_id, f"task:{number}", begun, None, at=office.at)
    if not back:
        return Delegated(assignments.delegate, holder, number, (worker.number, WHY), office.at)
    assignments.delegate(office.db, holder, number, worker.number, WHY, at=office.at)
    with office.db.write() as session:
        session.add(Attachment(sha256="1" * 64, name="核对表.pdf", media_type="application/pdf", size=9,
                               uploaded_by_id=worker.person_id, uploaded_at=office.at, field="evidence"))  # fmt: skip
    brought = {"sha256": "1" * 64, "name": "核对表.pdf", "media_type": "application/pdf", "size": 9, "field": "evidence"}
    work = {"typed": {"opinion": ["学历、教龄均符合"], "evidence": ["1" * 64]}, "files": [brought]}
    return Delegated(assignments.hand_back, worker, number, (WHY, work), office.at)


def _delegate(office: Office) -> Act:
    return _asked(office, back=False)


def _hand_back(office: Office) -> Act:
    return _asked(office, back=True)


def _decline(office: Office) -> Act:
    """With a conflict of interest: who declares it is kept from the task."""
    asked = _asked(office, back=True)
    work = {"typed": {"conflict_declared": ["是"], "conflict_reason": ["申请人系本人学生"]}, "files": []}
    return Delegated(assignments.hand_back, asked.viewer, asked.task, ("", work), office.at)


def _recall(office: Office) -> Act:
    asked = _asked(office, back=True)
    return Delegated(assignments.recall, office.viewer(PLACES["liaoning"].reviewer), asked.task, (), office.at)


def _retry(office: Office) -> Act:
    """A completion whose order failed once, tried again."""
    hand = _reviewed(office).task("adm_u2").by(PLACES["liaoning"].reviewer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(orders.ORDERS, "admission.issue_number", _fails)
        with pytest.raises(CaseFailed):
            hand.qualifies()
    with office.db.read() as session:
        return Retry(session.execute(select(Incident.number)).scalar_one(), office.at)


def _fails(_session: Session, _context: Any) -> Any:
    raise ConnectionError("the register does not answer")


def _broadcast(office: Office) -> Act:
    """A signal reaches two cases."""
    desk, place = _desk(office), PLACES["liaoning"]
    for name in ("高雨桐", "林书豪"):
        case = desk.project(place.own_school, name)
        desk.does(desk.part(case), "opine", place.reviewer, "opinion", kind="同意", score=80)
    return Broadcast(office.viewer(place.reviewer), "停止评审", office.at)


#: Verbs on a whole case and what is rare: on SQLite in each commit's tests, on both engines under ``--long``.
RARE: dict[str, Callable[[Office], Act]] = {
    "suspend": _suspend, "resume": _resume, "cancel": _cancel, "take back": _take_back, "rewind": _rewind,
    "migrate": _migrate, "transfer": _transfer, "retry": _retry, "broadcast": _broadcast, "delegate": _delegate,
    "hand back": _hand_back, "decline": _decline, "recall": _recall,
}  # fmt: skip


READS = ("BEGIN", "SELECT", "WITH")


def deaths(calls: list[str], *, every: int = 1) -> list[int]:
    """The calls (from 1) to die at, reads left out: each commit, before and after, and every so many of the writes."""
    writes = [number for number, what in enumerate(calls, 1) if what not in (*READS, "COMMIT", "committed")]
    commits = [number for number, what in enumerate(calls, 1) if what in ("COMMIT", "committed")]
    return sorted({1, *writes[::every], *commits})


@pytest.fixture
def prepared(office: Office, office_url: str) -> Callable[[str], Act]:
    """Makes the office ready for an act, and leaves its database so that it can be copied."""

    def prepare(name: str) -> Act:
        act = (ACTS | RARE)[name](office)
        if office.db.is_sqlite:
            settle(office.db)
        office.db.close()
        return act

    return prepare


@pytest.mark.parametrize("name", ACTS)
def test_killed_at_every_call(
    prepared: Callable[[str], Act], office_url: str, tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    every = None if request.config.getoption("--long") else 1 if office_url.startswith("sqlite") else 4
    _die_and_repeat(office_url, tmp_path, prepared(name), every)


@pytest.mark.long
@pytest.mark.parametrize("name", RARE)
def test_killed_at_every_call_of_a_rare_verb(
    prepared: Callable[[str], Act], office_url: str, tmp_path: Path, name: str
) -> None:
    _die_and_repeat(office_url, tmp_path, prepared(name), None)


@pytest.mark.parametrize("name", RARE)
def test_killed_at_the_commits_of_a_rare_verb(new_office: Callable[[], Office], tmp_path: Path, name: str) -> None:
    office = new_office()
    act = RARE[name](office)
    settle(office.db)
    office.db.close()
    _die_and_repeat(str(office.db.url), tmp_path, act, 4)


def _die_and_repeat(source: str, folder: Path, act: Act, every: int | None) -> None:
    """Kill the act at its calls, at all of them when ``every`` is none, and do it again; nothing differs from once alone."""
    with copied(source, folder, 0) as url:
        calls = run(url, act) or []
        expected = everything(url, folder)
    assert calls.count("COMMIT") == calls.count("committed") >= 1
    for number in range(1, len(calls) + 1) if every is None else deaths(calls, every=every):
        with copied(source, folder, number) as url:
            assert run(url, act, number) is None, f"outlived call {number}"
            assert run(url, act) is not None
            assert everything(url, folder) == expected, f"killed at call {number}: {calls[number - 1]}"


def test_a_write_torn_in_two_is_caught(new_office: Callable[[], Office], tmp_path: Path) -> None:
    """The proof that the test above can fail: the same act, recorded in a second transaction."""
    office = new_office()
    act = _decide(office)
    settle(office.db)
    office.db.close()
    source = str(office.db.url)
    caught = []
    with copied(source, tmp_path, 0) as url:
        calls = run(url, act, torn=True) or []
        expected = everything(url, tmp_path)
    for number in deaths(calls):
        with copied(source, tmp_path, number) as url:
            assert run(url, act, number, torn=True) is None
            run(url, act, torn=True)
            try:
                assert everything(url, tmp_path) == expected
            except AssertionError:
                caught.append(number)
    assert caught, "no death between the two transactions was noticed"
    assert len(caught) < len(calls)
