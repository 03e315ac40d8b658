"""Item definitions as FEEL types, and facts coerced to a declared type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.decisions.document import Document, Element, child, each, text_of
from workflows.errors import Problem
from workflows.feel import FeelSyntaxError, UnaryTests, temporal
from workflows.feel.compare import Spend
from workflows.feel.functions import BUILT_INS
from workflows.feel.parser import parse_type
from workflows.feel.types import ANY, SIMPLE, SPELLINGS, Type, accepts, fit, resolve
from workflows.feel.values import Value, kind, known

Report = Callable[[Problem], None]


class ItemTypes:
    """The types declared in a document and, under ``import name.type name``, in the documents it imports."""

    def __init__(
        self, document: Document, imported: Mapping[str, ItemTypes], names: frozenset[str], report: Report
    ) -> None:
        self._document = document
        self._report = report
        self._names = names
        self._elements = {e.get("name") or "": e for e in document.children("itemDefinition")}
        self._busy: set[str] = set()
        #: Every declared type by the name under which expressions of the document see it.
        self.declared: dict[str, Type] = {}
        for prefix, types in imported.items():
            for name, found in types.declared.items():
                self.declared[f"{prefix}.{name}" if prefix else name] = found
        for name in self._elements:
            self._declare(name)

    def _declare(self, name: str) -> Type:
        if name not in self.declared:
            if name in self._busy:
                return ANY  # a type that contains itself: its inner occurrence is not checked
            self._busy.add(name)
            self.declared[name] = self._definition(self._elements[name])
            self._busy.discard(name)
        return self.declared[name]

    def named(self, reference: str | None, element: Element) -> Type | None:
        """The type of a ``typeRef``; None where there is none; an unknown one is reported and not checked."""
        if not reference or not reference.strip():
            return None
        reference = reference.strip()
        plain = reference.removeprefix("feel:").removeprefix("xsd:")
        plain = SPELLINGS.get(plain, plain)
        for name in (reference, plain, reference.partition(":")[2]):
            if name in self._elements:
                return self._declare(name)
            if name in self.declared:
                return self.declared[name]
        if plain in SIMPLE or plain == "Any":
            return Type(plain)
        if reference.startswith("{"):  # DMN 1.1 tools write {namespace}name
            return self.named(reference.rpartition("}")[2], element)
        try:
            found = resolve(parse_type(plain, self.declared), self.declared)
        except FeelSyntaxError:
            found = None
        if found is None:
            self._report(self._document.problem(element, f"没有定义类型“{reference}”"))
        return found

    def allowed_text(self, reference: str) -> str:
        """The allowed values of a named type as written, its own or those of the type it refers to."""
        for _ in range(20):
            element = self._elements.get(reference)
            if element is None:
                break
            written = text_of(child(element, "allowedValues"))
            if written:
                return written
            reference = (_reference(element) or "").strip()
        return ""

    def _definition(self, element: Element) -> Type:
        components = each(element, "itemComponent")
        function = child(element, "functionItem")
        if components:
            parts = tuple(self._definition(component) for component in components)
            found = Type("context", parts, tuple(component.get("name") or "" for component in components))
        elif function is not None:
            found = self._function(function)
        else:
            found = self.named(_reference(element), element) or ANY
        found = self._constrained(found, child(element, "allowedValues"))
        if element.get("isCollection") in ("true", "1"):
            found = Type("list", (found,))
        return self._constrained(found, child(element, "typeConstraint"))

    def _function(self, element: Element) -> Type:
        parts = [self.named(parameter.get("typeRef"), parameter) or ANY for parameter in each(element, "parameters")]
        return Type("function", (*parts, self.named(element.get("outputTypeRef"), element) or ANY))

    def _constrained(self, found: Type, element: Element | None) -> Type:
        if element is None or not text_of(element):
            return found
        try:
            tests = UnaryTests(text_of(element), self._names, self.declared)
        except FeelSyntaxError as error:
            self._report(self._document.problem(element, str(error), error.column))
            return found
        # A constraint sees the value alone; a name of anything else could only ever be null.
        for name in sorted(tests.names - set(BUILT_INS) - {"item"}):
            self._report(self._document.problem(element, f"未知的名称“{name}”", 1))
        inner = found.allows

        def allows(value: Value, spend: Spend) -> bool:
            return (inner is None or inner(value, spend)) and tests.evaluate(value, spend=spend) is True

        return Type(found.name, found.parts, found.keys, allows)


def _reference(element: Element) -> str | None:
    below = child(element, "typeRef")
    return (below.text or "") if below is not None else element.get("typeRef")


_READERS: dict[str, Callable[[str], Any]] = {
    "date": temporal.read_date,
    "time": temporal.read_time,
    "date and time": temporal.read_moment,
    "days and time duration": temporal.read_duration,
    "years and months duration": temporal.read_duration,
}


def coerce(value: Any, wanted: Type | None) -> tuple[bool, Any]:
    """A fact as its declared type: ISO texts become days and moments, absent entries of a context null.

    The first part of the answer says whether it fits.
    """
    value = _converted(known(value), wanted) if wanted is not None else value
    if wanted is None or accepts(value, wanted):
        return True, value
    return fit(value, wanted)


def _converted(value: Any, wanted: Type) -> Any:
    if isinstance(value, str) and wanted.name in _READERS:
        found = _READERS[wanted.name](value)
        return found if found is not None and kind(found) == wanted.name else value
    if wanted.name == "list" and isinstance(value, list):
        return [_converted(item, wanted.parts[0]) for item in value]
    if wanted.name == "context" and isinstance(value, Mapping) and wanted.keys:
        declared = dict(zip(wanted.keys, wanted.parts, strict=True))
        found = {key: value[key] for key in value}
        for key, part in declared.items():
            found[key] = _converted(known(value[key]), part) if key in value else None
        return found
    return value
