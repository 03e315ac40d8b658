"""The elements of decision models and what each requires, linked across documents (DMN 1.5, chapter 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from workflows.decisions.boxed import Compiling, Read, checked, find_expression, function_of
from workflows.decisions.document import Document, Element, child, each, local, text_of
from workflows.decisions.itemtypes import ItemTypes, Report
from workflows.decisions.tables import Table
from workflows.feel.compiler import Code
from workflows.feel.types import Type

#: Namespace and id.
Key = tuple[str, str]


@dataclass(eq=False)
class Node:
    """An element of a graph. ``under``: import name by namespace, as its own document calls the others."""

    key: Key
    kind: str
    name: str
    element: Element
    document: Document
    type: Type | None = None
    type_name: str = ""
    #: What it needs, in the order drawn; for a service its parameters.
    requires: list[Node] = field(default_factory=list)
    code: Code | None = None
    table: Table | None = None
    #: For a service: the decisions whose values it returns.
    outputs: list[Node] = field(default_factory=list)

    def path_to(self, other: Node) -> tuple[str, str]:
        """Import name (empty for none) and name under which this element sees another."""
        if other.document is self.document:
            return "", other.name
        return self.document.imports.get(other.document.namespace, ""), other.name


class Graph:
    """All elements of the documents given."""

    def __init__(self, documents: list[Document], names: Iterable[str], report: Report) -> None:
        self._report = report
        self.documents = documents
        self.nodes: dict[Key, Node] = {}
        #: What was read of each document, for lint.
        self.compiled: dict[str, Compiling] = {}
        #: FEEL texts and tables of each element.
        self.texts: dict[Key, list[Read]] = {}
        self._types: dict[str, ItemTypes] = {}
        every_name = frozenset(names) | _names_in(documents)
        for document in documents:
            self._collect(document)
        for document in documents:
            types = self._types_of(document, every_name, ())
            self.compiled[document.namespace] = Compiling(document, types, every_name, report)
        for node in self.nodes.values():
            self._link(node)
        for node in self.nodes.values():
            self._compile(node)
        self._refuse_circles()

    def _collect(self, document: Document) -> None:
        for kind in ("inputData", "decision", "businessKnowledgeModel", "decisionService"):
            for element in document.children(kind):
                variable = child(element, "variable")
                name = element.get("name") or (variable.get("name") if variable is not None else "") or ""
                key = (document.namespace, element.get("id") or name)
                if key in self.nodes:
                    self._report(document.problem(element, f"id “{key[1]}”用了两次"))
                    continue
                self.nodes[key] = Node(key, kind, name, element, document)

    def _types_of(self, document: Document, names: frozenset[str], above: tuple[str, ...]) -> ItemTypes:
        if document.namespace not in self._types:
            imported: dict[str, ItemTypes] = {}
            for other in self.documents:
                if other.namespace in document.imports and other.namespace not in (*above, document.namespace):
                    below = self._types_of(other, names, (*above, document.namespace))
                    imported[document.imports[other.namespace]] = below
            self._types[document.namespace] = ItemTypes(document, imported, names, self._report)
        return self._types[document.namespace]

    # Links ----------------------------------------------------------------------------------------------------

    def _link(self, node: Node) -> None:
        if node.kind == "decisionService":
            for kind in ("inputData", "inputDecision"):
                node.requires.extend(self._targets(node, each(node.element, kind)))
            node.outputs.extend(self._targets(node, each(node.element, "outputDecision")))
            if not node.outputs:
                self._report(node.document.problem(node.element, "决策服务没有输出决策"))
            return
        for requirement in node.element:
            if local(requirement) in ("informationRequirement", "knowledgeRequirement"):
                node.requires.extend(self._targets(node, [r for r in requirement if local(r).startswith("required")]))

    def _targets(self, node: Node, references: list[Element]) -> list[Node]:
        found: list[Node] = []
        for reference in references:
            href = reference.get("href") or ""
            namespace, _, identity = href.rpartition("#")
            target = self.nodes.get((namespace or node.document.namespace, identity))
            if target is None:
                self._report(node.document.problem(reference, f"“{href}”在所给文件中没有对应的元素"))
            else:
                found.append(target)
        return found

    def _refuse_circles(self) -> None:
        done: set[Key] = set()

        def visit(node: Node, above: tuple[Key, ...]) -> None:
            if node.key in above:
                self._report(node.document.problem(node.element, f"“{node.name}”依赖自身"))
                node.requires.clear()
            elif node.key not in done:
                if len(above) > 200:
                    self._report(node.document.problem(node.element, "决策的依赖超过 200 层"))
                    return
                for below in list(node.requires):
                    if below.kind == "decision":
                        visit(below, (*above, node.key))
                done.add(node.key)

        for node in self.nodes.values():
            if node.kind == "decision":
                visit(node, ())

    # Logic ----------------------------------------------------------------------------------------------------

    def _compile(self, node: Node) -> None:
        compiling = self.compiled[node.document.namespace]
        start = len(compiling.texts)
        variable = child(node.element, "variable")
        node.type = compiling.type_of(variable)
        node.type_name = (variable.get("typeRef") or "" if variable is not None else "").strip()
        if node.kind == "decision":
            expression = find_expression(node.element)
            if expression is None:
                self._report(node.document.problem(node.element, "决策没有写出逻辑"))
            code = compiling.expression(expression)
            node.table = code if isinstance(code, Table) else None
            node.code = checked(code, node.type, f"“{node.name}”")
        elif node.kind == "businessKnowledgeModel":
            logic = child(node.element, "encapsulatedLogic")
            if logic is None:
                self._report(node.document.problem(node.element, "业务知识模型没有写出逻辑"))
            else:
                result = node.type if node.type is not None and node.type.name != "function" else None
                node.code = function_of(compiling, logic, node.name, result)
        self.texts[node.key] = compiling.texts[start:]

    # Looking up -----------------------------------------------------------------------------------------------

    def find(self, reference: str, *kinds: str) -> Node | None:
        """The element with that id, else with that name; the first document given wins."""
        for attribute in ("id", "name"):
            for node in self.nodes.values():
                if node.kind in kinds and reference == (node.key[1] if attribute == "id" else node.name):
                    return node
        return None


def _names_in(documents: list[Document]) -> frozenset[str]:
    found: set[str] = set()
    for document in documents:
        for element in document.root.iter("{*}*"):
            if not isinstance(element.tag, str):
                continue
            for attribute in ("name", "iteratorVariable"):
                name = element.get(attribute)
                if name and local(element):
                    found.add(name)
    return frozenset(found)


def description(node: Node) -> str:
    """The question a decision answers, or its description."""
    return text_of(child(node.element, "question", "description"))
