"""The built-in ``range``: a range from its text, whose ends are literals (10.3.4.1)."""

from __future__ import annotations

from workflows.feel import ast
from workflows.feel.compare import at_most
from workflows.feel.compiler import compile_node
from workflows.feel.errors import FeelSyntaxError
from workflows.feel.functions import BUILT_INS, built_in
from workflows.feel.names import MAX_NAME, Names
from workflows.feel.parser import parse
from workflows.feel.scope import Run, Scope
from workflows.feel.values import Range, Value

_NAMES = Names(BUILT_INS)
_MAKERS = frozenset({"date", "time", "date and time", "duration"})


@built_in("range", "from: text")
def range_from_text(run: Run, text: str) -> Value:
    """Nothing but literals is evaluated: no names, no other functions."""
    if len(text) > MAX_NAME:
        return run.fail(f"range: {text!r} is not a range")
    run.spend(20 + 2 * len(text))
    try:
        node = parse(text, _NAMES)
    except (FeelSyntaxError, RecursionError):
        return run.fail(f"range: {text!r} is not a range")
    if not isinstance(node, ast.RangeOf) or not _is_literal(node.low) or not _is_literal(node.high):
        return run.fail(f"range: {text!r} is not a range between literals")
    found = compile_node(node, {})(Scope({}, None, run))
    if isinstance(found, Range) and None not in (found.low, found.high) and not at_most(found.low, found.high):
        return run.fail(f"range: {text!r} runs backwards")
    return found


def _is_literal(node: ast.Node) -> bool:
    match node:
        case ast.Number() | ast.Text() | ast.AtLiteral() | ast.Null() | ast.Negate(value=ast.Number()):
            return True
        case ast.Call(function=ast.Name(name=name), arguments=(ast.Text(),)):
            return name in _MAKERS
    return False
