"""Unary tests to functions of the scope and the value tested (10.3.2.8): cells of tables, and ``in``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from workflows.feel import ast
from workflows.feel.analysis import mentions
from workflows.feel.compare import holds
from workflows.feel.compile_operators import COMPARISONS, QUICK
from workflows.feel.compiler import NOWHERE, Code, builds, compile_node, is_constant
from workflows.feel.scope import Scope
from workflows.feel.types import Type
from workflows.feel.values import Range, Value

TestCode = Callable[[Scope, Value], "bool | None"]


def compile_test(test: ast.Test, types: Mapping[str, Type]) -> TestCode:
    """One positive unary test as a function of the scope and the value tested."""
    operand = compile_node(test.value, types)
    if test.sign:
        judge = COMPARISONS[test.sign]
        if is_constant(test.value) and type(operand(NOWHERE)) is Decimal:
            limit, quick = operand(NOWHERE), QUICK[test.sign]
            return lambda scope, value: (
                quick(value, limit) if type(value) is Decimal else judge(value, limit, scope.run.spend)
            )

        def compared(scope: Scope, value: Value) -> bool | None:
            cls, other = type(value), operand(scope)
            if isinstance(other, list) and test.sign in ("=", "!=") and cls is not list:
                return holds(value, other, scope.run.spend) if test.sign == "=" else None
            return judge(value, other, scope.run.spend)

        return compared
    if mentions(test.value, "?"):
        return lambda scope, value: _truth(operand(scope))
    return lambda scope, value: holds(value, operand(scope), scope.run.spend)


def _truth(answer: Value) -> bool | None:
    return answer if isinstance(answer, bool) else None


def compile_tests(node: ast.Tests, types: Mapping[str, Type]) -> TestCode:
    """The tests of a cell: true for ``-``; a test that is plainly true or false counts for any other kind of value."""
    tests = [_cell_test(test, types) for test in node.tests]
    if not tests:
        return lambda scope, value: True
    if len(tests) == 1 and not node.negated:
        return tests[0]

    def judge(scope: Scope, value: Value) -> bool | None:
        unknown = False
        for test in tests:
            answer = test(scope, value)
            if answer is True:
                return True
            unknown = unknown or answer is None
        return None if unknown else False

    if not node.negated:
        return judge

    def opposite(scope: Scope, value: Value) -> bool | None:
        answer = judge(scope, value)
        return None if answer is None else not answer

    return opposite


def _cell_test(test: ast.Test, types: Mapping[str, Type]) -> TestCode:
    if test.sign or mentions(test.value, "?"):
        return compile_test(test, types)
    operand = compile_node(test.value, types)
    if is_constant(test.value):
        return _fixed_test(operand(NOWHERE))

    def judge(scope: Scope, value: Value) -> bool | None:
        found = operand(scope)
        if isinstance(found, bool) and not isinstance(value, bool) and not isinstance(test.value, ast.Boolean):
            return found
        return holds(value, found, scope.run.spend)

    return judge


def _fixed_test(wanted: Value) -> TestCode:
    """A test against a value known beforehand: the cells of most tables, so the common kinds go a short way."""
    if type(wanted) is str or type(wanted) is Decimal:
        cls = type(wanted)
        return lambda scope, value: value == wanted if type(value) is cls else holds(value, wanted)
    if type(wanted) is Range and type(wanted.low) is Decimal and type(wanted.high) is Decimal:
        low, high, low_closed, high_closed = wanted.low, wanted.high, wanted.low_closed, wanted.high_closed

        def within(scope: Scope, value: Value) -> bool | None:
            if type(value) is not Decimal:
                return holds(value, wanted)
            return (low < value < high) or (low_closed and value == low) or (high_closed and value == high)

        return within
    return lambda scope, value: holds(value, wanted, scope.run.spend)


@builds(ast.In)
def _in(node: ast.In, types: Mapping[str, Type]) -> Code:
    value = compile_node(node.value, types)
    tests = [compile_test(test, types) for test in node.tests]

    def judge(scope: Scope) -> Value:
        found = value(scope)
        inner = scope.inner({"?": found})
        unknown = False
        for test in tests:
            answer = test(inner, found)
            if answer is True:
                return True
            unknown = unknown or answer is None
        return scope.run.fail("in: the value cannot be compared with a test") if unknown else False

    return judge
