"""Calling functions: the standard's, those written in FEEL, and Python functions of the context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workflows.feel.functions import BuiltIn, call_python
from workflows.feel.scope import Run, Scope
from workflows.feel.types import Type, fit
from workflows.feel.values import Function, Value, kind


def invoke(function: Value, label: str, run: Run, arguments: Sequence[Value], names: Sequence[str]) -> Value:
    """The result of a call, null with a reason where it cannot be made."""
    run.spend(2)
    if isinstance(function, BuiltIn):
        return function.call(run, arguments, names)
    if isinstance(function, Function):
        ordered = _in_order(function, arguments, names)
        if isinstance(ordered, str):
            return run.fail(f"{label}: {ordered}")
        return function.call(run, *ordered)
    if function is None:
        return run.fail(f"{label} is not a function")
    if callable(function) and kind(function) == "function":
        return run.ready(call_python(function, label, run, arguments, names))
    return run.fail(f"{label} is a {kind(function)}, not a function")


def _in_order(function: Function, arguments: Sequence[Value], names: Sequence[str]) -> Sequence[Value] | str:
    parameters = function.parameters
    if len(arguments) != len(parameters):
        return f"takes {len(parameters)} arguments, not {len(arguments)}"
    if not names:
        return arguments
    given = dict(zip(names, arguments, strict=True))
    if set(given) != set(parameters):
        return f"the parameters are {', '.join(parameters)}"
    return [given[name] for name in parameters]


def make_function(
    parameters: tuple[str, ...],
    types: tuple[Type | None, ...],
    body: Callable[[Scope], Value],
    scope: Scope,
    result: Type | None = None,
    name: str = "",
    cost: int = 1,
) -> Function:
    """A function value whose body sees ``scope`` and its parameters; arguments of a wrong type give null."""

    def call(run: Run, *arguments: Value) -> Value:
        given: dict[str, Value] = {}
        for parameter, wanted, value in zip(parameters, types, arguments, strict=True):
            fits, converted = fit(value, wanted, run.spend)
            if not fits:
                return run.fail(f"{name or 'function'}: “{parameter}” has the wrong type")
            given[parameter] = converted
        run.spend(cost)
        with run.deeper():
            answer = body(Scope(given, scope, run))
        fits, converted = fit(answer, result, run.spend)
        return converted if fits else run.fail(f"{name or 'function'}: the result has the wrong type")

    return Function(parameters, call, types, result, name)
