"""Decision models: loaded from DMN files, asked with facts, answering with rulings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.decisions.document import Document, read
from workflows.decisions.graph import Graph, Node, description
from workflows.decisions.ruling import Ruling
from workflows.decisions.session import Session
from workflows.errors import DefinitionRefused, Problem


@dataclass(frozen=True)
class Variable:
    """A fact or an outcome: its name, its type as declared, and the values it allows, as written."""

    name: str
    type: str = ""
    allowed: str = ""


@dataclass(frozen=True)
class Decision:
    """What can be asked: ``inputs`` are the facts it needs, through other decisions too; ``requires`` their ids."""

    id: str
    name: str
    #: The question it answers, or its description.
    question: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    requires: tuple[str, ...]
    hit_policy: str = ""


class DecisionModel:
    """The decisions of one or several DMN files. Immutable; may be asked from several threads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.decisions: dict[str, Decision] = {}
        for node in graph.nodes.values():
            if node.kind == "decision":
                self.decisions.setdefault(node.key[1], _decision(node))

    def evaluate(self, decision: str, inputs: Mapping[str, Any], *, now: dt.datetime | None = None) -> Ruling:
        """The ruling on facts. ``decision``: id or name of a decision or a decision service.

        Facts are coerced by declared type. An answer that cannot be given is None, with the reason in ``problems``;
        asking for a decision that does not exist raises KeyError.
        """
        node = self.graph.find(decision, "decision", "decisionService")
        if node is None:
            raise KeyError(decision)
        return Session(self.graph, inputs, now).ruling(node)


def load(xml: bytes | list[bytes], *, names: Collection[str] = (), files: Collection[str] = ()) -> DecisionModel:
    """Read DMN files; the first wins where ids clash.

    ``names``: names of several words, with signs or operator words, that the caller will supply; ``files``: the
    files' names for reports. Raises DefinitionRefused with every defect found.
    """
    model, problems = load_leniently(xml, names=names, files=files)
    if problems or model is None:
        raise DefinitionRefused(problems)
    return model


def load_leniently(
    xml: bytes | list[bytes], *, names: Collection[str] = (), files: Collection[str] = ()
) -> tuple[DecisionModel | None, tuple[Problem, ...]]:
    """As ``load``, but keep what can be used: a text that is not FEEL evaluates to null. For conformance and lint."""
    problems: list[Problem] = []
    raw = [xml] if isinstance(xml, bytes) else list(xml)
    labels = [*files, *(f"document {at}.dmn" for at in range(len(files) + 1, len(raw) + 1))]
    documents: list[Document] = []
    for text, label in zip(raw, labels, strict=False):
        document = read(text, label, problems.append)
        if document is not None:
            documents.append(document)
    if not documents:
        return None, tuple(problems)
    seen: dict[str, str] = {}
    for document in documents:
        if document.namespace in seen:
            problems.append(document.problem(document.root, f"命名空间与 {seen[document.namespace]} 相同"))
        seen.setdefault(document.namespace, document.file)
    try:
        model = DecisionModel(Graph(documents, names, problems.append))
    except RecursionError:
        return None, (*problems, Problem(documents[0].file, 0, "", "元素嵌套过深"))
    return model, tuple(dict.fromkeys(problems))


def _decision(node: Node) -> Decision:
    table = node.table
    if table is not None:
        outputs = tuple(Variable(o.name or node.name, o.type_name, o.values_text) for o in table.outputs)
    else:
        outputs = (Variable(node.name, node.type_name),)
    return Decision(
        id=node.key[1],
        name=node.name,
        question=description(node),
        inputs=tuple(Variable(fact.name, fact.type_name, _allowed(table, fact.name)) for fact in _facts(node, {})),
        outputs=outputs,
        requires=tuple(below.key[1] for below in node.requires if below.kind == "decision"),
        hit_policy=table.hit_policy if table is not None else "",
    )


def _allowed(table: Any, name: str) -> str:
    return next((i.allowed_text for i in table.inputs if i.text == name), "") if table is not None else ""


def _facts(node: Node, seen: dict[Any, Node]) -> list[Node]:
    found: list[Node] = []
    for below in node.requires:
        if below.key in seen:
            continue
        seen[below.key] = below
        found.extend([below] if below.kind == "inputData" else _facts(below, seen))
    return found
