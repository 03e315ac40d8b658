"""Several tasks of the inbox at once (批量): claimed, given back, handed on, or decided where the diagram lets them be.

Each is one verb in a transaction of its own with an event of its own; what came of each stands in a list that can be
found again. A few are done at once, more by the worker.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from forms import lookups
from forms.build import Bound
from webapp import typed, whom
from webapp.allowed import allowed
from webapp.case_pages import comma, turned_away
from webapp.filling import Colleagues
from webapp.languages import refusal_words, translate
from webapp.moments import now
from webapp.office import office
from workflows import access, accounts, assignments, instances, jobs, selections
from workflows.access import Viewer, office_day
from workflows.db import Database
from workflows.errors import (
    N_,
    FormIncomplete,
    HeldByAnother,
    NotFound,
    NothingSelected,
    NotInBulk,
    PersonUnclear,
    PersonUnknown,
    ReasonNeeded,
    Refusal,
)
from workflows.inbox import Filter
from workflows.incidents import reason_of
from workflows.jobs import Running

pages = Blueprint("bulk", __name__, url_prefix="/inbox/bulk")

#: Kind of the job.
BULK_ACT = "bulk_act"
#: Acts by the word in the form.
ACTS: Mapping[str, str] = {
    "claim": N_("认领"), "unclaim": N_("取消认领"), "transfer": N_("转办"), "decide": N_("批量办理"),
}  # fmt: skip
#: So many are done while the person waits; more by the worker.
AT_ONCE = 50
#: So many are done between two words of progress.
CHUNK = 5
#: What a review asks everybody who decides to declare (domain.md 3.0.2), and where an opinion goes.
DECLARED, OPINION = "conflict_declared", "opinion"


# --- the pages ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wanted:
    """What a form asks for."""

    act: str
    tasks: list[str]
    to: str = ""
    reason: str = ""
    choice: str = ""
    opinion: str = ""
    declared: bool = False


def _wanted(reading: Session) -> _Wanted:
    form, act = request.form, request.form.get("act", "")
    if act not in ACTS:
        raise NotFound()
    narrowed = None
    if "all" in form:
        given = {key: form.get(f"f-{key}", "").strip()[:100] for key in ("process", "place", "step", "q", "whose", "grade", "follow")}
        narrowed = Filter(given["process"], given["place"], given["step"], given["q"], given["whose"], given["grade"], given["follow"])
    tasks = selections.numbers(reading, g.viewer, [one[:40] for one in form.getlist("task")], narrowed, now())
    return _Wanted(
        act, tasks, form.get("to", "").strip()[:100], form.get("reason", ""), form.get("choice", "")[:100],
        form.get("opinion", "").strip()[:2000], form.get("declared") == "yes",
    )  # fmt: skip


@pages.post("/")
@allowed("signed_in")
def choose() -> Any:
    """What was selected: claimed or given back at once, or with what the act needs to be said first."""
    with office().db.read() as reading:
        wanted = _wanted(reading)
    if wanted.act in ("claim", "unclaim"):
        return _carry_out(wanted)
    return _ask(wanted)


@pages.post("/run")
@allowed("signed_in")
def run() -> Any:
    """Do it; what was typed stays when the act as a whole is refused."""
    with office().db.read() as reading:
        wanted = _wanted(reading)
    try:
        with turned_away("page", request.path):
            if wanted.act == "transfer":
                reason_of(wanted.reason)
                wanted = replace(wanted, to=whom.person(wanted.to, Colleagues(g.viewer)))
            elif wanted.act == "decide" and not wanted.choice:
                raise NothingSelected()
            return _carry_out(wanted)
    except (PersonUnclear, PersonUnknown, ReasonNeeded, NothingSelected) as refusal:
        return _ask(wanted, refusal_words(refusal)), refusal.status


def _ask(wanted: _Wanted, refused: str = "") -> str:
    with office().db.read() as reading:
        found = selections.selected(reading, g.viewer, wanted.tasks, now())
    choices = list(dict.fromkeys(choice for one in found for choice in one.choices))
    near = [lookups.choice(*one) for one in Colleagues(g.viewer).find("")]
    return render_template(
        "inbox/bulk.html", wanted=wanted, found=found, choices=choices, acts=ACTS, refused=refused, near=near,
        missing=len(wanted.tasks) - len(found), able=[one for one in found if one.choices],
        new_key=lambda: secrets.token_urlsafe(16),
    )  # fmt: skip


def _carry_out(wanted: _Wanted) -> Any:
    viewer: Viewer = g.viewer
    params = {
        "act": wanted.act, "tasks": wanted.tasks, "to": wanted.to, "reason": wanted.reason, "choice": wanted.choice,
        "opinion": wanted.opinion, "declared": wanted.declared, "person": viewer.person_id, "ip": viewer.ip,
        "language": viewer.language,
    }  # fmt: skip
    key = request.form.get("key", "")[:64]
    number = jobs.enqueue(
        office().db, BULK_ACT, params, at=now(), key=f"{BULK_ACT}:{viewer.number}:{key}" if key else None,
        by_id=viewer.person_id, by=viewer.actor(),
        payload={"act": wanted.act, "tasks": len(wanted.tasks), "choice": wanted.choice or None},
    )
    if len(wanted.tasks) <= AT_ONCE:
        jobs.run_next(office().db, {BULK_ACT: perform}, now, number)
    return redirect(url_for(".result", number=number), 303)


@pages.get("/<number>")
@allowed("signed_in")
def result(number: str) -> str:
    """What came of each task; renews itself while there is more to come."""
    with turned_away("page", request.path), office().db.read() as reading:
        job = jobs.own(reading, number, g.viewer.person_id)
    if job.kind != BULK_ACT:
        raise NotFound()
    rows = job.cursor.get("results", [])
    return render_template(
        "inbox/bulk_result.html", job=job, rows=rows, act=ACTS[job.params["act"]],
        done=sum(1 for row in rows if row["done"]), words=_words,
    )  # fmt: skip


def _words(row: Mapping[str, Any]) -> str:
    """Why one was not done, in the reader's language."""
    params = {key: translate(value) if isinstance(value, str) else value for key, value in row["params"].items()}
    if row.get("fields"):
        params["fields"] = comma().join(translate(label) for label in row["fields"])
    return translate(row["message"], params)


# --- the work -------------------------------------------------------------------------------------------------------


def perform(running: Running) -> None:
    """Act on each task of a selection, as the person who asked for it, with the rights that they hold now.

    A worker that takes up what another left begins with the first task that has no answer yet: what was done and not
    noted is found done.
    """
    params, total = running.params, len(running.params["tasks"])
    results: list[dict[str, Any]] = list(running.cursor.get("results", []))
    while len(results) < total:
        at = running.now()
        with running.db.read() as session:
            viewer = accounts.viewer_of(session, params["person"], at=at)
            if viewer is None:
                raise NotFound()
            numbers = params["tasks"][len(results) : len(results) + CHUNK]
            about = {one.number: one for one in selections.selected(session, viewer, numbers, at)}
        viewer = replace(viewer, ip=params["ip"], language=params["language"])
        for number in numbers:
            told = about.get(number)
            results.append({
                "task": number, "step": told.step_name if told else "", "case": told.instance_number if told else "",
                "title": told.title if told else "", **_one(running.db, viewer, number, running, at),
            })  # fmt: skip
        running.progress(len(results), total, results=results)


def _one(db: Database, viewer: Viewer, number: str, running: Running, at: datetime) -> dict[str, Any]:
    """Act on one task: whether it was done, else the refusal's sentence with what fills its places."""
    try:
        _VERBS[running.params["act"]](db, viewer, number, running, at)
    except Refusal as refusal:
        if _is_done_already(db, viewer, number, running.params["act"], refusal, at):
            return {"done": True}
        found = {"done": False, "code": refusal.code, "message": refusal.message, "params": _plain(refusal.params)}
        return found | ({"fields": refusal.params["labels"]} if isinstance(refusal, FormIncomplete) else {})
    return {"done": True}


def _claim(db: Database, viewer: Viewer, number: str, _running: Running, at: datetime) -> None:
    assignments.claim(db, viewer, number, at=at)


def _unclaim(db: Database, viewer: Viewer, number: str, _running: Running, at: datetime) -> None:
    assignments.unclaim(db, viewer, number, at=at)


def _transfer(db: Database, viewer: Viewer, number: str, running: Running, at: datetime) -> None:
    assignments.transfer(db, viewer, number, running.params["to"], running.params["reason"], at=at)


def _decide(db: Database, viewer: Viewer, number: str, running: Running, at: datetime) -> None:
    """Fill in the form with the one choice that was made for all, and complete the task if nothing else is missing."""
    choice = running.params["choice"]
    with db.read() as session:
        asked = instances.task_form(session, viewer, number, at)
        _require_named(session, asked, choice)
        outcome = selections.outcome_of(session, asked.definition, asked.step_id)
    data = {outcome: choice}
    if running.params["opinion"]:
        data[OPINION] = running.params["opinion"]
    if running.params["declared"]:
        data[DECLARED] = "否"
    # The job's own token: a worker that takes it up sends the same form again, which is one completion.
    bound = _typed(db, asked, data, at, f"{running.number}.{number}")
    _require_whole(asked, bound)
    instances.complete_task(db, viewer, number, typed.build.submission(bound), at=at, asked=asked)


def _require_named(session: Session, asked: instances.FormRequest, choice: str) -> None:
    """Only what the diagram names is decided for several at once, and by who decides: whoever signs gives an opinion."""
    if asked.signing is not None or choice not in selections.choices_of(session, asked.definition, asked.step_id):
        raise NotInBulk(step=asked.step_name, choice=choice)


def _require_whole(asked: instances.FormRequest, bound: Bound) -> None:
    """What a form asks besides is not made up."""
    if bound.ok:
        return
    labels = [bound.spec.label(tuple(part for part in one.path.split(".") if not part.isdigit())) for one in bound.errors]
    raise FormIncomplete(step=asked.step_name, fields="", labels=list(dict.fromkeys(labels))[:8])


def _typed(db: Database, asked: instances.FormRequest, data: Mapping[str, Any], at: datetime, token: str) -> Bound:
    find = {"organisation": typed.Organisations(db, office_day(at)), "person": typed.People(db)}
    return typed.typed(asked, data, at=at, find=find, token=token)


_VERBS: Mapping[str, Callable[[Database, Viewer, str, Running, datetime], None]] = {
    "claim": _claim, "unclaim": _unclaim, "transfer": _transfer, "decide": _decide,
}  # fmt: skip


def _is_done_already(db: Database, viewer: Viewer, number: str, act: str, refusal: Refusal, at: datetime) -> bool:
    """Whether a claim was refused because the person holds the task already."""
    if act != "claim" or not isinstance(refusal, HeldByAnother):
        return False
    with db.read() as session:
        return access.task_for(session, viewer, number, at).holder_id == viewer.person_id


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """What fills a sentence's places, as JSON; moments and days as text."""
    return {
        key: value.isoformat(" ", "minutes") if isinstance(value, datetime)
        else value.isoformat() if isinstance(value, date)
        else value if isinstance(value, int) else str(value)
        for key, value in params.items() if key != "labels"
    }  # fmt: skip
