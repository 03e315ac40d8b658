"""Filters, iterations and quantifiers to closures. Each round is charged by the size of what it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from workflows.feel import ast
from workflows.feel.access import at_position, domain, filtered, steps
from workflows.feel.analysis import mentions, weight
from workflows.feel.compiler import NOWHERE, Code, builds, compile_node
from workflows.feel.scope import Scope
from workflows.feel.types import Type
from workflows.feel.values import Value


@builds(ast.Filter)
def _filter(node: ast.Filter, types: Mapping[str, Type]) -> Code:
    source, condition = compile_node(node.source, types), compile_node(node.condition, types)
    cost, named = weight(node.condition), mentions(node.condition, "item")
    position = node.condition.value if isinstance(node.condition, ast.Negate) else node.condition
    if isinstance(position, ast.Number):
        fixed = condition(NOWHERE)
        return lambda scope: at_position(_listed(source(scope)), fixed, scope.run)
    return lambda scope: filtered(_listed(source(scope)), condition, scope, cost, named=named)


def _listed(value: Value) -> list[Value]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


class _NoDomain(Exception):
    """An iterator's domain is null or cannot be walked."""


def _domains(
    iterators: tuple[ast.Iterator, ...], types: Mapping[str, Type], cost: int
) -> Callable[[Scope], Iterator[Scope]]:
    """A function that yields one scope for each combination of the iterators' items.

    Each costs ``cost`` steps; raises _NoDomain where an iterator cannot run.
    """
    parts = [
        (it.name, compile_node(it.domain, types), compile_node(it.upto, types) if it.upto else None) for it in iterators
    ]

    def run_level(scope: Scope, level: int) -> Iterator[Scope]:
        name, source, upto = parts[level]
        start = source(scope)
        items = domain(start, scope.run) if upto is None else steps(start, upto(scope), scope.run)
        if items is None:
            raise _NoDomain
        for item in items:
            scope.run.spend(cost)
            inner = scope.inner({name: item})
            if level + 1 == len(parts):
                yield inner
            else:
                yield from run_level(inner, level + 1)

    return lambda scope: run_level(scope, 0)


@builds(ast.For)
def _for(node: ast.For, types: Mapping[str, Type]) -> Code:
    combinations = _domains(node.iterators, types, weight(node.body))
    body = compile_node(node.body, types)
    uses_partial = mentions(node.body, "partial")

    def collect(scope: Scope) -> Value:
        results: list[Value] = []
        problems = len(scope.run.problems)
        try:
            for inner in combinations(scope):
                if uses_partial:
                    scope.run.spend(len(results) >> 3)
                    inner = inner.inner({"partial": list(results)})
                results.append(body(inner))
        except _NoDomain:
            return None
        if not results and len(scope.run.problems) > problems:
            return None
        return results

    return collect


@builds(ast.Quantified)
def _quantified(node: ast.Quantified, types: Mapping[str, Type]) -> Code:
    combinations, condition = (
        _domains(node.iterators, types, weight(node.condition)),
        compile_node(node.condition, types),
    )
    deciding = node.word == "some"

    def judge(scope: Scope) -> Value:
        unknown = False
        try:
            for inner in combinations(scope):
                answer = condition(inner)
                if answer is deciding:
                    return deciding
                unknown = unknown or answer is not (not deciding)
        except _NoDomain:
            return None
        return scope.run.fail(f"{node.word}: a condition gives no boolean") if unknown else not deciding

    return judge
