"""The tree of a foreign file while it is rewritten, with what is noted about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lxml import etree

from workflows import feel
from workflows.engine import fence
from workflows.engine.fence import BPMN, BPMNDI, ZEEBE
from workflows.foreign_models.report import Note

#: Words of other engines' repetitions, and what they are called here. Their counter begins at 0.
_COUNTS = {
    "nrOfInstances": "numberOfInstances",
    "nrOfActiveInstances": "numberOfActiveInstances",
    "nrOfCompletedInstances": "numberOfCompletedInstances",
    "loopCounter": "(loopCounter - 1)",
}
_COUNT = re.compile(r"\b(" + "|".join(_COUNTS) + r")\b")
#: Texts that another language evaluates.
FOREIGN_TEXT = re.compile(r"[$#]\{")


def _data_object(text: str) -> str | None:
    """FEEL for the XPath of the standard that only compares data objects; None for more than that."""
    found = re.sub(r"(?:\w+:)?getDataObject\('(\w+)'\)", r"\1", text).replace("'", '"')
    try:
        return None if "(" in found.replace("not(", "") or "/" in found else feel.compile(found).text
    except feel.FeelSyntaxError:
        return None


def bpmn(tag: str) -> str:
    """The name of a BPMN element as lxml has it."""
    return f"{{{BPMN}}}{tag}"


def zeebe(tag: str) -> str:
    """The name of a zeebe element as lxml has it."""
    return f"{{{ZEEBE}}}{tag}"


def local(element: Any) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def space(name: str) -> str:
    """The namespace of an element's or attribute's name; "" without one."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


class Model:
    """One file on its way to the dialect."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.notes: list[Note] = []
        self._ids = {element.get("id") for element in root.iter() if element.get("id")}
        self._numbers: Counter[str] = Counter()
        #: The first process or collaboration: declarations stand before it.
        self.first = next(child for child in root if local(child) in {"process", "collaboration"})
        #: Shapes of the drawing by the element they show; filled when first asked for.
        self.shapes: dict[str, Any] = {}
        #: Whether no process of the file was meant to be executed: it was drawn for readers.
        self.for_readers = all(one.get("isExecutable") != "true" for one in root.findall(bpmn("process")))
        #: Variable that holds the starter's name, as camunda:initiator says.
        self.initiator = ""

    def every(self, *tags: str) -> Iterator[Any]:
        """The BPMN elements of those names, in document order; safe while they are changed."""
        return iter(list(self.root.iter(*(bpmn(tag) for tag in tags))))

    def note(self, kind: str, element: Any, reason: str, tag: str = "") -> None:
        """Note something about ``element``."""
        owner, lined = element, element
        while owner is not None and not owner.get("id"):
            owner = owner.getparent()
        while lined is not None and not lined.sourceline:
            lined = lined.getparent()
        name = owner.get("id") if owner is not None else ""
        self.notes.append(
            Note(kind, name, tag or local(element), lined.sourceline if lined is not None else 0, one_line(reason))
        )

    def rewritten(self, element: Any, reason: str) -> None:
        """Note a change that keeps the meaning."""
        self.note("rewritten", element, reason)

    def lost(self, element: Any, reason: str, tag: str = "") -> None:
        """Note something that has no counterpart here."""
        self.note("lost", element, reason, tag)

    def provide(self, element: Any, what: str) -> None:
        """Note something that the office has to make before the model can be deployed."""
        self.note("provide", element, what)

    def new_id(self, wanted: str) -> str:
        """An id that nothing else has, like ``wanted``."""
        stem = re.sub(r"\W", "_", wanted)
        stem = stem if re.match(r"[^\W\d]", stem) else f"id_{stem}"
        name = stem
        while name in self._ids:
            self._numbers[stem] += 1
            name = f"{stem}_{self._numbers[stem] + 1}"
        self._ids.add(name)
        return name

    def word(self, element: Any) -> str:
        """The element's id as a FEEL name: what stands for it where the drawing leaves something open."""
        text = re.sub(r"\W", "_", element.get("id", ""))
        return text if text.isidentifier() else f"id_{text}"

    def child(self, parent: Any, tag: str, *, text: str = "", **attributes: str) -> Any:
        """A new BPMN child at the end of ``parent``."""
        element = etree.SubElement(parent, bpmn(tag), attrib=attributes)
        element.text = text or None
        return element

    def extension(self, element: Any, tag: str) -> Any:
        """The zeebe extension of that name; made when there is none."""
        holder = element.find(bpmn("extensionElements"))
        if holder is None:
            holder = etree.Element(bpmn("extensionElements"))
            place = sum(1 for child in element if child.tag == bpmn("documentation"))
            element.insert(place, holder)
        found = holder.find(zeebe(tag))
        return etree.SubElement(holder, zeebe(tag)) if found is None else found

    def has(self, element: Any, *tags: str) -> bool:
        """Whether the element has one of those zeebe extensions."""
        return any(element.find(f"{bpmn('extensionElements')}/{zeebe(tag)}") is not None for tag in tags)

    def mapping(self, element: Any, way: str, source: str, target: str) -> None:
        """One line of the element's zeebe:ioMapping; ``way`` is input or output."""
        etree.SubElement(self.extension(element, "ioMapping"), zeebe(way), source=source, target=target)

    def extensions(self, element: Any) -> list[Any]:
        """The extension elements of ``element``."""
        return [child for holder in element.findall(bpmn("extensionElements")) for child in holder]

    def drop(self, element: Any) -> None:
        """Take an element out of the tree; an extensionElements that becomes empty goes too."""
        parent = element.getparent()
        parent.remove(element)
        if parent.tag == bpmn("extensionElements") and not len(parent):
            parent.getparent().remove(parent)

    def erase(self, element: Any) -> None:
        """Take an element out of the tree with everything of it that is drawn."""
        names = {one.get("id") for one in element.iter() if one.get("id")}
        for shape in list(self.root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge")):
            if (shape.get("bpmnElement") or "").rpartition(":")[2] in names:
                shape.getparent().remove(shape)
        self.drop(element)

    def retag(self, element: Any, tag: str) -> None:
        """Make another BPMN element of it."""
        element.tag = bpmn(tag)

    def formula(self, text: str) -> str | None:
        """`=FEEL` that means the same as the text of another language; None when nobody can tell."""
        text = text.strip()
        if self.initiator and text in {f"${{{self.initiator}}}", f"#{{{self.initiator}}}"}:
            return "=instance.starter"
        found = _data_object(text) if "getDataObject(" in text else feel.suggest(text)
        return None if found is None else "=" + _COUNT.sub(lambda match: _COUNTS[match[1]], found)

    def value(self, text: str) -> str | None:
        """A text as it is, or the FEEL for `${…}`; None when nobody can tell."""
        return self.formula(text) if FOREIGN_TEXT.search(text) else text.strip()

    def flow_nodes(self, scope: Any) -> list[Any]:
        """The steps that lie directly in a process or sub-process."""
        return [child for child in scope if local(child) in NODES and child.tag == bpmn(local(child))]

    def flows(self, scope: Any) -> list[Any]:
        """The sequence flows that lie directly in it."""
        found: list[Any] = scope.findall(bpmn("sequenceFlow"))
        return found

    def scopes(self) -> list[Any]:
        """Every executable process and every sub-process in one."""
        found = []
        for process in self.root.findall(bpmn("process")):
            if process.get("isExecutable") == "true":
                found += [process, *process.iter(bpmn("subProcess"), bpmn("transaction"), bpmn("adHocSubProcess"))]
        return found

    def steps(self, *tags: str) -> list[Any]:
        """The steps of those names in executable processes, in document order."""
        wanted = {bpmn(tag) for tag in tags}
        return [node for scope in self.scopes() for node in self.flow_nodes(scope) if node.tag in wanted]


#: BPMN names of steps.
ACTIVITIES = fence.ACTIVITIES | {"adHocSubProcess"}
GATEWAYS = ("exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway", "complexGateway")
EVENTS = ("startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent")
NODES = frozenset({*ACTIVITIES, *GATEWAYS, *EVENTS})
