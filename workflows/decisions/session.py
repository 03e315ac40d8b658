"""One question put to a decision graph: each required decision answered once, everything read noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from workflows.decisions.facts import DecisionRun, Facts, is_pack, merge_inputs
from workflows.decisions.graph import Graph, Key, Node
from workflows.decisions.itemtypes import coerce
from workflows.decisions.ruling import Ruling
from workflows.feel.expression import guarded
from workflows.feel.scope import Run, Scope
from workflows.feel.types import fit
from workflows.feel.values import Function, Value, known, plain


class Session:
    """Facts, and the rulings made on them so far."""

    def __init__(
        self,
        graph: Graph,
        inputs: Mapping[str, Any],
        now: dt.datetime | None,
        run: DecisionRun | None = None,
        given: Mapping[Key, Value] | None = None,
    ) -> None:
        self._graph = graph
        self._inputs = inputs
        self._run = run or DecisionRun(now)
        #: Values of decisions and facts supplied by the caller of a service, instead of their own.
        self._given = dict(given or {})
        self._rulings: dict[Key, Ruling] = {}
        self._functions: dict[Key, Value] = {}
        self._facts: dict[Key, Any] = {}
        hidden = {node.name for node in graph.nodes.values()} | _import_names(graph)
        # What the model does not declare (a pack, functions of the house) is in sight everywhere.
        self._house = {key: value for key, value in inputs.items() if key not in hidden}

    def ruling(self, node: Node) -> Ruling:
        """The ruling of a decision or of a decision service asked directly."""
        if node.kind == "decision":
            return self._decide(node)
        notes = self._run.notes()
        self._run.begin()
        wanted = [self._fact(fact, self._inputs) for fact in node.requires]
        names = {self._name(fact) for fact in node.requires}
        missing = sorted(name for name in names if name not in self._inputs)
        for name in missing:
            self._run.note(f"the service needs “{name}”")
        value, parts = (None, ()) if missing else self._serve(node, wanted)
        ruling = self._close(node, value, parts)
        self._run.restore(notes)
        return ruling

    # Decisions ------------------------------------------------------------------------------------------------

    def _decide(self, node: Node) -> Ruling:
        if node.key in self._rulings:
            return self._rulings[node.key]
        run = self._run
        notes = run.notes()
        parts: list[Ruling] = []
        names: dict[str, Any] = {}
        for below in node.requires:
            if below.kind == "decision" and below.key not in self._given:
                parts.append(self._decide(below))
        run.begin()
        for below in node.requires:
            self._bind(node, below, names)
        code = node.code
        value = guarded(lambda scope: plain(code(scope), run.spend) if code else None, self._scope(names))
        ruling = self._close(node, value, tuple(parts))
        self._rulings[node.key] = ruling
        run.restore(notes)
        return ruling

    def _close(self, node: Node, value: Value, parts: tuple[Ruling, ...]) -> Ruling:
        run = self._run
        inputs = run.inputs
        for part in parts:
            merge_inputs(inputs, part.inputs)
        citations = [citation for part in parts for citation in part.citations] + run.citations
        problems = [problem for part in parts for problem in part.problems] + run.problems
        answer = value
        outputs = node.table.named_outputs(answer, node.name) if node.table is not None else {node.name: answer}
        if node.table is None and isinstance(answer, dict):
            outputs = dict(answer)
        return Ruling(
            decision=node.key[1],
            name=node.name,
            value=answer,
            outputs=outputs,
            rules=tuple(run.matched),
            inputs=inputs,
            citations=_once(citations),
            problems=tuple(dict.fromkeys(problems)),
            parts=parts,
        )

    def _scope(self, names: Mapping[str, Any]) -> Scope:
        house = Scope(Facts(self._house, self._run), None, self._run, outside=True)
        return Scope(names, house, self._run, outside=True)

    def _bind(self, node: Node, below: Node, names: dict[str, Any]) -> None:
        """Put what ``node`` requires into its names, under the import's name where there is one."""
        place, name = node.path_to(below)
        inside = names.setdefault(place, {}) if place else names
        if not isinstance(inside, dict):
            return
        if below.key in self._given:
            inside[name] = self._given[below.key]
        elif below.kind == "inputData":
            inside[name] = self._fact(below, self._inputs)
        elif below.kind == "decision":
            inside[name] = self._rulings[below.key].value
        else:
            inside[name] = self._function(below)

    # Facts ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _name(node: Node) -> str:
        return node.name

    def _fact(self, node: Node, inputs: Mapping[str, Any]) -> Any:
        """An input of the facts, as its declared type, noting what is read of it."""
        name = self._name(node)
        if name not in inputs:
            return None
        value = inputs[name]
        if is_pack(value):
            return self._run.view(value)
        if node.key not in self._facts:
            self._facts[node.key] = coerce(value, node.type)
        fits, value = self._facts[node.key]
        if not fits:
            self._run.note(f"“{name}” is not of its declared type")
            return None
        return Facts({name: value}, self._run)[name]

    # Functions ------------------------------------------------------------------------------------------------

    def _function(self, node: Node) -> Value:
        """A knowledge model or a decision service as a function value."""
        if node.key not in self._functions:
            if node.kind == "decisionService":
                self._functions[node.key] = self._service(node)
            else:
                names: dict[str, Any] = {}
                scope = self._scope(names)
                self._functions[node.key] = function = node.code(scope) if node.code is not None else None
                names[node.name] = function
                for below in node.requires:
                    self._bind(node, below, names)
        return self._functions[node.key]

    def _service(self, node: Node) -> Function:
        parameters = tuple(self._name(fact) for fact in node.requires)

        def call(run: Run, *arguments: Value) -> Value:
            values: list[Value] = []
            for fact, argument in zip(node.requires, arguments, strict=True):
                fits, value = fit(argument, fact.type, run.spend)
                if not fits:
                    return run.fail(f"{node.name}: “{fact.name}” has the wrong type")
                values.append(value)
            with run.deeper():
                return self._serve(node, values)[0]

        types = tuple(fact.type for fact in node.requires)
        result = node.outputs[0].type if len(node.outputs) == 1 else None
        return Function(parameters, call, types, result, node.name)

    def _serve(self, node: Node, values: list[Value]) -> tuple[Value, tuple[Ruling, ...]]:
        """The answer of a service: the value of its only output decision, or the values of all by name."""
        given = dict(zip((fact.key for fact in node.requires), values, strict=True))
        inner = Session(self._graph, self._inputs, self._run.now, self._run, given)
        parts = tuple(inner.ruling(output) for output in node.outputs)
        for part in parts:
            for problem in part.problems:
                self._run.note(problem)
            for citation in part.citations:
                self._run.cite(citation)
        if len(parts) == 1:
            return known(parts[0].value), parts
        return {part.name: known(part.value) for part in parts}, parts


def _once(citations: list[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for citation in citations:
        if citation not in found:
            found.append(citation)
    return tuple(found)


def _import_names(graph: Graph) -> set[str]:
    return {name for document in graph.documents for name in document.imports.values()}
