"""Operators to closures: arithmetic, comparisons, and/or, between, ranges, instance of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from workflows.feel import ast
from workflows.feel.arithmetic import OPERATIONS, negate
from workflows.feel.compare import Spend, at_most, before, equal
from workflows.feel.compiler import Code, builds, compile_node
from workflows.feel.scope import Run, Scope
from workflows.feel.types import Type, conforms, resolve
from workflows.feel.values import Range, Value, kind


@builds(ast.RangeOf)
def _range(node: ast.RangeOf, types: Mapping[str, Type]) -> Code:
    low, high = compile_node(node.low, types), compile_node(node.high, types)
    low_closed, high_closed = node.low_closed, node.high_closed

    def build(scope: Scope) -> Value:
        start, end = low(scope), high(scope)
        if start is not None and end is not None:
            ordered = at_most(start, end)
            if ordered is None:
                return scope.run.fail(f"no range from a {kind(start)} to a {kind(end)}")
        elif start is None and end is None:
            return scope.run.fail("a range with two null ends")
        return Range(start, end, low_closed and start is not None, high_closed and end is not None)

    return build


@builds(ast.OneSided)
def _one_sided(node: ast.OneSided, types: Mapping[str, Type]) -> Code:
    value, sign = compile_node(node.end, types), node.sign

    def build(scope: Scope) -> Value:
        end = value(scope)
        if sign in ("<", "<="):
            return Range(None, end, False, sign == "<=", sign)
        if sign in (">", ">="):
            return Range(end, None, sign == ">=", False, sign)
        return Range(end, end, sign == "=", sign == "=", sign)

    return build


@builds(ast.Negate)
def _negate(node: ast.Negate, types: Mapping[str, Type]) -> Code:
    value = compile_node(node.value, types)

    def run_negate(scope: Scope) -> Value:
        found = value(scope)
        return negate(found, scope.run) if found is not None else None

    return run_negate


@builds(ast.Arithmetic)
def _arithmetic(node: ast.Arithmetic, types: Mapping[str, Type]) -> Code:
    chain: list[tuple[Callable[[Value, Value, Run], Value], Code]] = []
    first: ast.Node = node
    while isinstance(first, ast.Arithmetic):  # a long sum is one loop, not one frame for each term
        chain.append((OPERATIONS[first.sign], compile_node(first.right, types)))
        first = first.left
    start = compile_node(first, types)
    chain.reverse()
    if len(chain) == 1:
        operation, right = chain[0]
        return lambda scope: operation(start(scope), right(scope), scope.run)

    def fold(scope: Scope) -> Value:
        value, run = start(scope), scope.run
        for operation, right in chain:
            value = operation(value, right(scope), run)
        return value

    return fold


Judge = Callable[[Value, Value, Spend], "bool | None"]


def _unequal(left: Value, right: Value, spend: Spend) -> bool | None:
    same = equal(left, right, spend)
    return None if same is None else not same


#: What each comparison sign asks; null where the operands cannot be compared.
COMPARISONS: dict[str, Judge] = {
    "=": equal,
    "!=": _unequal,
    "<": lambda left, right, spend: before(left, right),
    "<=": lambda left, right, spend: at_most(left, right),
    ">": lambda left, right, spend: before(right, left),
    ">=": lambda left, right, spend: at_most(right, left),
}
#: The same for two numbers or two strings.
QUICK: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@builds(ast.Compare)
def _compare(node: ast.Compare, types: Mapping[str, Type]) -> Code:
    left, right = compile_node(node.left, types), compile_node(node.right, types)
    judge, quick, sign = COMPARISONS[node.sign], QUICK[node.sign], node.sign

    def run_compare(scope: Scope) -> Value:
        first, second = left(scope), right(scope)
        cls = type(first)
        if cls is type(second) and (cls is Decimal or cls is str):
            if cls is str and len(first) > 255:
                scope.run.spend(len(first) >> 8)
            return quick(first, second)
        answer = judge(first, second, scope.run.spend)
        if answer is None:
            return scope.run.fail(f"{sign} cannot compare a {kind(first)} and a {kind(second)}")
        return answer

    return run_compare


@builds(ast.Logic)
def _logic(node: ast.Logic, types: Mapping[str, Type]) -> Code:
    items = [compile_node(item, types) for item in node.items]
    deciding = node.word == "or"

    def decide(scope: Scope) -> Value:
        unknown = False
        for item in items:
            answer = item(scope)
            if answer is deciding:
                return deciding
            if answer is not (not deciding):
                unknown = True
        return None if unknown else not deciding

    return decide


@builds(ast.Between)
def _between(node: ast.Between, types: Mapping[str, Type]) -> Code:
    value, low, high = (compile_node(part, types) for part in (node.value, node.low, node.high))

    def judge(scope: Scope) -> Value:
        found = value(scope)
        first, last = at_most(low(scope), found), at_most(found, high(scope))
        if first is False or last is False:
            return False if first is not None and last is not None else scope.run.fail("between: an end has no order")
        return True if first and last else scope.run.fail("between: the values have no common order")

    return judge


@builds(ast.InstanceOf)
def _instance_of(node: ast.InstanceOf, types: Mapping[str, Type]) -> Code:
    value, wanted = compile_node(node.value, types), resolve(node.type, types)
    if wanted is None:
        return lambda scope: scope.run.fail(f"the type “{node.type.name}” is unknown")
    return lambda scope: conforms(value(scope), wanted, scope.run.spend)
