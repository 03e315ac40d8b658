"""The table of built-in functions and how arguments reach them: by position or name, with the declared types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.feel.scope import Run
from workflows.feel.values import Value, kind, register

_SHORT = {
    "text": "string",
    "bool": "boolean",
    "moment": "date and time",
    "days": "days and time duration",
    "months": "years and months duration",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter: ``kinds`` is empty where anything goes."""

    name: str
    kinds: frozenset[str]
    optional: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function."""

    parameters: tuple[Parameter, ...]
    run: Callable[..., Value]

    @property
    def rest(self) -> bool:
        return bool(self.parameters) and self.parameters[-1].rest


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A function of the standard; its signatures are tried in order."""

    name: str
    signatures: list[Signature]

    def call(self, run: Run, arguments: Sequence[Value], names: Sequence[str] = ()) -> Value:
        """The result for evaluated arguments, or null with a reason."""
        reason = ""
        for signature in self.signatures:
            run.spend(2)
            ready = _by_name(signature, arguments, names) if names else arguments
            if isinstance(ready, str):
                reason = reason or ready
                continue
            fitted = _fit(signature, ready)
            if isinstance(fitted, list):
                for value in fitted:
                    if type(value) is str and len(value) > 16:
                        run.spend(len(value) >> 4)
                result = signature.run(run, *fitted)
                if type(result) is str and len(result) > 16:
                    run.room(len(result))
                return result
            reason = reason or fitted
        return run.fail(f"{self.name}: {reason}")


register("function", BuiltIn)

#: Every built-in function by its name.
BUILT_INS: dict[str, BuiltIn] = {}


def built_in(name: str, declaration: str = "") -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register a function under ``name``. ``declaration``: ``"list: list, position: number, new item?: any"``.

    ``?`` after the name marks an optional parameter, ``...`` before it one that takes all further arguments;
    kinds are joined by ``|``; ``any`` admits everything, also null.
    """
    parameters = tuple(_parameter(part.strip()) for part in declaration.split(",") if part.strip())

    def keep(function: Callable[..., Value]) -> Callable[..., Value]:
        signature = Signature(parameters, function)
        BUILT_INS.setdefault(name, BuiltIn(name, [])).signatures.append(signature)
        return function

    return keep


def _parameter(text: str) -> Parameter:
    name, _, kinds = text.partition(":")
    rest = name.startswith("...")
    optional = name.endswith("?")
    names = [_SHORT.get(part.strip(), part.strip()) for part in kinds.split("|")]
    found = frozenset() if "any" in names else frozenset(names)
    return Parameter(name.strip(".?"), found, optional, rest)


def _by_name(signature: Signature, arguments: Sequence[Value], names: Sequence[str]) -> Sequence[Value] | str:
    given = dict(zip(names, arguments, strict=True))
    ordered: list[Value] = []
    missing = False
    for parameter in signature.parameters:
        if parameter.name in given:
            if missing:
                return "an argument is missing"
            value = given.pop(parameter.name)
            if parameter.rest:
                ordered.extend(value if isinstance(value, list) else [value])
            else:
                ordered.append(value)
        elif not parameter.optional and not parameter.rest:
            return f"no argument “{parameter.name}”"
        else:
            ordered.append(_ABSENT)
    if given:
        return f"there is no parameter “{next(iter(given))}”"
    while ordered and ordered[-1] is _ABSENT:
        ordered.pop()
    return ordered


_ABSENT: Any = object()


def _fit(signature: Signature, arguments: Sequence[Value]) -> list[Value] | str:
    """The arguments converted for the signature, or the reason why they do not fit."""
    parameters = signature.parameters
    if len(arguments) > len(parameters) and not signature.rest:
        return f"takes {len(parameters)} arguments, not {len(arguments)}"
    fitted: list[Value] = []
    for index, value in enumerate(arguments):
        parameter = parameters[min(index, len(parameters) - 1)]
        if value is _ABSENT:
            fitted.append(None)
            continue
        if not parameter.kinds:
            fitted.append(value)
            continue
        what = kind(value)
        if what in parameter.kinds:
            fitted.append(value)
        elif what == "list" and len(value) == 1 and kind(value[0]) in parameter.kinds:
            fitted.append(value[0])  # 10.3.2.9.4: a list of one item is that item where the type asks for it
        elif "list" in parameter.kinds and what != "null":
            fitted.append([value])
        else:
            return f"“{parameter.name}” is a {what}, not a {' or '.join(sorted(parameter.kinds))}"
    for parameter in parameters[len(arguments) :]:
        if not parameter.optional and not parameter.rest:
            return f"no argument “{parameter.name}”"
    return fitted


def keyword(name: str) -> str:
    """The Python parameter name that stands for a FEEL parameter name."""
    return name.replace(" ", "_")


def call_python(
    function: Callable[..., Any], label: str, run: Run, arguments: Sequence[Value], names: Sequence[str]
) -> Value:
    """Call a Python function of the context; what it raises becomes a problem, never an exception."""
    try:
        if names:
            by_name: Mapping[str, Value] = {keyword(n): v for n, v in zip(names, arguments, strict=True)}
            return function(**by_name)
        return function(*arguments)
    except Exception as error:  # a function of the house is not part of the language
        return run.fail(f"{label}: {error}")
