"""A tree to a closure: each node is turned once into a function of the scope, constants are computed once.

Here: the table of builders, constants, names, and what is built of parts. The other compile_* modules register theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.feel import ast, temporal
from workflows.feel.access import entry
from workflows.feel.analysis import weight
from workflows.feel.calls import invoke, make_function
from workflows.feel.functions import BUILT_INS
from workflows.feel.scope import MISSING, Run, Scope
from workflows.feel.types import Type, resolve
from workflows.feel.values import Value, kind

Code = Callable[[Scope], Value]
Builder = Callable[[Any, Mapping[str, Type]], Code]
NOWHERE = Scope({}, None, Run())
_BUILDERS: dict[type, Builder] = {}


def builds(node_type: type) -> Callable[[Builder], Builder]:
    """Register the builder of one kind of node."""

    def keep(builder: Builder) -> Builder:
        _BUILDERS[node_type] = builder
        return builder

    return keep


def compile_node(node: ast.Node, types: Mapping[str, Type]) -> Code:
    """The closure of an expression; ``types`` are declared types by name."""
    if not isinstance(node, (ast.Number, ast.Text, ast.Boolean, ast.Null)) and is_constant(node):
        return _always(_BUILDERS[type(node)](node, types)(NOWHERE.inner({})))
    return _BUILDERS[type(node)](node, types)


def is_constant(node: ast.Node) -> bool:
    """Whether a node is a literal, or made of literals, and cannot fail."""
    match node:
        case ast.Number() | ast.Text() | ast.Boolean():
            return True
        case ast.AtLiteral(value=value):
            return temporal.read_any(value) is not None
        case ast.Negate(value=ast.Number()):
            return True
        case ast.ListOf(items=items):
            return all(map(is_constant, items))
        case ast.RangeOf(low=low, high=high):
            return is_constant(low) and is_constant(high) and _same_order(low, high)
        case ast.OneSided(end=end):
            return is_constant(end)
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


@builds(ast.Number)
@builds(ast.Text)
@builds(ast.Boolean)
def _literal(node: Any, types: Mapping[str, Type]) -> Code:
    return _always(node.value)


@builds(ast.Null)
def _null(node: ast.Null, types: Mapping[str, Type]) -> Code:
    return _always(None)


@builds(ast.AtLiteral)
def _at_literal(node: ast.AtLiteral, types: Mapping[str, Type]) -> Code:
    value = temporal.read_any(node.value)
    if value is not None:
        return _always(value)
    reason = f"@{node.value!r} is no date, time or duration"
    return lambda scope: scope.run.fail(reason)


@builds(ast.Name)
def _name(node: ast.Name, types: Mapping[str, Type]) -> Code:
    name = node.name
    built_in = BUILT_INS.get(name)

    def read(scope: Scope) -> Value:
        names = scope.names
        if name in names:
            return scope.run.ready(names[name]) if scope.outside else names[name]
        value = scope.find(name)
        if value is not MISSING:
            return value
        if built_in is not None:
            return built_in
        scope.run.unknown.add(name)
        return scope.run.fail(f"the name “{name}” is unknown")

    return read


@builds(ast.ListOf)
def _list(node: ast.ListOf, types: Mapping[str, Type]) -> Code:
    items = [compile_node(item, types) for item in node.items]
    return lambda scope: [item(scope) for item in items]


@builds(ast.ContextOf)
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


@builds(ast.Path)
def _path(node: ast.Path, types: Mapping[str, Type]) -> Code:
    source, name = compile_node(node.source, types), node.name

    def read(scope: Scope) -> Value:
        value = source(scope)
        if type(value) is dict:
            return scope.run.ready(value[name]) if name in value else None
        return entry(value, name, scope.run)

    return read


@builds(ast.Call)
def _call(node: ast.Call, types: Mapping[str, Type]) -> Code:
    function = compile_node(node.function, types)
    arguments = [compile_node(argument, types) for argument in node.arguments]
    names = node.names
    label = node.function.name if isinstance(node.function, ast.Name) else "the function"
    built_in = BUILT_INS.get(label) if isinstance(node.function, ast.Name) else None
    if built_in is not None:  # a fact named like a built-in function, such as a field "date", does not hide it

        def call(scope: Scope) -> Value:
            found = scope.find(label)
            callee = found if found is not MISSING and kind(found) == "function" else built_in
            return invoke(callee, label, scope.run, [a(scope) for a in arguments], names)

        return call
    return lambda scope: invoke(function(scope), label, scope.run, [a(scope) for a in arguments], names)


@builds(ast.If)
def _if(node: ast.If, types: Mapping[str, Type]) -> Code:
    condition = compile_node(node.condition, types)
    then, otherwise = compile_node(node.then, types), compile_node(node.otherwise, types)
    return lambda scope: then(scope) if condition(scope) is True else otherwise(scope)


@builds(ast.FunctionOf)
def _function(node: ast.FunctionOf, types: Mapping[str, Type]) -> Code:
    names = tuple(name for name, _ in node.parameters)
    wanted = tuple(resolve(written, types) if written else None for _, written in node.parameters)
    body = compile_node(node.body, types)
    if node.external:
        return lambda scope: make_function(names, wanted, _refuse_external, scope)
    cost = weight(node.body)

    def make(scope: Scope) -> Value:
        scope.run.spend(4)
        return make_function(names, wanted, body, scope, cost=cost)

    return make


def _refuse_external(scope: Scope) -> Value:
    return scope.run.fail("external functions are never run: no text from a file is executed")
