"""What a decision asks for: the facts its inputs declare, and the refusal of a fact that does not fit.

The declarations are read from the DMN file itself: ``inputData`` (name, Chinese label, description), its type, and
the item definitions with their allowed values and row parts. A fact or row part is needed unless it carries the
property ``jiaoyan:optional``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from workflows.errors import FactsRefused
from workflows.feel import unary_test
from workflows.policies import SHANGHAI, end_of, office_day

#: Inputs the house itself supplies; they are no facts.
HOUSE_INPUTS = frozenset({"policy", "instance", "task"})

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BRANCH = re.compile(r'\b(?:then|else) "((?:[^"\\]|\\.)*)"')

#: Words for a type, for people.
_TYPE_WORDS = {
    "string": "文字", "number": "数", "boolean": "是/否（true/false）", "date": "日期（如 2026-09-30）",
    "date and time": "时间（如 2026-09-30T18:00:00+08:00）", "rows": "若干行",
}


@dataclass(frozen=True)
class Fact:
    """One fact, or one part of a row of facts."""

    name: str
    #: Chinese label, as in the form.
    label: str
    description: str
    #: string | number | boolean | date | date and time | rows | Any; of each item when ``many``.
    kind: str
    many: bool = False
    optional: bool = False
    #: Unary tests an allowed value passes, or empty.
    allowed: str = ""
    #: Parts of a row.
    parts: tuple[Fact, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Return the allowed labels in order, when the allowed values are a list of labels."""
        return tuple(_STRING.findall(self.allowed))

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as plain data, for ``--describe`` and the pages."""
        told: dict[str, Any] = {"name": self.name, "label": self.label, "type": self.kind, "many": self.many,
                                "optional": self.optional}
        if self.description:
            told["description"] = self.description
        if self.options:
            told["options"] = list(self.options)
        if self.parts:
            told["rows"] = [part.as_json() for part in self.parts]
        return told

    def accept(self, given: Any) -> Any:
        """Return the fact as expressions read it (dates, Decimals, only declared row parts), or refuse it."""
        return self._accept(given, self.name)

    def _accept(self, given: Any, path: str) -> Any:
        if given is None or given == "":
            if self.optional:
                return None
            raise FactsRefused(fact=path, reason=f"缺少“{self.label}”")
        if self.many:
            if not isinstance(given, (list, tuple)):
                raise FactsRefused(fact=path, reason=f"“{self.label}”应是列表")
            return [self._one(item, f"{path}[{number}]") for number, item in enumerate(given, start=1)]
        return self._one(given, path)

    def _one(self, given: Any, path: str) -> Any:
        if self.parts:
            if not isinstance(given, Mapping):
                raise FactsRefused(fact=path, reason=f"应是一行：{'、'.join(part.name for part in self.parts)}")
            return {part.name: part._accept(given.get(part.name), f"{path}.{part.name}") for part in self.parts}
        value = _READERS.get(self.kind, _as_is)(given)
        if value is _UNREADABLE:
            raise FactsRefused(fact=path, reason=f"“{_shown(given)}”应为{_TYPE_WORDS[self.kind]}")
        if self.allowed and unary_test(self.allowed, value) is not True:
            choices = "、".join(self.options) or self.allowed
            raise FactsRefused(fact=path, reason=f"“{_shown(given)}”不在可选范围内（{choices}）")
        return value


_UNREADABLE = object()


def _shown(given: Any) -> str:
    text = str(given)
    return text if len(text) <= 40 else text[:39] + "…"


def _as_is(given: Any) -> Any:
    return given


def _text(given: Any) -> Any:
    return given if isinstance(given, str) and given.strip() else _UNREADABLE


def _number(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, (int, float, Decimal)):
        return _UNREADABLE
    value = given if isinstance(given, Decimal) else Decimal(str(given))
    return value if value.is_finite() else _UNREADABLE


def _boolean(given: Any) -> Any:
    return given if isinstance(given, bool) else _UNREADABLE


def _date(given: Any) -> Any:
    """Return a day; a moment gives its day in Shanghai."""
    moment = _parsed(given)
    if moment is _UNREADABLE or not isinstance(moment, datetime):
        return moment
    return office_day(moment)


def _moment(given: Any) -> Any:
    """Return a moment; a bare day stands for its 24:00, as periods and deadlines end (domain.md I21)."""
    moment = _parsed(given)
    if moment is _UNREADABLE or isinstance(moment, datetime):
        return moment
    return end_of(moment).astimezone(SHANGHAI)


def _parsed(given: Any) -> Any:
    """Return a date or an aware datetime; a moment written without a zone is read as Shanghai time."""
    value = given
    if isinstance(given, str):
        try:
            value = datetime.fromisoformat(given) if "T" in given else date.fromisoformat(given)
        except ValueError:
            return _UNREADABLE
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    return value if isinstance(value, date) else _UNREADABLE


_READERS = {"string": _text, "number": _number, "boolean": _boolean, "date": _date, "date and time": _moment}


def check(facts: tuple[Fact, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts a decision reads, converted; FactsRefused names the first that is missing or does not fit.

    Anything else in ``given`` is left out: a process hands over more than one decision asks for.
    """
    return {fact.name: fact.accept(given.get(fact.name)) for fact in facts}


def plain(value: Any, *, exact: bool = False) -> Any:
    """Return a value as plain JSON data: whole numbers as int, others as float, days and moments in ISO form.

    ``exact`` writes the others as texts, digit by digit: what is stored and sealed has one spelling.
    """
    if isinstance(value, Decimal):
        fraction = format(value, "f") if exact else float(value)
        return int(value) if value == value.to_integral_value() else fraction
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(item, exact=exact) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, exact=exact) for item in value]
    return value


@dataclass(frozen=True)
class Sheet:
    """What a DMN file says of one decision to the people who ask it."""

    question: str
    description: str
    #: The facts it needs, its required decisions' included, in the order of the file.
    facts: tuple[Fact, ...]
    #: Names of the entries of a boxed context: its outputs. Empty for a table.
    entries: tuple[str, ...] = ()
    #: The conclusions it writes as they stand, in order; a name that it computes is not among them.
    outcomes: tuple[str, ...] = ()


def read_sheets(xml: bytes) -> dict[str, Sheet]:
    """Return the sheet of every decision of a DMN file, by id."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    types = {_attribute(item, "name"): item for item in _children(root, "itemDefinition")}
    inputs = {
        _attribute(data, "id"): _fact(data, _child(data, "variable"), types) for data in _children(root, "inputData")
    }
    decisions = {_attribute(decision, "id"): decision for decision in _children(root, "decision")}
    needs = {name: _required(decision) for name, decision in decisions.items()}

    def facts_of(name: str) -> tuple[Fact, ...]:
        reached: list[str] = [name]
        for one in reached:  # grows while it is walked
            reached.extend(below for below in needs.get(one, ()) if below not in reached)
        return tuple(fact for key, fact in inputs.items() if key in reached and fact.name not in HOUSE_INPUTS)

    return {
        name: Sheet(_text_of(decision, "question"), _text_of(decision, "description"), facts_of(name), _entries(decision),
                    _outcomes(decision))
        for name, decision in decisions.items()
    }


def _required(decision: etree._Element) -> list[str]:
    return [
        _attribute(link, "href").rpartition("#")[2]
        for requirement in _children(decision, "informationRequirement")
        for link in requirement if isinstance(link.tag, str)
    ]


def _entries(decision: etree._Element) -> tuple[str, ...]:
    context = _child(decision, "context")
    if context is None:
        return ()
    named = [_child(entry, "variable") for entry in _children(context, "contextEntry")]
    return tuple(_attribute(variable, "name") for variable in named if variable is not None)


def _outcomes(decision: etree._Element) -> tuple[str, ...]:
    """Return the texts that the output or entry ``outcome`` may be: cells that are one text, branches of its expression."""
    found: list[str] = []
    for table in _children(decision, "decisionTable"):
        names = [_attribute(output, "name") for output in _children(table, "output")]
        if "outcome" in names:
            cells = [_children(rule, "outputEntry")[names.index("outcome")] for rule in _children(table, "rule")]
            found += [text.group(1) for cell in cells if (text := _STRING.fullmatch(_text_of(cell, "text")))]
    for context in _children(decision, "context"):
        for entry in _children(context, "contextEntry"):
            variable, value = _child(entry, "variable"), _child(entry, "literalExpression")
            if variable is not None and value is not None and _attribute(variable, "name") == "outcome":
                found += _BRANCH.findall(_text_of(value, "text"))
    return tuple(one for one in dict.fromkeys(found) if one != "refused")


def _fact(element: etree._Element, typed: etree._Element | None, types: Mapping[str, etree._Element]) -> Fact:
    name = _attribute(element, "name")
    kind, many, allowed, parts = _type(_attribute(typed, "typeRef") if typed is not None else "", types)
    return Fact(name=name, label=_attribute(element, "label") or name, description=_text_of(element, "description"),
                kind=kind, many=many, optional=_optional(element), allowed=allowed, parts=parts)


def _type(reference: str, types: Mapping[str, etree._Element]) -> tuple[str, bool, str, tuple[Fact, ...]]:
    definition = types.get(reference)
    if definition is None:
        return reference or "Any", False, "", ()
    many = definition.get("isCollection") == "true"
    parts = tuple(_part(part, types) for part in _children(definition, "itemComponent"))
    if parts:
        return "rows", many, "", parts
    kind, below_many, allowed, parts = _type(_text_of(definition, "typeRef"), types)
    own = _child(definition, "allowedValues")
    if own is not None:
        allowed = _text_of(own, "text")
    return kind, many or below_many, allowed, parts


def _part(element: etree._Element, types: Mapping[str, etree._Element]) -> Fact:
    kind, many, allowed, parts = _type(_text_of(element, "typeRef"), types)
    name = _attribute(element, "name")
    return Fact(name=name, label=_attribute(element, "label") or name, description=_text_of(element, "description"),
                kind=kind, many=many or element.get("isCollection") == "true", optional=_optional(element),
                allowed=allowed, parts=parts)


def _optional(element: etree._Element) -> bool:
    extension = _child(element, "extensionElements")
    return extension is not None and any(
        found.get("name") == "jiaoyan:optional" and found.get("value") == "true" for found in extension.iter()
    )


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str) and etree.QName(child).localname == name]


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next(iter(_children(element, name)), None)


def _text_of(element: etree._Element, name: str) -> str:
    child = _child(element, name)
    return (child.text or "").strip() if child is not None else ""


def _attribute(element: etree._Element, name: str) -> str:
    return element.get(name) or ""
