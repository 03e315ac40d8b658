"""The diagram of a case: the drawing it was started on, and the way it took, for the viewer in the page."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, request
from flask_babel import gettext
from lxml import etree

from webapp.allowed import allowed
from webapp.case_pages import turned_away
from webapp.languages import language, translate
from webapp.moments import deadline, now
from webapp.office import office
from workflows import access, case_file, deployment

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
    """Ids done, current and cancelled, and who has what stands open; ``until`` shows the way up to that event."""
    until = request.args.get("until", "")
    with turned_away("diagram", number), office().db.read() as reading:
        case = case_file.read(reading, g.viewer, number, now())
    way = case_file.path_of(case, until=int(until) if until.isascii() and until.isdigit() and len(until) < 9 else None)
    return jsonify(
        done=way.done, current=way.current, cancelled=way.cancelled,
        notes={step: _note(who, due) for step, (who, due) in way.waiting.items()},
    )  # fmt: skip


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


def _note(who: str, due: object) -> str:
    holder = who or gettext("待认领")
    by = deadline(due)  # type: ignore[arg-type]
    return gettext("%(who)s，%(due)s 前", who=holder, due=by) if by else holder
