"""One file from elsewhere: as it is, rewritten, drawn, or refused; whatever happens, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from lxml import etree

from workflows.engine import Diagram, Text, fence, read
from workflows.engine.fence import BPMN, ZEEBE
from workflows.errors import DefinitionRefused, Problem
from workflows.foreign_models import camunda8, encodings, graph, leftovers, open_ends
from workflows.foreign_models.camunda_people import People
from workflows.foreign_models.camunda_values import Values
from workflows.foreign_models.camunda_work import Work
from workflows.foreign_models.model import Model, bpmn, local, one_line, space
from workflows.foreign_models.report import Imported, Note

#: Most notes of one kind; a file of 40,000 elements would have as many.
MAX_NOTES = 5_000
_STANDARD = ("http://www.omg.org/spec/", "http://www.w3.org/")


def import_model(
    raw: bytes,
    *,
    file: str,
    as_drawing: bool = False,
    names: Collection[str] = (),
    there: Collection[tuple[str, str]] = (),
) -> Imported:
    """Import a BPMN file that was drawn elsewhere; nothing is deployed by it.

    A file that the engine reads as it is comes back unchanged. Otherwise it is rewritten where the meaning stays the same; what
    has no counterpart refuses it, or with ``as_drawing`` makes it a drawing that is not executable. Never raises for what the
    file holds; takes time in proportion to its size. ``names`` are those of the house, as engine.read wants them; ``there`` is
    what need not be provided, each with its kind: ("表单", form id), ("决策", decision id), ("自动环节", order), ("流程", process id).
    """
    try:
        diagrams = read(raw, file=file, names=names)
    except DefinitionRefused as refused:
        return _import(raw, file, as_drawing, names, there, refused)
    return Imported("as is", raw, tuple(_needed(diagrams, there)))


def _import(
    raw: bytes,
    file: str,
    as_drawing: bool,
    names: Collection[str],
    there: Collection[tuple[str, str]],
    first: DefinitionRefused,
) -> Imported:
    try:
        root, assumed = encodings.tree(raw, file)
    except DefinitionRefused as refused:
        return Imported("refused", None, _unreadable(refused.problems))
    if root.tag != bpmn("definitions") or root.find(bpmn("process")) is None:
        return Imported("refused", None, _unreadable(first.problems))
    model = Model(root)
    if assumed:
        model.rewritten(root, f"文件没有按声明的编码书写，按 {assumed} 读取，写为 UTF-8")
    _rewrite(model)
    content = _bytes(root)
    diagrams: tuple[Diagram, ...] = ()
    try:
        diagrams = read(content, file=file, names=names)
    except DefinitionRefused as refused:
        _lose(model, refused.problems)
    lost = [note for note in model.notes if note.kind == "lost"]
    if not lost:
        if root.find(f"{{{fence.BPMNDI}}}BPMNDiagram") is None:
            model.provide(root, "图形（BPMN DI）：文件里没有布局")
        lines = {one.get("id"): one.sourceline for one in root.iter(f"{{{BPMN}}}*")}
        needed = [replace(note, line=lines.get(note.element) or note.line) for note in _needed(diagrams, there)]
        return Imported("imported", content, _sorted([*model.notes, *needed]))
    if not as_drawing:
        return Imported("refused", None, _sorted(lost))
    drawing, _assumed = encodings.tree(raw, file)
    return Imported("drawn", _drawing(drawing), _sorted(lost))


def _needed(diagrams: Collection[Diagram], there: Collection[tuple[str, str]]) -> Iterator[Note]:
    """What steps name and the office has to make."""
    known = {*there, *(("流程", diagram.process_id) for diagram in diagrams)}
    for step in (step for diagram in diagrams for step in diagram.steps.values()):
        called = step.called.text if isinstance(step.called, Text) else ""
        for kind, name in (
            ("表单", step.form_id),
            ("决策", step.decision_id),
            ("自动环节", step.task_type),
            ("流程", called),
        ):
            if name and (kind, name) not in known:
                yield Note(
                    "provide", step.id, step.kind, step.line, one_line(f"{kind} {name}：“{step.name or step.id}”")
                )


def _rewrite(model: Model) -> None:
    leftovers.drop_leftovers(model)
    leftovers.drop_beside_zeebe(model)
    leftovers.drop_what_says_nothing(model)
    graph.give_ids(model)
    graph.make_executable(model)
    camunda8.adapt(model)
    for translation in (People, Work, Values):
        translation(model).translate()
    open_ends.name_what_is_open(model)
    graph.start_and_end(model)
    leftovers.lose_the_rest(model)


def _bytes(root: Any) -> bytes:
    # Values may hold names with a prefix, which nothing else shows to be used.
    inner = root.get("targetNamespace")
    kept = [prefix for prefix, uri in root.nsmap.items() if prefix and (uri == inner or uri.startswith(_STANDARD))]
    etree.cleanup_namespaces(root, top_nsmap={"zeebe": ZEEBE}, keep_ns_prefixes=[*kept, "zeebe"])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _lose(model: Model, problems: Collection[Problem]) -> None:
    """What the engine still refuses, at the line of the file as it was given."""
    elements = {element.get("id"): element for element in model.root.iter(f"{{{BPMN}}}*") if element.get("id")}
    said = {note.element for note in model.notes if note.kind == "lost"}
    for problem in problems:
        element = elements.get(problem.element, model.root)
        if problem.element not in said:  # what is said of an element already is why this is wrong with it
            model.lost(element, problem.reason, _row(problem, element))


def _row(problem: Problem, element: Any) -> str:
    """The row of bpmn/README.md that a problem belongs to: the element it names, else the one it is at."""
    for tag in re.findall(r"bpmn:(\w+)", problem.reason):
        if tag in fence.REFUSED or tag in fence.LIMITS:
            return str(tag)
    while element is not None and local(element) not in {*fence.REFUSED, *fence.LIMITS}:
        element = element.getparent()
    return local(element) if element is not None else "definitions"


def _unreadable(problems: Collection[Problem]) -> tuple[Note, ...]:
    return tuple(Note("lost", one.element, "definitions", one.line, one.reason) for one in problems)


def _sorted(notes: Collection[Note]) -> tuple[Note, ...]:
    return tuple(sorted(dict.fromkeys(notes), key=lambda note: (note.line, note.element, note.kind)))[:MAX_NOTES]


def _drawing(root: Any) -> bytes:
    """The file as a picture: nothing of it runs, nothing of other vendors is left."""
    for process in root.iter(bpmn("process")):
        process.set("isExecutable", "false")
    for element in list(root.iter(f"{{{BPMN}}}*")):
        for name in [name for name in element.attrib if _others(name)]:
            del element.attrib[name]
        for holder in element.findall(bpmn("extensionElements")):
            for child in [child for child in holder if _others(child.tag)]:
                holder.remove(child)
    for child in [child for child in root if _others(child.tag) and not child.tag.startswith(f"{{{fence.BPMNDI}}}")]:
        root.remove(child)
    return _bytes(root)


def _others(name: str) -> bool:
    return space(name) not in {"", BPMN, ZEEBE, fence.XSI} and not space(name).startswith("http://www.w3.org/")


def refusal_row(note: Note) -> bool:
    """Whether a loss names an element that bpmn/README.md lists as refused, wholly or in part."""
    return note.tag in fence.REFUSED or note.tag in fence.LIMITS
