"""Rulings: hit policies, graphs, boxed expressions, and what an answer says about itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from tests.workflows.decisions.models import decision, fact, feel, model, table
from workflows.decisions import Matched, Ruling, load

ROWS = ("< 10 -> \"low\" | 1 # a", "[5..20) -> \"mid\" | 2 # b", ">= 15 -> \"high\" | 3 # c", "7 -> \"low\" | 1 # d")  # fmt: skip


def ask(policy: str, x: int | None, *rules: str, **options: Any) -> Ruling:
    outputs = ["band", "points"] if not rules else ["points"]
    xml = model(
        fact("x", "number"), decision("answer", table(policy, ["x"], outputs, *(rules or ROWS), **options), "input:x")
    )
    return load(xml).evaluate("answer", {"x": x})


@pytest.mark.parametrize(
    ("policy", "x", "value", "rules"),
    [
        ("UNIQUE", 2, {"band": "low", "points": 1}, [1]),
        ("UNIQUE", 6, None, [1, 2]),
        ("UNIQUE", None, None, []),
        ("FIRST", 6, {"band": "low", "points": 1}, [1]),
        ("ANY", 7, None, [1, 2, 4]),
        ("RULE ORDER", 17, [{"band": "mid", "points": 2}, {"band": "high", "points": 3}], [2, 3]),
        ("COLLECT", 40, [{"band": "high", "points": 3}], [3]),
    ],
)
def test_hit_policies(policy: str, x: int | None, value: Any, rules: list[int]) -> None:
    ruling = ask(policy, x)
    assert ruling.value == value
    assert [rule.index for rule in ruling.rules] == rules
    assert bool(ruling.problems) == (value is None)


@pytest.mark.parametrize(
    ("aggregation", "x", "value"),
    [("SUM", 6, 30), ("MIN", 6, 10), ("MAX", 6, 20), ("COUNT", 6, 2), ("COUNT", 99, 0), ("", 6, [10, 20]), ("", 99, []), ("SUM", 99, None)],
)  # fmt: skip
def test_collecting(aggregation: str, x: int, value: Any) -> None:
    assert ask("COLLECT", x, "< 10 -> 10", "[5..20) -> 20", aggregation=aggregation).value == value


@pytest.mark.parametrize(
    ("policy", "value", "rules"), [("PRIORITY", 3, [3]), ("OUTPUT ORDER", [3, 1, 1, 2], [3, 1, 4, 2])]
)
def test_priorities_follow_the_order_of_the_output_values(policy: str, value: Any, rules: list[int]) -> None:
    ruling = ask(policy, 7, "< 10 -> 1", "> 0 -> 2", "7 -> 3", "- -> 1", values=["3, 1, 2"])
    assert ruling.value == value and [rule.index for rule in ruling.rules] == rules


def test_any_agrees_and_a_default_answers_where_nothing_matches() -> None:
    assert ask("ANY", 7, "< 10 -> 1", "7 -> 1.0").value == 1
    assert ask("UNIQUE", 7, "> 10 -> 1", default="0").value == 0
    assert ask("UNIQUE", 7, "> 10 -> 1").problems == ("t: no rule matches",)


def test_a_value_that_is_not_allowed_or_of_another_type_is_no_answer() -> None:
    assert "not an allowed value" in ask("FIRST", 70, "- -> 1", allowed=["[0..10]"]).problems[0]
    assert "declared type" in ask("FIRST", "seven", "- -> 1").problems[0]  # type: ignore[arg-type]


def test_a_graph_answers_each_decision_once_and_keeps_its_rulings() -> None:
    calls: list[int] = []

    def counted(n: Decimal) -> Decimal:
        calls.append(int(n))
        return n

    xml = model(
        fact("n"),
        decision("base", feel("counted(n)"), "input:n"),
        decision("left", feel("base + 1"), "decision:base"),
        decision("right", feel("base * 2"), "decision:base"),
        decision("top", feel("left + right"), "decision:left", "decision:right"),
    )
    ruling = load(xml).evaluate("top", {"n": 5, "counted": counted})
    assert (ruling.value, calls) == (16, [5])
    assert [part.name for part in ruling.parts] == ["left", "right"]
    assert ruling.parts[0].parts[0] is ruling.parts[1].parts[0]
    assert ruling.inputs == {"n": 5}


def test_what_is_not_drawn_is_not_in_sight() -> None:
    xml = model(fact("n"), decision("base", feel("n"), "input:n"), decision("top", feel("base + n")))
    ruling = load(xml).evaluate("top", {"n": 5})
    assert ruling.value is None and any("“base” is unknown" in problem for problem in ruling.problems)


BOXED = {
    "context": (
        "<context><contextEntry><variable name='a b'/>{}</contextEntry><contextEntry>{}</contextEntry></context>",
        ["n + 1", "a b * 2"], 12),
    "relation": ("<relation><column name='a'/><column name='b'/><row>{}{}</row></relation>", ["n", "2"], [{"a": 5, "b": 2}]),
    "list": ("<list>{}{}</list>", ["1", "n"], [1, 5]),
    "conditional": ("<conditional><if>{}</if><then>{}</then><else>{}</else></conditional>", ["n > 3", "\"y\"", "\"n\""], "y"),
    "filter": ("<filter><in>{}</in><match>{}</match></filter>", ["[1, n, 9]", "item > 3"], [5, 9]),
    "for": ("<for iteratorVariable='i'><in>{}</in><return>{}</return></for>", ["1..3", "i * n"], None),
    "for list": ("<for iteratorVariable='i'><in>{}</in><return>{}</return></for>", ["[1, 2]", "i * n"], [5, 10]),
    "every": ("<every iteratorVariable='i'><in>{}</in><satisfies>{}</satisfies></every>", ["[1, 2]", "i < n"], True),
    "some": ("<some iteratorVariable='i'><in>{}</in><satisfies>{}</satisfies></some>", ["[1, 2]", "i > n"], False),
    "invocation": ("<invocation>{}<binding><parameter name='x'/>{}</binding></invocation>", ["twice", "n"], 10),
    "function": (
        ("<context><contextEntry><variable name='f'/><functionDefinition><formalParameter name='x'/>{}</functionDefinition>"
        "</contextEntry><contextEntry>{}</contextEntry></context>"), ["x * x", "f(n)"], 25),
}  # fmt: skip


@pytest.mark.parametrize("case", [case for case in BOXED if case != "for"])
def test_boxed_expressions(case: str) -> None:
    form, texts, value = BOXED[case]
    bkm = (
        "<businessKnowledgeModel id='twice' name='twice'><variable name='twice'/><encapsulatedLogic>"
        f"<formalParameter name='x'/>{feel('x * 2')}</encapsulatedLogic></businessKnowledgeModel>"
    )
    xml = model(fact("n"), bkm, decision("answer", form.format(*map(feel, texts)), "input:n", "knowledge:twice"))
    ruling = load(xml).evaluate("answer", {"n": 5})
    assert (ruling.value, ruling.problems) == (value, ())


def test_a_decision_service_is_a_function_and_can_be_asked() -> None:
    service = (
        "<decisionService id='s' name='rate'><variable name='rate'/><outputDecision href='#double'/>"
        "<inputData href='#n'/></decisionService>"
    )
    xml = model(
        fact("n", "number"),
        decision("double", feel("n * 2"), "input:n"),
        service,
        decision("top", feel("rate(4) + rate(n: 1)"), "knowledge:s"),
    )
    loaded = load(xml)
    assert loaded.evaluate("top", {}).value == 10
    assert loaded.evaluate("rate", {"n": 3}).value == 6
    assert loaded.evaluate("rate", {}).value is None


def test_a_service_that_asks_itself_comes_to_an_end() -> None:
    service = (
        "<decisionService id='s' name='again'><variable name='again'/><outputDecision href='#d'/></decisionService>"
    )
    ruling = load(model(service, decision("d", feel("1 + again()"), "knowledge:s"))).evaluate("d", {})
    assert ruling.value is None and any("deep" in problem for problem in ruling.problems)


def test_an_imported_model_is_seen_under_its_name() -> None:
    other = model(fact("n"), decision("half", feel("n / 2"), "input:n"), namespace="https://example.org/other")
    imports = '<import name="lib" namespace="https://example.org/other" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>'
    xml = model(decision("top", feel("lib.half + 1"), "decision:https://example.org/other#half"), imports=imports)
    assert load([xml, other]).evaluate("top", {"n": 8}).value == 5


TYPES = (
    "<itemDefinition name='tRows' isCollection='true'><itemComponent name='start'><typeRef>date</typeRef></itemComponent>"
    "<itemComponent name='end'><typeRef>date</typeRef></itemComponent></itemDefinition>"
    '<itemDefinition name=\'tKind\'><typeRef>string</typeRef><allowedValues><text>"a", "b"</text></allowedValues></itemDefinition>'
)


@pytest.mark.parametrize(
    ("type_", "value", "seen"),
    [
        ("date", "2026-11-21", dt.date(2026, 11, 21)),
        ("date and time", "2026-11-21T09:00:00Z", dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)),
        ("number", 1.5, Decimal("1.5")),
        ("tRows", [{"start": "2020-09-01"}], [{"start": dt.date(2020, 9, 1), "end": None}]),
        ("tKind", "b", "b"),
        ("tKind", "c", None),
        ("date", "soon", None),
        ("number", "1", None),
        ("string", ["only"], "only"),
        ("boolean", None, None),
    ],
)
def test_facts_are_coerced_to_their_declared_type(type_: str, value: Any, seen: Any) -> None:
    ruling = load(model(TYPES, fact("x", type_), decision("answer", feel("x"), "input:x"))).evaluate(
        "answer", {"x": value}
    )
    assert ruling.value == seen and bool(ruling.problems) == (seen is None and value is not None)


# What a ruling tells ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clause:
    key: str
    since: dt.date


class Pack(Mapping[str, Any]):
    """A policy pack in small: two values, each with its clause."""

    values: Mapping[str, Any] = {"months": 72, "hours": 90}

    def __init__(self, note: Callable[[Any], None] | None = None) -> None:
        self._note = note

    def __getitem__(self, key: str) -> Any:
        if self._note is not None:
            self._note(Clause(key, dt.date(2026, 1, 1)))
        return self.values[key]

    def __iter__(self) -> Any:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def recording(self, note: Callable[[Any], None]) -> Mapping[str, Any]:
        return Pack(note)


def test_a_ruling_tells_facts_rules_and_clauses() -> None:
    rules = ('>= policy.months -> "符合" # 第13条', '- -> "不符合" # 第13条')
    logic = table("FIRST", ["months"], ["outcome"], *rules, types=["number"])
    xml = model(
        fact("application"),
        fact("policy"),
        decision("months", feel("sum(application.rows.months)"), "input:application"),
        decision("experience", logic, "decision:months", "input:policy", identity="DT-ADM-01"),
    )
    facts = {"application": {"rows": [{"months": 41}, {"months": 30}], "unread": 1}, "policy": Pack()}
    ruling = load(xml).evaluate("DT-ADM-01", facts)
    assert (ruling.decision, ruling.name, ruling.value) == ("DT-ADM-01", "experience", "不符合")
    assert ruling.outputs == {"outcome": "不符合"}
    assert ruling.rules == (Matched("t", "r2", 2, ("第13条",)),)
    assert ruling.citations == (Clause("months", dt.date(2026, 1, 1)),)
    assert ruling.parts[0].citations == ()
    assert ruling.inputs == {"application": {"rows": [{"months": 41}, {"months": 30}]}}
    told = ruling.as_json()
    assert json.loads(json.dumps(told)) == told
    assert told["citations"] == [{"key": "months", "since": "2026-01-01"}]
    assert told["parts"][0]["value"] == "71"


def test_a_pack_needs_no_arrow_and_now_is_given() -> None:
    xml = model(decision("answer", feel("[policy.hours, today()]")))
    ruling = load(xml).evaluate("answer", {"policy": Pack()}, now=dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    assert ruling.value == [90, dt.date(2026, 11, 22)]
    assert [clause.key for clause in ruling.citations] == ["hours"]


def test_a_decision_describes_its_facts_and_outcomes() -> None:
    logic = table("FIRST", ["x"], ["band", "points"], '- -> "a" | 1', values=['"a"', ""], allowed=["> 0"])
    found = load(model(fact("x", "number"), decision("answer", logic, "input:x"))).decisions["answer"]
    assert [(v.name, v.type, v.allowed) for v in found.inputs] == [("x", "number", "> 0")]
    assert [(v.name, v.allowed) for v in found.outputs] == [("band", '"a"'), ("points", "")]
