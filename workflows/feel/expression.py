"""Compiled expressions and unary tests, and the evaluation of each with its bounds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from workflows.feel import (  # noqa: F401  # the built-ins register themselves
    builtins_camunda,
    builtins_context,
    builtins_list,
    builtins_number,
    builtins_range,
    builtins_range_text,
    builtins_text,
    builtins_time,
    compile_loops,
)
from workflows.feel.analysis import free_names
from workflows.feel.compare import Spend
from workflows.feel.compile_tests import compile_tests
from workflows.feel.compiler import compile_node
from workflows.feel.errors import N_, FeelSyntaxError, WorkExhausted
from workflows.feel.foreign import suggest
from workflows.feel.functions import BUILT_INS
from workflows.feel.names import RESERVED, Names, is_odd, words
from workflows.feel.parser import parse, parse_tests
from workflows.feel.scope import MAX_STEPS, Run, Scope
from workflows.feel.types import Type
from workflows.feel.values import Value, known, plain

_NO_TYPES: Mapping[str, Type] = {}
_STANDARD = Names(BUILT_INS)


class Expression:
    """An expression, compiled once. ``names``: free variables; ``paths``: dotted reads; ``tree``: its parts."""

    def __init__(self, text: str, names: Collection[str] = (), types: Mapping[str, Type] = _NO_TYPES) -> None:
        self.text = text
        self._known = frozenset(names)
        self._types = types
        try:
            self.tree = parse(text, Names(names, below=_STANDARD))
            self.run = compile_node(self.tree, types)
            self.names, self.paths = free_names(self.tree)
        except FeelSyntaxError as error:
            error.instead = suggest(text, names=names)
            raise
        except RecursionError:
            raise FeelSyntaxError(N_("表达式嵌套过深")) from None

    def evaluate(
        self, context: Mapping[str, Any], *, now: dt.datetime | None = None, problems: list[str] | None = None
    ) -> Value:
        """The value in a context; None when it fails, with the reason appended to ``problems``. Never raises."""
        run = Run(now)
        value = self._value(context, run)
        if run.unknown:  # perhaps a key such as "first-name" that could not be known when the text was read
            more = odd_names(context, self.text) - self._known
            if more:
                try:
                    again = _read(self.text, self._known | more)
                except FeelSyntaxError:
                    pass
                else:
                    run.problems.clear()
                    value = again._value(context, run)
        if problems is not None:
            problems.extend(run.problems)
        return value

    def _value(self, context: Mapping[str, Any], run: Run) -> Value:
        return guarded(lambda scope: plain(self.run(scope), run.spend), Scope(context, None, run, outside=True))


class UnaryTests:
    """The tests of a cell, compiled once."""

    def __init__(self, text: str, names: Collection[str] = (), types: Mapping[str, Type] = _NO_TYPES) -> None:
        self.text = text
        try:
            self.tree = parse_tests(text, Names(names, below=_STANDARD))
            self.test = compile_tests(self.tree, types)
            self.names, self.paths = free_names(self.tree)
        except FeelSyntaxError as error:
            error.instead = suggest(text, names=names, unary=True)
            raise
        except RecursionError:
            raise FeelSyntaxError(N_("表达式嵌套过深")) from None

    def evaluate(
        self,
        value: Value,
        context: Mapping[str, Any] | None = None,
        *,
        now: dt.datetime | None = None,
        problems: list[str] | None = None,
        spend: Spend | None = None,
    ) -> bool | None:
        """Whether the value meets the tests; None when that cannot be said. ``spend`` is told the steps used."""
        run = Run(now, problems)
        if spend is not None:
            run.steps = MAX_STEPS // 10  # one of many checks within another evaluation
        ready = known(value)
        scope = Scope(context or {}, None, run, outside=True).inner({"?": ready})
        start = run.steps
        answer: bool | None = guarded(lambda inner: self.test(inner, ready), scope)
        if spend is not None:
            spend(start - run.steps)
        return answer


def guarded(code: Any, scope: Scope) -> Value:
    """Run a closure; reaching a bound on work, depth or size gives null with a reason."""
    try:
        return code(scope)
    except WorkExhausted as reached:
        scope.run.note(str(reached))
    except RecursionError:
        scope.run.note("the evaluation is nested too deep")
    except Exception as error:  # facts and functions of the caller may fail in any way; an evaluation never does
        scope.run.note(f"the evaluation failed: {type(error).__name__}: {error}")
    return None


def odd_names(context: Mapping[str, Any], text: str) -> frozenset[str]:
    """Keys of the context, two levels deep, that can only be read as names when announced, and occur in the text."""
    # Nearly all keys are single plain words, which need no look at their tokens.
    keys = (key for key in _keys(context, 2) if not key.isidentifier() or key in RESERVED)
    # Few occur, and that is told sooner than whether one is odd.
    return frozenset(key for key in keys if all(part in text for part in words(key)) and is_odd(key))


def _keys(context: Mapping[str, Any], depth: int) -> Iterable[str]:
    for key in context:
        if isinstance(key, str):
            yield key
        if depth > 1 and type(context) is dict and isinstance(context[key], dict):
            yield from _keys(context[key], depth - 1)


#: Longest text whose compiled form the functions below keep, in characters (about 100 bytes each).
MAX_KEPT = 2_000


def _read(text: str, names: frozenset[str]) -> Expression:
    return _kept(text, names) if len(text) <= MAX_KEPT else Expression(text, names)


@lru_cache(maxsize=256)
def _kept(text: str, names: frozenset[str]) -> Expression:
    return Expression(text, names)


def _read_tests(text: str, names: frozenset[str]) -> UnaryTests:
    return _kept_tests(text, names) if len(text) <= MAX_KEPT else UnaryTests(text, names)


@lru_cache(maxsize=256)
def _kept_tests(text: str, names: frozenset[str]) -> UnaryTests:
    return UnaryTests(text, names)


def compile(expression: str, *, names: Collection[str] = ()) -> Expression:
    """Read and compile an expression; ``names`` are variables whose names hold signs or operator words."""
    return Expression(expression, names)


def compile_unary(tests: str, *, names: Collection[str] = ()) -> UnaryTests:
    """Read and compile the unary tests of a cell."""
    return UnaryTests(tests, names)


def evaluate(expression: str, context: Mapping[str, Any] = _NO_TYPES, *, now: dt.datetime | None = None) -> Value:
    """The value of an expression in a context; None when it fails. Raises only FeelSyntaxError."""
    return _read(expression, odd_names(context, expression)).evaluate(context, now=now)


def unary_test(tests: str, value: Any, context: Mapping[str, Any] = _NO_TYPES) -> bool | None:
    """Whether a value meets unary tests such as ``< 5, [10..20)`` or ``not("a")``; None when undecidable."""
    return _read_tests(tests, odd_names(context, tests)).evaluate(value, context)
