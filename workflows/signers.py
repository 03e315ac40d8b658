"""Others who sign a task before it is completed, after, or meanwhile (加签), and are taken off it again (减签).

A signer has a task of their own with the form ``house.opinion``; it belongs to the task that they sign and ends with it. Before
and beside (前加签, 并签) the task is not completed until all have signed. After (后加签) what its holder has sent is kept, and
takes effect in the act by which the last signer agrees; where one does not, it is the holder's again. The decision is always the
holder's, the opinion the signer's, and both stand in the case by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from workflows import (
    access,
    accounts,
    actions,
    assignments,
    deployment,
    drafts,
    engine,
    people,
    proxies,
    signature_images,
    signatures,
)
from workflows.access import Viewer
from workflows.assignments import RECUSED
from workflows.audit import Act, Kind, instance_stream, new_event_id, record
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.deployment import OPINION
from workflows.engine.rows import pack
from workflows.errors import (
    N_,
    AlreadySigned,
    HeldByAnother,
    InstanceMoved,
    InstanceSuspended,
    NobodyFits,
    NotFound,
    NotSignable,
    NotYourSigner,
    PersonUnknown,
    ProxyNotPassedOn,
    SignersOpen,
    TaskAlreadyDone,
    TaskNotOpen,
    TooManySigners,
)
from workflows.incidents import as_request, reason_of, submission_of
from workflows.manners import NOT_ALLOWED, SEALED_UNTIL, allows
from workflows.models import Attachment, Instance, Person, Task
from workflows.models import Submission as SubmissionRow
from workflows.proxies import Principal
from workflows.settings import OFFICE_ZONE
from workflows.signatures import AGREED, MODES, NOT_AGREED
from workflows.submission import Submission
from workflows.transitions import Moved, NextStep, Transition, paper_of

#: So many may be asked to sign one task at a time.
MOST = 20
#: Why a task cannot be signed by others, or not by that person.
SEALED = N_("该环节的内容在规定时间前只有填写人自己能看")
SEVERAL = N_("该环节由多人分别办理，各自独立提出意见")
NO_FORM = N_("办件所用的流程版本还没有加签意见表，请先改按新版办理")
ASKED_ALREADY = N_("已请其加签，尚未办结")

#: (session, who has sent the form, number of the task, the form, moment, more for the event) -> what completing it does.
Completing = Callable[[Session, Viewer, str, Submission, datetime, Mapping[str, Any]], Transition]


# --- asking, and no longer ------------------------------------------------------------------------------------------


def may_ask(session: Session, task: Task) -> str:
    """Why nobody can be asked to sign a task, or nothing; whether this person may ask is the verb's question."""
    instance = session.get_one(Instance, task.instance_id)
    loaded = deployment.definition(session, instance.definition)
    if not assignments.of_an_office(task):
        return assignments.NOT_OF_AN_OFFICE
    return unsignable(loaded, loaded.diagram.steps[task.step_id])


def unsignable(loaded: deployment.Loaded, step: engine.Step) -> str:
    """Why nobody signs a step's tasks for others, or nothing."""
    if OPINION not in loaded.forms:
        return NO_FORM
    if SEALED_UNTIL in step.properties:
        return SEALED
    if not allows(step, "add-signer"):
        return NOT_ALLOWED
    return SEVERAL if step.repetition is not None else ""


def add(
    db: Database, viewer: Viewer, task_number: str, to: Sequence[str], mode: str, reason: str, *, at: datetime
) -> None:
    """Ask people of the office to sign a task that one has or may take (加签); who asks, holds it from then on.

    Whoever stands in for another (代办授权) asks in that one's name, who holds it then; but not for after themselves: what they
    have sent would wait in the other's name.
    ``to`` are people's numbers, ``mode`` a key of ``signatures.MODES``. One transaction, one event ``signers:added``. Raises
    ``ReasonNeeded``, ``PersonUnknown`` (nobody), ``TooManySigners``, ``NotSignable`` for whom ``delegate`` would refuse and
    where it cannot be, ``ActionNotAllowed``, ``SignatureNotPassedOn``, ``SignersOpen`` (it is sent), ``HeldByAnother``, ``TaskDelegated``,
    ``TaskNotOpen``, ``InstanceSuspended``, ``ProxyNotPassedOn``, ``ProxyOver``, ``NotFound``.
    """
    words = reason_of(reason)
    if mode not in MODES:
        raise NotFound()
    wanted = list(dict.fromkeys(to))
    if not wanted:
        raise PersonUnknown()
    with db.write() as session:
        principal = proxies.acting_for(session, viewer, task_number, at)
        task = _locked(session, viewer, task_number, at, principal)
        if task.main_id is not None:
            assignments.require_alone(task)
        assignments.require_back(task)
        if principal is not None and mode == "after":
            raise ProxyNotPassedOn(name=principal.name)
        holder = viewer.person_id if principal is None else principal.id
        if task.holder_id not in (None, viewer.person_id, holder):
            raise HeldByAnother(name=assignments.holder_of(session, task))
        if signatures.is_sent(task):
            raise SignersOpen(names=_names(signatures.asked(task)))
        actions.require(session, task, "add-signer")
        if why := may_ask(session, task):
            raise NotSignable(step=task.name, name="-", why=why)
        waiting = {one["to"]["number"] for one in signatures.awaited(task)}
        if len(waiting) + len(wanted) > MOST:
            raise TooManySigners(most=MOST)
        asked = [_asking(session, viewer, task, number, waiting, mode, words, at, principal) for number in wanted]
        taken = {"claimed": True} if task.holder_id is None else {}
        task.holder_id = holder
        task.explanation = {**task.explanation, **taken, "signers": [*signatures.entries(task), *asked]}
        session.flush()
        if mode != "after":
            _open(session, task, asked, at)
        _note(session, viewer, task, Kind.SIGNERS_ADDED, at, {
            "words": words, "mode": mode, "claimed": bool(taken),
            "signers": [{"task": one["task"], **one["to"], "role": one["role"], "organisation": one["organisation"]} for one in asked],
            **({"proxy": principal.grant} if principal is not None else {}),
        }, principal=principal)  # fmt: skip
        if principal is not None:
            proxies.require_standing(session, principal)


def _asking(
    session: Session, viewer: Viewer, task: Task, number: str, waiting: Collection[str], mode: str, words: str, at: datetime,
    principal: Principal | None,
) -> dict[str, Any]:
    person = people.person_by_number(session, number)
    role, organisation = assignments.as_whom(session, viewer, task, person, at, NotSignable)
    if principal is not None and number == principal.number:
        raise NotSignable(step=task.name, name=person.name, why=assignments.TO_ONESELF)
    if number in waiting:
        raise NotSignable(step=task.name, name=person.name, why=ASKED_ALREADY)
    return {
        "task": secrets.token_hex(8), "mode": mode, "to": {"number": number, "name": person.name},
        "from": {"number": viewer.number, "name": proxies.both_names(viewer, principal)}, "role": role,
        "organisation": organisation, "reason": words, "at": at.isoformat(), "how": "planned",
    }  # fmt: skip


def _open(session: Session, task: Task, asked: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Give each of those who were to be asked a task of their own, due when the task is that they sign, and tell them."""
    numbers = {one["task"] for one in asked}
    known = people.by_number(session, {one["to"]["number"] for one in asked})
    instance = session.get_one(Instance, task.instance_id)
    rows = []
    for one in asked:
        explanation = {
            "steps": task.explanation.get("steps", []), "excluded": [], "result": [one["to"]],
            "signing": {"mode": one["mode"], "from": one["from"], "reason": one["reason"], "at": one["at"], "main": task.number,
                        "role": one["role"], "organisation": one["organisation"]},
        }  # fmt: skip
        rows.append({
            "number": one["task"], "instance_id": task.instance_id, "token": f"{task.token}/{one['task']}", "main_id": task.id,
            "step_id": task.step_id, "name": task.name, "form_id": OPINION, "status": "open", "opened_at": at,
            "due_at": task.due_at, "due_days": task.due_days, "due_provisional": task.due_provisional,
            "priority": task.priority, "holder_id": known[one["to"]["number"]].id, "inputs": pack({}),
            "explanation": explanation,
        })  # fmt: skip
    session.execute(insert(Task), rows)
    task.signers_open += len(rows)
    task.explanation = {**task.explanation, "signers": [
        {**one, "how": "asked"} if one["task"] in numbers else one for one in signatures.entries(task)
    ]}  # fmt: skip
    session.flush()
    for row, one in zip(rows, asked, strict=True):
        own = session.execute(select(Task).where(Task.number == row["number"])).scalar_one()
        assignments.tell(session, instance, own, row["holder_id"], "signature_asked", at, by=one["from"]["name"], reason=one["reason"])


def remove(db: Database, viewer: Viewer, task_number: str, signer: str, *, at: datetime) -> None:
    """Take somebody off whom one has asked to sign (减签), before they have; ``signer`` is the number of their own task.

    One transaction, one event ``signer:removed``. Raises ``NotFound``, ``NotYourSigner`` (another has asked them),
    ``AlreadySigned`` (they have signed, declined, or were taken off), ``TaskNotOpen``, ``InstanceSuspended``.
    """
    with db.write() as session:
        principal = proxies.acting_for(session, viewer, task_number, at)
        task = _locked(session, viewer, task_number, at, principal)
        entry = next((one for one in signatures.entries(task) if one["task"] == signer), None)
        if entry is None:
            raise NotFound()
        require_own(viewer, entry)
        require_unsigned(entry)
        task.explanation = {**task.explanation, "signers": signatures.over(signatures.entries(task), signer, "removed", at)}
        if entry["how"] == "asked":
            own = _closed(session, task, signer, at)
            instance = session.get_one(Instance, task.instance_id)
            assignments.tell(session, instance, own, own.holder_id or 0, "signature_waived", at, by=viewer.name)
            if signatures.is_sent(task) and not task.signers_open:
                _give_back(session, task, at)
        session.flush()
        _note(session, viewer, task, Kind.SIGNER_REMOVED, at, {"mode": entry["mode"], "signer": entry["to"]}, principal=principal)


def require_own(viewer: Viewer, entry: Mapping[str, Any]) -> None:
    """Refuse to take off whom somebody else has asked."""
    if entry["from"]["number"] != viewer.number:
        raise NotYourSigner(name=entry["from"]["name"])


def require_unsigned(entry: Mapping[str, Any]) -> None:
    """Refuse to take off who has answered, or is off already."""
    if entry["how"] not in ("asked", "planned"):
        raise AlreadySigned(name=entry["to"]["name"])


def _closed(session: Session, task: Task, signer: str, at: datetime) -> Task:
    """End a signer's own task without an opinion; what they had typed goes with it."""
    own = session.execute(select(Task).where(Task.number == signer, Task.main_id == task.id).with_for_update()).scalar_one()
    own.status, own.done_at = "cancelled", at
    task.signers_open -= 1
    drafts.discard(session, own.holder_id or 0, f"task:{own.number}")
    return own


def _give_back(session: Session, task: Task, at: datetime, *, again: bool = False) -> None:
    """What its holder has sent does not take effect: it is theirs again, as they sent it. Nobody else need sign it as it is.

    With ``again`` those who were to sign it are to sign what is sent next too, unless the holder takes them off.
    """
    for one in signatures.asked(task):
        _closed(session, task, one["task"], at)
        task.explanation = {**task.explanation, "signers": signatures.over(signatures.entries(task), one["task"], "closed", at)}
    sent_at = datetime.fromisoformat((task.kept or {})["at"])
    task.kept = {**(task.kept or {}), "waiting": False}
    if again:
        round_ = [
            {key: one[key] for key in ("mode", "to", "from", "role", "organisation", "reason", "at")}
            for one in signatures.entries(task)
            if one["mode"] == "after" and one["how"] in ("signed", "closed") and datetime.fromisoformat(one["ended_at"]) >= sent_at
        ]
        planned = [{"task": secrets.token_hex(8), **one, "how": "planned"} for one in round_]
        task.explanation = {**task.explanation, "signers": [*signatures.entries(task), *planned]}


# --- giving one's opinion -------------------------------------------------------------------------------------------


def sign(
    db: Database, viewer: Viewer, task_number: str, submission: Submission, *, at: datetime, completing: Completing,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> Moved:
    """Give the opinion that one was asked for: ``task_number`` is the signer's own task, the form ``house.opinion``.

    One transaction, one event: ``signer:signed``; and where it is the last that a form waits for that was sent before, and all
    agree, in the same transaction ``task:completed``: by the signer, who lets it take effect, naming who has sent it. Who
    declares a conflict of interest gives no opinion: that is ``decline``. Raises ``TaskNotOpen`` (taken off, or the task that they
    sign is over), ``TaskAlreadyDone``, ``InstanceSuspended``, ``InstanceMoved``, and what completing the task raises.
    """
    if submission.data.get("conflict_declared") == "是":
        decline(db, viewer, task_number, str(submission.data.get("conflict_reason") or ""), at=at, conflict=True)
        with db.read() as session:
            instance, main = _of(session, task_number)
            return Moved(instance.number, instance.title, main.name, (), handed_on=True)
    for _ in range(MOST):
        with db.read() as session:
            instance, main = _of(session, task_number)
            last = signatures.is_sent(main) and main.signers_open == 1 and submission.data.get("agreed") == AGREED
            effect = _effect(session, viewer, task_number, main, submission, at, completing, extra) if last else None
        try:
            if effect is not None:
                return carry_out(db, effect)
            with db.write() as session:
                main, own = _both(session, viewer, task_number)
                if signatures.is_sent(main) and main.signers_open == 1 and submission.data.get("agreed") == AGREED:
                    continue  # another has just agreed: this one is the last now
                _give_opinion(session, viewer, main, own, submission, at, extra)
                return Moved(instance.number, instance.title, main.name, ())
        except _NotTheLast:
            continue
    raise InstanceMoved()


class _NotTheLast(InstanceMoved):
    """Somebody else's opinion has come or gone since the case was read."""


def _of(session: Session, task_number: str) -> tuple[Instance, Task]:
    """The case of a signer's task, and the task that they sign."""
    own = select(Task.main_id).where(Task.number == task_number).scalar_subquery()
    found = session.execute(
        select(Instance, Task).join(Task, Task.instance_id == Instance.id).where(Task.id == own)
    ).one_or_none()
    if found is None:
        raise NotFound()
    return found[0], found[1]


def _both(session: Session, viewer: Viewer, task_number: str) -> tuple[Task, Task]:
    """The task and the signer's own, locked in this order after their case; refuses by name where no opinion is due."""
    _, main = _of(session, task_number)
    _lock(session, main.instance_id)
    query = select(Task).with_for_update().execution_options(populate_existing=True)
    main = session.execute(query.where(Task.id == main.id)).scalar_one()
    own = session.execute(query.where(Task.number == task_number)).scalar_one()
    if own.holder_id != viewer.person_id:
        raise NotFound()
    if own.status == "suspended":
        raise InstanceSuspended()
    if own.status == "done" and own.done_at is not None:
        moment = own.done_at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M")
        raise TaskAlreadyDone(name=viewer.name, time=moment)
    if own.status != "open" or main.status != "open":
        raise TaskNotOpen()
    return main, own


def _opinion(submission: Submission) -> str:
    return AGREED if submission.data.get("agreed") == AGREED else NOT_AGREED


def _give_opinion(
    session: Session, viewer: Viewer, main: Task, own: Task, submission: Submission, at: datetime, extra: Mapping[str, Any]
) -> None:
    """The signer's task is done, and its event written; where they do not agree to what was sent, that is its holder's again."""
    event, agreed = new_event_id(), _opinion(submission) == AGREED
    own.status, own.done_at, own.done_by_id, own.outcome = "done", at, viewer.person_id, _opinion(submission)
    main.signers_open -= 1
    # Of one that was handed over (离岗交接) whoever has really signed.
    by = {"number": viewer.number, "name": viewer.name}
    found = signatures.over(signatures.entries(main), own.number, "signed", at, agreed=agreed, to=by)
    main.explanation = {**main.explanation, "signers": found}
    if signatures.is_sent(main) and not agreed:
        _give_back(session, main, at, again=True)
    session.flush()
    _keep_paper(session, viewer, own, submission, event, at)
    _tell_holder(session, viewer, main, own, submission, at)
    _note(session, viewer, own, Kind.SIGNER_SIGNED, at, {
        "main": main.number, "mode": own.explanation["signing"]["mode"], "submission": paper_of(submission), **extra,
    }, event_id=event, outcome=_opinion(submission))  # fmt: skip


def _keep_paper(
    session: Session, viewer: Viewer, own: Task, submission: Submission, event: str, at: datetime
) -> None:
    """The filled form, and whose its files are now."""
    session.execute(insert(SubmissionRow), [{
        "instance_id": own.instance_id, "task_id": own.id, "step_id": own.step_id, "form_id": submission.form_id,
        "by_id": viewer.person_id, "at": at, "token": submission.token, "data": dict(submission.data),
        "seen": dict(submission.seen), "event": event,
    }])  # fmt: skip
    _bind(session, viewer.person_id, own.instance_id, submission, at)


def _bind(session: Session, person_id: int, instance_id: int, submission: Submission, at: datetime) -> None:
    digests = [one.sha256 for one in submission.attachments]
    if digests:
        signature_images.put_on(session, person_id, instance_id, digests, at)
        session.execute(
            update(Attachment)
            .where(Attachment.sha256.in_(digests), Attachment.uploaded_by_id == person_id, Attachment.instance_id.is_(None))
            .values(instance_id=instance_id)
            .execution_options(synchronize_session=False)
        )


def _tell_holder(session: Session, viewer: Viewer, main: Task, own: Task, submission: Submission, at: datetime) -> None:
    """Whoever holds the task hears of the opinion, and whether the form is theirs again."""
    if main.holder_id is None:
        return
    instance = session.get_one(Instance, main.instance_id)
    after = own.explanation["signing"]["mode"] == "after"
    notice = "signatures_objected" if after and _opinion(submission) != AGREED else "signature_given"
    words = str(submission.data.get("words") or "")
    assignments.tell(session, instance, main, main.holder_id, notice, at, by=viewer.name, opinion=_opinion(submission), reason=words)


def decline(
    db: Database, viewer: Viewer, task_number: str, reason: str, *, at: datetime, conflict: bool = False
) -> None:
    """Give no opinion (谢绝加签); after a ``conflict`` of interest one is not asked again.

    ``task_number`` is the signer's own task. A form that was sent and waits for them is its holder's again. One transaction, one
    event ``signer:declined``. Raises ``ReasonNeeded`` and what ``sign`` raises.
    """
    words = reason_of(reason)
    with db.write() as session:
        main, own = _both(session, viewer, task_number)
        mode = own.explanation["signing"]["mode"]
        found = signatures.over(signatures.entries(main), own.number, "recused" if conflict else "declined", at)
        main.explanation = {**main.explanation, "signers": found}
        _closed(session, main, own.number, at)
        out = {"number": viewer.number, "name": viewer.name, "reason": RECUSED}
        if conflict:
            main.explanation = {**main.explanation, "excluded": [*main.explanation.get("excluded", ()), out]}
        if signatures.is_sent(main):
            _give_back(session, main, at)
        session.flush()
        if main.holder_id is not None:
            instance = session.get_one(Instance, main.instance_id)
            assignments.tell(session, instance, main, main.holder_id, "signature_declined", at, by=viewer.name, reason=words)
        more = {"excluded": out} if conflict else {}
        _note(session, viewer, own, Kind.SIGNER_DECLINED, at, {"main": main.number, "mode": mode, "words": words, **more})


# --- signing after the holder (后加签) --------------------------------------------------------------------------------


def submit(db: Database, viewer: Viewer, task_number: str, submission: Submission, *, at: datetime) -> Moved:
    """Send the form of a task that others are to sign after one: it is kept, and they are asked.

    One transaction, one event ``task:submitted``. The same token again gives the same answer. Raises ``SignersOpen`` (some are
    to sign before), and what completing the task raises of the person.
    """
    with db.write() as session:
        task = _locked(session, viewer, task_number, at)
        instance = session.get_one(Instance, task.instance_id)
        if signatures.is_sent(task):
            if (task.kept or {}).get("token") == submission.token:
                return _sent(instance, task, repeated=True)
            raise SignersOpen(names=_names(signatures.asked(task)))
        assignments.require_back(task)
        if task.holder_id not in (None, viewer.person_id):
            raise HeldByAnother(name=assignments.holder_of(session, task))
        if task.signers_open:
            raise SignersOpen(names=_names(signatures.asked(task)))
        asked = signatures.planned(task)
        task.holder_id = viewer.person_id
        task.kept = {**as_request(submission), "by": viewer.person_id, "at": at.isoformat(), "waiting": True}
        _open(session, task, asked, at)
        _bind(session, viewer.person_id, task.instance_id, submission, at)
        drafts.discard(session, viewer.person_id, f"task:{task.number}")
        _note(session, viewer, task, Kind.TASK_SUBMITTED, at, {
            "submission": paper_of(submission), "signers": [{"task": one["task"], **one["to"]} for one in asked],
        })  # fmt: skip
        return _sent(instance, task)


def _sent(instance: Instance, task: Task, *, repeated: bool = False) -> Moved:
    names = tuple(one["to"]["name"] for one in signatures.asked(task))
    following = NextStep(task.step_id, task.name, names, task.due_at, task.due_provisional)
    return Moved(instance.number, instance.title, task.name, (following,), repeated=repeated)


def _effect(
    session: Session, viewer: Viewer, own_number: str, main: Task, submission: Submission, at: datetime,
    completing: Completing, extra: Mapping[str, Any],
) -> Transition:
    """What was sent takes effect by the opinion of the last signer: the holder's decision, the signer's act."""
    kept = main.kept or {}
    holder = accounts.viewer_of(session, kept["by"], at=at)
    if holder is None:
        raise NobodyFits(step=main.name)
    own = session.execute(select(Task).where(Task.number == own_number)).scalar_one()
    signing = own.explanation["signing"]
    by = {"number": holder.number, "name": holder.name, "at": kept["at"]}
    last = {"task": own_number, "number": viewer.number, "name": viewer.name}
    transition = completing(session, holder, main.number, submission_of(kept), at, {"submitted_by": by, "signed_last_by": last})
    completed = transition.claim

    def claim(session: Session) -> None:
        task, signers = _both(session, viewer, own_number)
        if not signatures.is_sent(task) or task.signers_open != 1 or (task.kept or {})["token"] != kept["token"]:
            raise _NotTheLast()
        _give_opinion(session, viewer, task, signers, submission, at, extra)
        task.kept = {**kept, "waiting": False}
        session.flush()
        completed(session)

    transition.claim, transition.done = claim, None
    transition.actor = viewer.actor(role=signing["role"], organisation=signing["organisation"])
    return transition


@dataclass(frozen=True)
class Sent:
    """What somebody has sent and others are to sign: the form as it is filled in, before it takes effect."""

    form_id: str
    data: Mapping[str, Any]
    seen: Mapping[str, Any]
    by_name: str
    at: datetime


def to_sign(session: Session, own: Task) -> Sent | None:
    """What a signer is asked to sign after its holder has sent it; nothing where they sign before or meanwhile."""
    found = session.execute(
        select(Task.kept, Person.name).outerjoin(Person, Person.id == Task.holder_id).where(Task.id == own.main_id)
    ).one_or_none()
    if found is None or not found.kept:
        return None
    sent = submission_of(found.kept)
    return Sent(sent.form_id, sent.data, sent.seen, found.name or "", datetime.fromisoformat(found.kept["at"]))


def sent_by(task: Task, viewer: Viewer) -> dict[str, Any]:
    """What the viewer had sent of a task before somebody did not agree to it, by field; it is filled in again."""
    kept = task.kept
    if kept is None or kept.get("waiting") or kept.get("by") != viewer.person_id:
        return {}
    return {key: value for key, value in submission_of(kept).data.items() if key not in drafts.PERSONAL}


# --- rows -----------------------------------------------------------------------------------------------------------


def _lock(session: Session, instance_id: int) -> None:
    """Every act on a case locks its instance first and what hangs on it afterwards (``Transition.write``)."""
    session.execute(select(Instance.id).where(Instance.id == instance_id).with_for_update())


def _locked(
    session: Session, viewer: Viewer, task_number: str, at: datetime, principal: Principal | None = None
) -> Task:
    """The open task as it is now, and stays until the transaction ends, with its case; why one finds it no longer."""
    if principal is not None:
        _lock(session, session.execute(select(Task.instance_id).where(Task.number == task_number)).scalar_one())
        return assignments.locked(session, viewer, task_number, at, principal)
    try:
        _lock(session, access.task_for(session, viewer, task_number, at).instance_id)
    except NotFound:
        raise assignments.gone(session, viewer, task_number, at) from None
    return assignments.locked(session, viewer, task_number, at)


def _note(
    session: Session, viewer: Viewer, task: Task, kind: Kind, at: datetime, more: Mapping[str, Any], *,
    event_id: str | None = None, outcome: str | None = None, principal: Principal | None = None,
) -> None:
    """Record one act, in the case's stream; a signer acts in the role in which they were asked."""
    instance = session.get_one(Instance, task.instance_id)
    signing = task.explanation.get("signing") or {}
    record(session, Act(
        instance_stream(instance.number), kind, at,
        principal.actor(viewer) if principal is not None
        else viewer.actor(role=signing.get("role"), organisation=signing.get("organisation")), definition=instance.definition,
        instance=instance.number, task=task.number, outcome=outcome, payload={"step": task.step_id, **more},
    ), event_id=event_id)  # fmt: skip


def _names(found: Sequence[Mapping[str, Any]]) -> str:
    return "、".join(one["to"]["name"] for one in found)


def names_open(task: Task) -> SignersOpen:
    """The refusal for a task whose signers have not all signed."""
    return SignersOpen(names=_names(signatures.asked(task)))


def gone(session: Session, viewer: Viewer, task_number: str) -> TaskNotOpen | None:
    """Why somebody does not find a task that they were asked to sign once: it is over without their opinion."""
    found = session.execute(
        select(Task.explanation).join(Person, Person.id == Task.holder_id)
        .where(Task.number == task_number, Task.main_id.is_not(None), Person.id == viewer.person_id)
    ).scalar_one_or_none()
    return TaskNotOpen() if found is not None else None
