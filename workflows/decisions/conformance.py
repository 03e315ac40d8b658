"""The DMN technology compatibility kit, run case by case over a directory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from workflows.decisions.document import Element
from workflows.decisions.model import DecisionModel, load_leniently
from workflows.decisions.ruling import Ruling
from workflows.feel import temporal
from workflows.feel.compare import equal

#: ``now`` of every case; the kit's answers do not depend on it.
MOMENT = dt.datetime(2026, 1, 1, 12, 0, 0, tzinfo=dt.UTC)
#: Numbers are the same when they agree to this (the kit writes some results of division with fewer digits).
TOLERANCE = Decimal("1e-8")


@dataclass(frozen=True)
class Case:
    """One test case: ``place`` is directory/file/case, and the first wrong result where there is one."""

    place: str
    directory: str
    passed: bool
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.place}: " + ("passed" if self.passed else f"expected {self.expected}, got {self.got}")


@dataclass
class Report:
    """All cases of a run."""

    cases: list[Case] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.cases)

    @property
    def passed(self) -> int:
        return sum(case.passed for case in self.cases)

    @property
    def failures(self) -> list[Case]:
        """The cases that did not pass, each with what was expected and what came."""
        return [case for case in self.cases if not case.passed]

    def by_directory(self) -> dict[str, tuple[int, int]]:
        """Passed and total for each directory."""
        found: dict[str, tuple[int, int]] = {}
        for case in self.cases:
            passed, total = found.get(case.directory, (0, 0))
            found[case.directory] = passed + case.passed, total + 1
        return found


def run(directory: Path) -> Report:
    """Run every case below ``directory``; a case that expects an error passes only when a problem is reported."""
    report = Report()
    for path in sorted(directory.rglob("*-test-*.xml")):
        report.cases.extend(_file(path))
    return report


def _file(path: Path) -> Iterator[Case]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(path.read_bytes(), parser)
    named = path.parent / _text(root.find("{*}modelName"))
    others = sorted(p for p in path.parent.glob("*.dmn") if p != named)
    files = [p for p in (named, *others) if p.exists()]
    model, problems = load_leniently([p.read_bytes() for p in files], files=[p.name for p in files])
    defects = [str(problem) for problem in problems]
    for case in root.iterfind("{*}testCase"):
        inputs = {node.get("name"): _value(node) for node in case.iterfind("{*}inputNode")}
        place = f"{path.parent.name}/{path.name}/{case.get('id')}"
        results = [
            _judge(f"{place}/{result.get('name')}", path.parent.name, model, defects, case, result, inputs)
            for result in case.iterfind("{*}resultNode")
        ]
        wrong = [result for result in results if not result.passed]
        if wrong:
            yield wrong[0]  # a case with several results passes only as a whole
        else:
            yield Case(place, path.parent.name, bool(results), "", "")


def _judge(
    place: str,
    directory: str,
    model: DecisionModel | None,
    defects: list[str],
    case: Element,
    result: Element,
    inputs: dict[str | None, Any],
) -> Case:
    wanted = _value(result.find("{*}expected"))
    expects_error = result.get("errorResult") == "true"
    facts = {str(name): value for name, value in inputs.items()}
    name = result.get("name") or ""
    if model is None:
        return Case(place, directory, False, repr(wanted), "; ".join(defects))
    try:
        service = case.get("invocableName")
        ruling = model.evaluate(service or name, facts, now=MOMENT)
    except KeyError:
        return Case(place, directory, False, repr(wanted), f"there is no decision “{name}”")
    got = _of_service(ruling, name) if service else ruling.value
    passed = same(got, wanted)
    if expects_error:
        passed = passed and bool(ruling.problems)
    told = f"{got!r} {list(ruling.problems)}" if ruling.problems else repr(got)
    return Case(place, directory, passed, ("error " if expects_error else "") + repr(wanted), told)


def _of_service(ruling: Ruling, name: str) -> Any:
    if len(ruling.parts) > 1 and isinstance(ruling.value, dict):
        return ruling.value.get(name)
    return ruling.value


def same(got: Any, wanted: Any) -> bool:
    """Whether a result is the expected one: numbers within the tolerance, moments to the second."""
    if isinstance(got, Decimal) and isinstance(wanted, Decimal):
        return got == wanted or abs(got - wanted) <= TOLERANCE * max(Decimal(1), abs(wanted))
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(same(a, b) for a, b in zip(got, wanted, strict=True))
    if isinstance(got, dict) and isinstance(wanted, dict):
        return set(got) == set(wanted) and all(same(got[key], wanted[key]) for key in wanted)
    return equal(got, wanted) is True


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def _value(node: Element | None) -> Any:
    """The value written in a test file."""
    if node is None or node.get(f"{_XSI}nil") == "true":
        return None
    holder = node.find("{*}list")
    if holder is not None:
        return None if holder.get(f"{_XSI}nil") == "true" else [_value(item) for item in holder.iterfind("{*}item")]
    components = node.findall("{*}component")
    if components:
        return {component.get("name"): _value(component) for component in components}
    value = node.find("{*}value")
    if value is None or value.get(f"{_XSI}nil") == "true":
        return None
    return _simple(value.text or "", (value.get(f"{_XSI}type") or "").partition(":")[2])


def _simple(text: str, type_name: str) -> Any:
    match type_name:
        case "decimal" | "double" | "integer" | "int" | "long" | "float":
            return Decimal(text.strip())
        case "boolean":
            return text.strip() == "true"
        case "date":
            return temporal.read_date(text.strip())
        case "time":
            return temporal.read_time(text.strip())
        case "dateTime":
            return temporal.read_moment(text.strip())
        case "duration":
            return temporal.read_duration(text.strip())
    return text
