"""Decision tables: rules matched against facts, and the hit policies (DMN 1.5, 8.2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.decisions.facts import DecisionRun
from workflows.decisions.ruling import Matched
from workflows.feel.arithmetic import add
from workflows.feel.compare import before, equal
from workflows.feel.compile_tests import TestCode
from workflows.feel.compiler import Code
from workflows.feel.scope import Scope
from workflows.feel.types import Type, fit
from workflows.feel.values import Value, known, number

HIT_POLICIES = ("UNIQUE", "FIRST", "PRIORITY", "ANY", "COLLECT", "RULE ORDER", "OUTPUT ORDER")
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")


@dataclass(frozen=True)
class Input:
    """An input column: its expression, its type, and the values it allows."""

    label: str
    text: str
    code: Code
    type: Type | None
    allowed: TestCode | None
    allowed_text: str = ""
    type_name: str = ""


@dataclass(frozen=True)
class Output:
    """An output column: its name (empty for an only output), type, values in order of priority, and default."""

    name: str
    type: Type | None
    values: tuple[Code, ...]
    default: Code | None
    values_text: str = ""
    type_name: str = ""


@dataclass(frozen=True)
class Rule:
    """One row: a test for each input, a value for each output, the annotations as written."""

    id: str
    index: int
    tests: tuple[TestCode | None, ...]
    results: tuple[Code, ...]
    annotations: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A decision table, ready to be asked."""

    id: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]
    hit_policy: str
    aggregation: str
    annotation_names: tuple[str, ...] = ()

    def __call__(self, scope: Scope) -> Value:
        """The answer for the facts in scope; the rules that decided are noted on the run."""
        values: list[Value] = []
        for column in self.inputs:
            value = column.code(scope)
            if value is not None and column.type is not None:
                fits, value = fit(value, column.type, scope.run.spend)
                if not fits:
                    return scope.run.fail(f"{self.id}: “{column.label}” has the wrong type")
            if column.allowed is not None and column.allowed(scope.inner({"?": value}), value) is not True:
                return scope.run.fail(f"{self.id}: “{column.label}” is not an allowed value")
            values.append(value)
        return self._decide(scope, self._matching(scope, values))

    def _matching(self, scope: Scope, values: list[Value]) -> list[Rule]:
        scopes = [scope.inner({"?": value}) for value in values]
        found: list[Rule] = []
        scope.run.spend(len(self.rules))
        for rule in self.rules:
            for test, inner, value in zip(rule.tests, scopes, values, strict=True):
                if test is not None and test(inner, value) is not True:
                    break
            else:
                found.append(rule)
                if self.hit_policy == "FIRST":
                    break
        return found

    def _decide(self, scope: Scope, matched: list[Rule]) -> Value:
        if not matched:
            return self._default(scope)
        hits = [(rule, self._row(rule, scope)) for rule in matched]
        match self.hit_policy:
            case "UNIQUE":
                self._note(scope, matched)
                if len(hits) > 1:
                    rows = ", ".join(str(rule.index) for rule in matched)
                    return scope.run.fail(f"{self.id}: rules {rows} match, but only one may")
                return self._value(hits[0][1])
            case "FIRST":
                self._note(scope, matched)
                return self._value(hits[0][1])
            case "ANY":
                self._note(scope, matched)
                if not all(equal(self._value(hits[0][1]), self._value(row), scope.run.spend) for _, row in hits[1:]):
                    return scope.run.fail(f"{self.id}: the rules that match give different answers")
                return self._value(hits[0][1])
            case "PRIORITY":
                best = self._by_priority(hits, scope)[0]
                self._note(scope, [best[0]])
                return self._value(best[1])
            case "OUTPUT ORDER":
                ordered = self._by_priority(hits, scope)
                self._note(scope, [rule for rule, _ in ordered])
                return [self._value(row) for _, row in ordered]
        self._note(scope, matched)
        rows_in_order = [self._value(row) for _, row in hits]
        if self.hit_policy == "COLLECT" and self.aggregation:
            return self._aggregate(rows_in_order, scope)
        return rows_in_order

    def _row(self, rule: Rule, scope: Scope) -> list[Value]:
        row: list[Value] = []
        for result, output in zip(rule.results, self.outputs, strict=True):
            value = result(scope)
            fits, converted = fit(value, output.type, scope.run.spend)
            if not fits:
                scope.run.fail(f"{self.id}: rule {rule.index} gives a value of the wrong type")
            row.append(converted if fits else None)
        return row

    def _value(self, row: list[Value]) -> Value:
        if len(row) == 1:
            return row[0]
        return {output.name: value for output, value in zip(self.outputs, row, strict=True)}

    def _default(self, scope: Scope) -> Value:
        if any(output.default is not None for output in self.outputs):
            row = [output.default(scope) if output.default is not None else None for output in self.outputs]
            value = self._value(row)
            multiple = self.hit_policy in ("RULE ORDER", "OUTPUT ORDER") or (
                self.hit_policy == "COLLECT" and not self.aggregation
            )
            return [value] if multiple and not isinstance(value, list) else value
        if self.hit_policy == "COLLECT" and self.aggregation == "COUNT":
            return number(0)
        if self.hit_policy in ("COLLECT", "RULE ORDER", "OUTPUT ORDER") and not self.aggregation:
            return []
        return scope.run.fail(f"{self.id}: no rule matches")

    def _by_priority(self, hits: list[tuple[Rule, list[Value]]], scope: Scope) -> list[tuple[Rule, list[Value]]]:
        """Hits by the order of the outputs' values; what is not listed comes last; ties keep the table's order."""
        orders = [[code(scope) for code in output.values] for output in self.outputs]

        def rank(row: list[Value]) -> tuple[int, ...]:
            return tuple(
                next((at for at, listed in enumerate(order) if equal(listed, value)), len(order))
                for order, value in zip(orders, row, strict=True)
            )

        return sorted(hits, key=lambda hit: rank(hit[1]))

    def _aggregate(self, values: list[Value], scope: Scope) -> Value:
        if self.aggregation == "COUNT":
            return number(len(values))
        best = values[0]
        for value in values[1:]:
            if self.aggregation == "SUM":
                best = add(best, value, scope.run)
                continue
            answer = before(value, best) if self.aggregation == "MIN" else before(best, value)
            if answer is None:
                return scope.run.fail(f"{self.id}: the outputs have no order")
            best = value if answer else best
        return best

    def _note(self, scope: Scope, rules: list[Rule]) -> None:
        run = scope.run
        if isinstance(run, DecisionRun):
            run.matched.extend(Matched(self.id, rule.id, rule.index, rule.annotations) for rule in rules)

    def named_outputs(self, value: Any, fallback: str) -> dict[str, Any]:
        """The answer by output name; for policies with several hits each name has the list of its values."""
        names = [output.name or fallback for output in self.outputs]
        if len(names) == 1:
            return {names[0]: value}
        if isinstance(value, list):
            return {name: [known(row.get(name)) for row in value if isinstance(row, dict)] for name in names}
        return dict(value) if isinstance(value, dict) else dict.fromkeys(names)
