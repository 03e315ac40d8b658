"""Unary tests to functions of the scope and the value tested (10.3.2.8): cells of tables, and ``in``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workflows.feel import ast
from workflows.feel.analysis import mentions
from workflows.feel.compare import holds
from workflows.feel.compile_operators import COMPARISONS
from workflows.feel.compiler import Code, builds, compile_node
from workflows.feel.scope import Scope
from workflows.feel.types import Type
from workflows.feel.values import Value

TestCode = Callable[[Scope, Value], "bool | None"]


def compile_test(test: ast.Test, types: Mapping[str, Type]) -> TestCode:
    """One positive unary test as a function of the scope and the value tested."""
    operand = compile_node(test.value, types)
    if test.sign:
        judge = COMPARISONS[test.sign]

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

    def judge(scope: Scope, value: Value) -> bool | None:
        found = operand(scope)
        if isinstance(found, bool) and not isinstance(value, bool) and not isinstance(test.value, ast.Boolean):
            return found
        return holds(value, found, scope.run.spend)

    return judge


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
