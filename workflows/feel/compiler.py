"""A tree to a closure: each node is turned once into a function of the scope, constants are computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from workflows.feel import ast, temporal
from workflows.feel.access import at_position, domain, entry, filtered, steps
from workflows.feel.arithmetic import OPERATIONS, negate
from workflows.feel.calls import invoke, make_function
from workflows.feel.compare import at_most, before, equal, holds
from workflows.feel.functions import BUILT_INS
from workflows.feel.scope import MISSING, Run, Scope
from workflows.feel.types import Type, conforms, resolve
from workflows.feel.values import Range, Value, kind, known

Code = Callable[[Scope], Value]
_NOWHERE = Scope({}, None, Run())


def compile_node(node: ast.Node, types: Mapping[str, Type]) -> Code:
    """The closure of an expression; ``types`` are declared types by name."""
    if not isinstance(node, (ast.Number, ast.Text, ast.Boolean, ast.Null)) and _is_constant(node):
        return _always(_BUILDERS[type(node)](node, types)(_NOWHERE.inner({})))
    return _BUILDERS[type(node)](node, types)


def _is_constant(node: ast.Node) -> bool:
    match node:
        case ast.Number() | ast.Text() | ast.Boolean():
            return True
        case ast.AtLiteral(value=value):
            return temporal.read_any(value) is not None
        case ast.Negate(value=ast.Number()):
            return True
        case ast.ListOf(items=items):
            return all(map(_is_constant, items))
        case ast.RangeOf(low=low, high=high):
            return _is_constant(low) and _is_constant(high) and _same_order(low, high)
        case ast.OneSided(end=end):
            return _is_constant(end)
    return False


def _same_order(low: ast.Node, high: ast.Node) -> bool:
    match low, high:
        case ast.Number(value=lowest), ast.Number(value=highest):
            return lowest <= highest
        case ast.Text(value=first), ast.Text(value=last):
            return first <= last
    return False


def _always(value: Value) -> Code:
    return lambda scope: value


def _literal(node: Any, types: Mapping[str, Type]) -> Code:
    return _always(node.value)


def _null(node: ast.Null, types: Mapping[str, Type]) -> Code:
    return _always(None)


def _at_literal(node: ast.AtLiteral, types: Mapping[str, Type]) -> Code:
    value = temporal.read_any(node.value)
    if value is not None:
        return _always(value)
    reason = f"@{node.value!r} is no date, time or duration"
    return lambda scope: scope.run.fail(reason)


def _name(node: ast.Name, types: Mapping[str, Type]) -> Code:
    name = node.name
    built_in = BUILT_INS.get(name)

    def read(scope: Scope) -> Value:
        names = scope.names
        if name in names:
            return known(names[name])
        value = scope.find(name)
        if value is not MISSING:
            return value
        if built_in is not None:
            return built_in
        scope.run.unknown.add(name)
        return scope.run.fail(f"the name “{name}” is unknown")

    return read


def _list(node: ast.ListOf, types: Mapping[str, Type]) -> Code:
    items = [compile_node(item, types) for item in node.items]
    return lambda scope: [item(scope) for item in items]


def _context(node: ast.ContextOf, types: Mapping[str, Type]) -> Code:
    entries = [(key, compile_node(value, types)) for key, value in node.entries]
    keys = [key for key, _ in entries]
    if len(set(keys)) < len(keys):
        return lambda scope: scope.run.fail("a context has the same key twice")

    def build(scope: Scope) -> Value:
        built: dict[str, Value] = {}
        inner = scope.inner(built)
        for key, value in entries:
            built[key] = value(inner)
        return built

    return build


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


def _negate(node: ast.Negate, types: Mapping[str, Type]) -> Code:
    value = compile_node(node.value, types)

    def run_negate(scope: Scope) -> Value:
        found = value(scope)
        return negate(found, scope.run) if found is not None else None

    return run_negate


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


def _swap(function: Callable[[Value, Value], bool | None]) -> Callable[[Value, Value], bool | None]:
    return lambda left, right: function(right, left)


def _unequal(left: Value, right: Value) -> bool | None:
    same = equal(left, right)
    return None if same is None else not same


#: What each comparison sign asks; null where the operands cannot be compared.
COMPARISONS: dict[str, Callable[[Value, Value], bool | None]] = {
    "=": equal,
    "!=": _unequal,
    "<": before,
    "<=": at_most,
    ">": _swap(before),
    ">=": _swap(at_most),
}
_QUICK: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _compare(node: ast.Compare, types: Mapping[str, Type]) -> Code:
    left, right = compile_node(node.left, types), compile_node(node.right, types)
    judge, quick, sign = COMPARISONS[node.sign], _QUICK[node.sign], node.sign

    def run_compare(scope: Scope) -> Value:
        first, second = left(scope), right(scope)
        cls = type(first)
        if cls is type(second) and (cls is Decimal or cls is str):
            return quick(first, second)
        answer = judge(first, second)
        if answer is None:
            return scope.run.fail(f"{sign} cannot compare a {kind(first)} and a {kind(second)}")
        return answer

    return run_compare


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


def _between(node: ast.Between, types: Mapping[str, Type]) -> Code:
    value, low, high = (compile_node(part, types) for part in (node.value, node.low, node.high))

    def judge(scope: Scope) -> Value:
        found = value(scope)
        first, last = at_most(low(scope), found), at_most(found, high(scope))
        if first is False or last is False:
            return False if first is not None and last is not None else scope.run.fail("between: an end has no order")
        return True if first and last else scope.run.fail("between: the values have no common order")

    return judge


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


TestCode = Callable[[Scope, Value], "bool | None"]


def compile_test(test: ast.Test, types: Mapping[str, Type]) -> TestCode:
    """One positive unary test as a function of the scope and the value tested."""
    operand = compile_node(test.value, types)
    if test.sign:
        judge = COMPARISONS[test.sign]

        def compared(scope: Scope, value: Value) -> bool | None:
            cls, other = type(value), operand(scope)
            if isinstance(other, list) and test.sign in ("=", "!=") and cls is not list:
                return holds(value, other) if test.sign == "=" else None
            return judge(value, other)

        return compared
    if mentions_value(test.value):
        return lambda scope, value: _truth(operand(scope))
    return lambda scope, value: holds(value, operand(scope))


def _truth(answer: Value) -> bool | None:
    return answer if isinstance(answer, bool) else None


def mentions_value(node: Any) -> bool:
    """Whether an expression speaks of the tested value as ``?``."""
    if isinstance(node, ast.Name):
        return node.name == "?"
    if isinstance(node, tuple):
        return any(mentions_value(part) for part in node)
    if isinstance(node, (ast.Node, ast.Iterator, ast.Test)):
        return any(mentions_value(getattr(node, name)) for name in node.__dataclass_fields__ if name != "at")
    return False


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
    if test.sign or mentions_value(test.value):
        return compile_test(test, types)
    operand = compile_node(test.value, types)

    def judge(scope: Scope, value: Value) -> bool | None:
        found = operand(scope)
        if isinstance(found, bool) and not isinstance(value, bool) and not isinstance(test.value, ast.Boolean):
            return found
        return holds(value, found)

    return judge


def _instance_of(node: ast.InstanceOf, types: Mapping[str, Type]) -> Code:
    value, wanted = compile_node(node.value, types), resolve(node.type, types)
    if wanted is None:
        return lambda scope: scope.run.fail(f"the type “{node.type.name}” is unknown")
    return lambda scope: conforms(value(scope), wanted)


def _path(node: ast.Path, types: Mapping[str, Type]) -> Code:
    source, name = compile_node(node.source, types), node.name

    def read(scope: Scope) -> Value:
        value = source(scope)
        if type(value) is dict:
            return known(value[name]) if name in value else None
        return entry(value, name, scope.run)

    return read


def _filter(node: ast.Filter, types: Mapping[str, Type]) -> Code:
    source, condition = compile_node(node.source, types), compile_node(node.condition, types)
    position = node.condition.value if isinstance(node.condition, ast.Negate) else node.condition
    if isinstance(position, ast.Number):
        fixed = condition(_NOWHERE)
        return lambda scope: at_position(_listed(source(scope)), fixed, scope.run)
    return lambda scope: filtered(_listed(source(scope)), condition, scope)


def _listed(value: Value) -> list[Value]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _call(node: ast.Call, types: Mapping[str, Type]) -> Code:
    function = compile_node(node.function, types)
    arguments = [compile_node(argument, types) for argument in node.arguments]
    names = node.names
    label = node.function.name if isinstance(node.function, ast.Name) else "the function"
    return lambda scope: invoke(function(scope), label, scope.run, [a(scope) for a in arguments], names)


def _if(node: ast.If, types: Mapping[str, Type]) -> Code:
    condition = compile_node(node.condition, types)
    then, otherwise = compile_node(node.then, types), compile_node(node.otherwise, types)
    return lambda scope: then(scope) if condition(scope) is True else otherwise(scope)


def _domains(
    iterators: tuple[ast.Iterator, ...], types: Mapping[str, Type]
) -> Callable[[Scope], Iterator[Scope] | None]:
    """A function that yields one scope for each combination of the iterators' items; None when one cannot run."""
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
            scope.run.spend(1)
            inner = scope.inner({name: item})
            if level + 1 == len(parts):
                yield inner
            else:
                yield from run_level(inner, level + 1)

    return lambda scope: run_level(scope, 0)


class _NoDomain(Exception):
    """An iterator's domain is null or cannot be walked."""


def _for(node: ast.For, types: Mapping[str, Type]) -> Code:
    combinations, body = _domains(node.iterators, types), compile_node(node.body, types)

    def collect(scope: Scope) -> Value:
        partial: list[Value] = []
        problems = len(scope.run.problems)
        try:
            for inner in combinations(scope.inner({"partial": partial})) or ():
                partial.append(body(inner))
        except _NoDomain:
            return None
        if not partial and len(scope.run.problems) > problems:
            return None
        return partial

    return collect


def _quantified(node: ast.Quantified, types: Mapping[str, Type]) -> Code:
    combinations, condition = _domains(node.iterators, types), compile_node(node.condition, types)
    deciding = node.word == "some"

    def judge(scope: Scope) -> Value:
        unknown = False
        try:
            for inner in combinations(scope) or ():
                answer = condition(inner)
                if answer is deciding:
                    return deciding
                unknown = unknown or answer is not (not deciding)
        except _NoDomain:
            return None
        return scope.run.fail(f"{node.word}: a condition gives no boolean") if unknown else not deciding

    return judge


def _function(node: ast.FunctionOf, types: Mapping[str, Type]) -> Code:
    names = tuple(name for name, _ in node.parameters)
    wanted = tuple(resolve(written, types) if written else None for _, written in node.parameters)
    body = compile_node(node.body, types)
    if node.external:
        return lambda scope: make_function(names, wanted, _refuse_external, scope)
    return lambda scope: make_function(names, wanted, body, scope)


def _refuse_external(scope: Scope) -> Value:
    return scope.run.fail("external functions are never run: no text from a file is executed")


_BUILDERS: dict[type, Callable[[Any, Mapping[str, Type]], Code]] = {
    ast.Number: _literal,
    ast.Text: _literal,
    ast.Boolean: _literal,
    ast.Null: _null,
    ast.AtLiteral: _at_literal,
    ast.Name: _name,
    ast.ListOf: _list,
    ast.ContextOf: _context,
    ast.RangeOf: _range,
    ast.OneSided: _one_sided,
    ast.Negate: _negate,
    ast.Arithmetic: _arithmetic,
    ast.Compare: _compare,
    ast.Logic: _logic,
    ast.Between: _between,
    ast.In: _in,
    ast.InstanceOf: _instance_of,
    ast.Path: _path,
    ast.Filter: _filter,
    ast.Call: _call,
    ast.If: _if,
    ast.For: _for,
    ast.Quantified: _quantified,
    ast.FunctionOf: _function,
}
