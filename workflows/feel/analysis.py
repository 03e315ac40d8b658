"""Which names an expression reads: free variables, and dotted reads from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflows.feel import ast
from workflows.feel.functions import BUILT_INS


def free_names(node: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Free variable names, and dotted reads such as ``application.teaching_history``.

    Built-in functions that are called are not free names. Inside a filter a name may be an entry of the item, so names that occur
    only there are not reported: without the facts nobody can tell.
    """
    walk = _Walk()
    walk.visit(node, frozenset())
    return frozenset(walk.names), frozenset(walk.paths)


class _Walk:
    def __init__(self) -> None:
        self.names: set[str] = set()
        self.paths: set[str] = set()

    def visit(self, node: Any, bound: frozenset[str], *, in_filter: bool = False) -> None:
        match node:
            case ast.Name(name=name):
                self._note(name, name, bound, in_filter)
            case ast.Path():
                parts: list[str] = []
                source: ast.Node = node
                while isinstance(source, ast.Path):
                    parts.append(source.name)
                    source = source.source
                if isinstance(source, ast.Name):
                    self._note(source.name, ".".join((source.name, *reversed(parts))), bound, in_filter)
                else:
                    self.visit(source, bound, in_filter=in_filter)
            case ast.Call(function=ast.Name(name=name), arguments=arguments) if name in BUILT_INS:
                self.visit(arguments, bound, in_filter=in_filter)
            case ast.Filter(source=source, condition=condition):
                self.visit(source, bound, in_filter=in_filter)
                self.visit(condition, bound | {"item"}, in_filter=True)
            case ast.ContextOf(entries=entries):
                for key, value in entries:
                    self.visit(value, bound, in_filter=in_filter)
                    bound = bound | {key}
            case ast.For(iterators=iterators, body=body):
                self._iterate(iterators, body, bound | {"partial"}, in_filter)
            case ast.Quantified(iterators=iterators, condition=body):
                self._iterate(iterators, body, bound, in_filter)
            case ast.FunctionOf(parameters=parameters, body=body):
                self.visit(body, bound | {name for name, _ in parameters}, in_filter=in_filter)
            case ast.In(value=value, tests=tests):
                self.visit(value, bound, in_filter=in_filter)
                self.visit(tests, bound | {"?"}, in_filter=in_filter)
            case tuple():
                for part in node:
                    self.visit(part, bound, in_filter=in_filter)
            case ast.Node() | ast.Test():
                for field in node.__dataclass_fields__:
                    self.visit(getattr(node, field), bound, in_filter=in_filter)

    def _iterate(
        self, iterators: tuple[ast.Iterator, ...], body: ast.Node, bound: frozenset[str], in_filter: bool
    ) -> None:
        for iterator in iterators:
            self.visit(iterator.domain, bound, in_filter=in_filter)
            self.visit(iterator.upto, bound, in_filter=in_filter)
            bound = bound | {iterator.name}
        self.visit(body, bound, in_filter=in_filter)

    def _note(self, name: str, path: str, bound: frozenset[str], in_filter: bool) -> None:
        if name in bound or name == "?" or in_filter:
            return
        self.names.add(name)
        if path != name:
            self.paths.add(path)


def parts(node: Any) -> Iterator[Any]:
    """The node and everything below it."""
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, (ast.Node, ast.Iterator, ast.Test)):
            yield node
            stack.extend(getattr(node, field) for field in node.__dataclass_fields__ if field != "at")


def mentions(node: Any, name: str) -> bool:
    """Whether an expression speaks of a name anywhere, such as ``?`` for the tested value."""
    return any(isinstance(part, ast.Name) and part.name == name for part in parts(node))


def weight(node: ast.Node) -> int:
    """What running the node once costs, in steps: one for each part, and the round or call itself."""
    return 2 + sum(1 for _ in parts(node))
