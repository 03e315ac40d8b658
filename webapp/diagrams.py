"""The diagram of a case: the drawing it was started on, and the way it took, for the viewer in the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from flask import Blueprint, Response, g, jsonify, request
from flask_babel import gettext, ngettext
from lxml import etree

from webapp.allowed import allowed
from webapp.case_pages import colon, comma, due_words, role_name, turned_away
from webapp.languages import language, translate
from webapp.moments import deadline, moment, now
from webapp.office import office
from workflows import access, case_file, deployment, forecast
from workflows.case_file import TaskView

pages = Blueprint("diagrams", __name__, url_prefix="/diagrams")


@pages.get("/<number>.xml")
@allowed("signed_in")
def drawing(number: str) -> Response:
    """BPMN XML of the version that the case runs on."""
    with turned_away("diagram", number), office().db.read() as reading:
        xml = deployment.diagram_xml(reading, access.instance_for(reading, g.viewer, number, now()).definition)
    if language() != "zh":
        xml = _translated(xml)
    return Response(xml, mimetype="application/xml", headers={"Content-Security-Policy": "sandbox; default-src 'none'"})


@pages.get("/<number>.json")
@allowed("signed_in")
def path(number: str) -> Response:
    """Ids done, current, cancelled and expected, and of each step who and when; ``until`` shows the way up to that event."""
    until = request.args.get("until", "")
    upto = int(until) if until.isascii() and until.isdigit() and len(until) < 9 else None
    with turned_away("diagram", number), office().db.read() as reading:
        case = case_file.read(reading, g.viewer, number, now())
        ahead = forecast.ahead(reading, g.viewer, number, now()) if upto is None else None
    way = case_file.path_of(case, until=upto)
    expected = {row.step_id: row for row in reversed(ahead.rows) if not row.stands} if ahead is not None else {}
    notes = {step: _expected(row) for step, row in expected.items()}
    if upto is None:
        notes |= {step: _done(list(same)) for step, same in _by_step(case.tasks, "done")}
    notes |= {step: _waits(who, due, [one for one in case.open_tasks if one.step_id == step]) for step, (who, due) in way.waiting.items()}
    return jsonify(
        done=way.done, current=way.current, cancelled=way.cancelled,
        ahead=[step for step in expected if step not in way.done and step not in way.current], notes=notes,
    )  # fmt: skip


def _by_step(tasks: Iterable[TaskView], status: str) -> Iterator[tuple[str, Iterator[TaskView]]]:
    some = sorted((task for task in tasks if task.status == status), key=lambda task: task.step_id)
    return groupby(some, key=lambda task: task.step_id)


def _done(tasks: Sequence[TaskView]) -> str:
    """Who did a step and when, the last time; and how often."""
    last = max(tasks, key=lambda task: task.done_at or task.opened_at)
    words = gettext("%(who)s %(when)s 已办", who=last.done_by_name or "", when=moment(last.done_at))
    if last.outcome:
        words += f"{colon()}{translate(last.outcome)}"
    return words if len(tasks) == 1 else words + " · " + ngettext("共 %(num)s 次", "共 %(num)s 次", len(tasks))


def _waits(who: str, due: datetime | None, tasks: Sequence[TaskView]) -> str:
    """Who has a step now, by when, and whether that is late."""
    offices = dict.fromkeys(
        f"{name} · {translate(role_name(role))}" if role else name for task in tasks for role, _, name in task.candidates
    )
    holder = who or comma().join(offices) or gettext("待认领")
    if due is None:
        return holder
    return gettext("%(who)s，%(due)s 前", who=holder, due=deadline(due)) + f" ({due_words(due)[0]})"


def _expected(row: forecast.Expected) -> str:
    """Who could take a step ahead, and by when it is expected to be done."""
    who = comma().join(f"{one.name} · {translate(one.role)}" if one.role else one.name for one in row.who)
    who = who or (translate(row.lane) if row.kind == "task" else "")
    if row.due_at is not None and not row.after_unknown:
        return gettext("预计 %(due)s 前", due=deadline(row.due_at)) + (f" · {who}" if who else "")
    return gettext("预计经过") + (f" · {who}" if who else "")


#: Least width of a label whose language needs more room than Chinese, units of the drawing.
LABEL_WIDTH = 90


def _translated(xml: bytes) -> bytes:
    """The drawing with the names and documentation of its elements in the reader's language, and room for them."""
    tree = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    for node in tree.iter(etree.Element):
        if node.get("name") and etree.QName(node).localname != "property":
            node.set("name", translate(node.get("name")))
        if etree.QName(node).localname == "documentation" and node.text:
            node.text = translate(node.text.strip())
        if etree.QName(node).localname == "BPMNLabel":
            for bounds in node:
                width = float(bounds.get("width") or 0)
                if width < LABEL_WIDTH:
                    bounds.set("x", str(float(bounds.get("x") or 0) - (LABEL_WIDTH - width) / 2))
                    bounds.set("width", str(LABEL_WIDTH))
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8")

