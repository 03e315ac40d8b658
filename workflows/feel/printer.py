"""A tree back to FEEL text that reads as the same tree, with no more brackets than needed."""

from __future__ import annotations

from typing import Any

from workflows.feel import ast
from workflows.feel.lexer import quote
from workflows.feel.names import RESERVED, normal, words

_CLAUSE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _POWER, _NEGATION, _POSTFIX, _PRIMARY = range(10)
_STRENGTH = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER}
_LEVEL = {
    ast.If: _CLAUSE,
    ast.For: _CLAUSE,
    ast.Quantified: _CLAUSE,
    ast.FunctionOf: _CLAUSE,
    ast.InstanceOf: _CLAUSE,  # its type would swallow a following “<”
    ast.Compare: _COMPARISON,
    ast.Between: _COMPARISON,
    ast.In: _COMPARISON,
    ast.Negate: _NEGATION,
    ast.Path: _POSTFIX,
    ast.Filter: _POSTFIX,
    ast.Call: _POSTFIX,
}


def show(node: ast.Node) -> str:
    """The text of an expression or of unary tests."""
    if isinstance(node, ast.Tests):
        inside = ", ".join(map(_test, node.tests)) or "-"
        return f"not({inside})" if node.negated else inside
    return _text(node, _CLAUSE)


def _level(node: ast.Node) -> int:
    if isinstance(node, ast.Arithmetic):
        return _STRENGTH[node.sign]
    if isinstance(node, ast.Logic):
        return _OR if node.word == "or" else _AND
    return _LEVEL.get(type(node), _PRIMARY)


def _text(node: ast.Node, least: int) -> str:
    """The text, in brackets where the node binds less than ``least``."""
    text = _plain(node)
    return f"({text})" if _level(node) < least else text


def _plain(node: Any) -> str:
    match node:
        case ast.Number(value=value):
            return str(value)
        case ast.Text(value=value):
            return quote(value)
        case ast.Boolean(value=value):
            return "true" if value else "false"
        case ast.Null():
            return "null"
        case ast.AtLiteral(value=value):
            return "@" + quote(value)
        case ast.Name(name=name):
            return str(name)
        case ast.ListOf(items=items):
            return "[" + _listed(items) + "]"
        case ast.ContextOf(entries=entries):
            return "{" + ", ".join(f"{_key(key)}: {_text(value, _CLAUSE)}" for key, value in entries) + "}"
        case ast.RangeOf():
            ends = f"{_text(node.low, _SUM)}..{_text(node.high, _SUM)}"
            return f"{'[' if node.low_closed else '('}{ends}{']' if node.high_closed else ')'}"
        case ast.OneSided(sign=sign, end=end):
            return f"({sign} {_text(end, _SUM)})"
        case ast.Negate(value=value):
            return "-" + _text(value, _NEGATION)
        case ast.Arithmetic(sign=sign, left=left, right=right):
            level = _STRENGTH[sign]
            return f"{_text(left, level)} {sign} {_text(right, level + 1)}"
        case ast.Compare(sign=sign, left=left, right=right):
            return f"{_text(left, _COMPARISON)} {sign} {_text(right, _SUM)}"
        case ast.Logic(word=word, items=items):
            return f" {word} ".join(_text(item, _level(node) + 1) for item in items)
        case ast.Between(value=value, low=low, high=high):
            return f"{_text(value, _COMPARISON)} between {_text(low, _SUM)} and {_text(high, _SUM)}"
        case ast.In(value=value, tests=tests):
            return f"{_text(value, _COMPARISON)} in ({', '.join(map(_test, tests))})"
        case ast.InstanceOf(value=value, type=type_):
            return f"{_text(value, _NEGATION)} instance of {show_type(type_)}"
        case ast.Path(source=source, name=name):
            return f"{_text(source, _POSTFIX)}.{name}"
        case ast.Filter(source=source, condition=condition):
            return f"{_text(source, _POSTFIX)}[{_text(condition, _CLAUSE)}]"
        case ast.Call():
            return f"{_text(node.function, _POSTFIX)}({_arguments(node)})"
        case ast.If(condition=condition, then=then, otherwise=otherwise):
            parts = (_text(part, _CLAUSE) for part in (condition, then, otherwise))
            return "if {} then {} else {}".format(*parts)
        case ast.For(iterators=iterators, body=body):
            return f"for {_iterators(iterators)} return {_text(body, _CLAUSE)}"
        case ast.Quantified(word=word, iterators=iterators, condition=condition):
            return f"{word} {_iterators(iterators)} satisfies {_text(condition, _CLAUSE)}"
        case ast.FunctionOf():
            return _function(node)
    raise TypeError(f"not a part of FEEL: {node!r}")


def _listed(items: tuple[ast.Node, ...]) -> str:
    return ", ".join(_text(item, _CLAUSE) for item in items)


def _arguments(node: ast.Call) -> str:
    if not node.names:
        return _listed(node.arguments)
    pairs = zip(node.names, node.arguments, strict=True)
    return ", ".join(f"{_key(name)}: {_text(argument, _CLAUSE)}" for name, argument in pairs)


def _test(test: ast.Test) -> str:
    return f"{test.sign} {_text(test.value, _SUM)}" if test.sign else _text(test.value, _CLAUSE)


def _iterators(iterators: tuple[ast.Iterator, ...]) -> str:
    written = []
    for iterator in iterators:
        upto = f"..{_text(iterator.upto, _OR)}" if iterator.upto is not None else ""
        written.append(f"{_key(iterator.name)} in {_text(iterator.domain, _OR)}{upto}")
    return ", ".join(written)


def _function(node: ast.FunctionOf) -> str:
    parameters = ", ".join(_key(name) + (f": {show_type(type_)}" if type_ else "") for name, type_ in node.parameters)
    return f"function({parameters}) {'external ' if node.external else ''}{_text(node.body, _CLAUSE)}"


def _key(name: str) -> str:
    """A name where one is introduced; quoted unless it reads as itself."""
    parts = words(name)
    plain = bool(parts) and normal(parts) == name and not RESERVED & set(parts) and parts[0][0].isalpha()
    return name if plain and all(part[0].isalnum() or part[0] == "_" for part in parts) else quote(name)


def show_type(type_: ast.TypeOf) -> str:
    """The text of a type."""
    if type_.keys:
        inside = ", ".join(f"{_key(k)}: {show_type(part)}" for k, part in zip(type_.keys, type_.parts, strict=True))
        return f"context<{inside}>"
    if type_.name == "function" and type_.parts:
        return f"function<{', '.join(map(show_type, type_.parts[:-1]))}> -> {show_type(type_.parts[-1])}"
    return f"{type_.name}<{show_type(type_.parts[0])}>" if type_.parts else type_.name
