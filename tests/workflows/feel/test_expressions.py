"""What expressions mean: one line a case, the answer written in FEEL as well, so that both sides read alike."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from workflows.feel import YearsMonths, compile, evaluate, unary_test

FACTS: dict[str, Any] = {
    "age": 42,
    "price": 0.1,
    "教学 月数": 71,
    "application": {
        "title": "一级",
        "rows": [{"months": 30, "kind": "中小学"}, {"months": 50, "kind": "高校"}],
        "note": None,
    },
    "first-name": "Li",
    "double": lambda n: n * 2,
    "working days": lambda n, start_at=None: [n, start_at],
    "broken": lambda: 1 / 0,
    "date": "2026-01-01",
}

SAME = [
    # numbers
    ("1 + 2 * 3 ** 2", "19"), ("-2 ** 2", "4"), ("2 ** 3 ** 2", "64"), ("7 - 2 - 1", "4"), ("8 / 4 / 2", "1"),
    ("price + 0.2", "0.3"), ("1 / 3 * 3 = 1", "false"), (".5 + 1e2", "100.5"),
    ("decimal(2.5, 0)", "2"), ("round half up(2.5, 0)", "3"), ("round half up(-2.5, 0)", "-3"), ("floor(-1.5)", "-2"),
    ("modulo(-12, 5)", "3"), ("abs(-3)", "3"), ("even(1e40)", "true"), ("sqrt(16)", "4"), ("number(\"1.000,5\", \".\", \",\")", "1000.5"),
    # names: spaces, Chinese, signs, and words that are operators elsewhere
    ("教学 月数 + 1", "72"), ("教学  月数 >= 72", "false"), ("first-name + \"!\"", "\"Li!\""), ("application.title", "\"一级\""),
    ("{first name: 1, b: first name + 1}.b", "2"), ("{a-b: 2, c: a-b + 1}.c", "3"),
    ("for 行 in application.rows return 行.months", "[30, 50]"),
    # comparisons and three-valued logic
    ("age between 18 and 45", "true"), ("age in [18..42)", "false"), ("age in (1, > 40)", "true"), ("\"b\" in [\"a\"..\"c\"]", "true"),
    ("1 = \"1\"", "null"), ("null = null", "true"), ("1 = null", "false"), ("1 < null", "null"),
    ("true or null", "true"), ("false and null", "false"), ("true and null", "null"), ("not(null)", "null"),
    ("true and \"x\"", "null"), ("some x in [1, null] satisfies x = 1", "true"), ("every x in [] satisfies false", "true"),
    # strings
    ("substring(\"教研员\", -2)", "\"研员\""), ("string length(\"😀\")", "1"), ("\"\\u6559\\U01F600\"", "\"教😀\""),
    ("split(\"a, b,c\", \",\\s*\")", "[\"a\", \"b\", \"c\"]"), ("replace(\"2026-11\", \"(\\d+)-(\\d+)\", \"$2/$1\")", "\"11/2026\""),
    ("string join([\"a\", null, \"b\"], \"、\")", "\"a、b\""),
    ("string([1, \"a\", {b: @\"P1D\"}])", "\"[1, \\\"a\\\", {b: @\\\"P1D\\\"}]\""),
    # lists, contexts, filters
    ("[1, 2, 3][-1]", "3"), ("[1, 2, 3][item > 1]", "[2, 3]"), ("application.rows[months > 40].kind", "[\"高校\"]"),
    ("sum(application.rows.months)", "80"), ("count([])", "0"), ("sum([])", "null"), ("mean(1, 2, 3)", "2"),
    ("median([3, 1, 2, 4])", "2.5"),
    ("list contains([1, null], null)", "true"), ("distinct values([1, 1.0, \"1\", [2], [2]])", "[1, \"1\", [2]]"),
    ("sort([3, 1, 2], function(a, b) a > b)", "[3, 2, 1]"), ("flatten([1, [2, [3]]])", "[1, 2, 3]"),
    ("for i in 3..1, j in [i] return i * j", "[9, 4, 1]"),
    ("for i in 1..5 return if i < 3 then 1 else partial[-1] + partial[-2]", "[1, 1, 2, 3, 5]"),
    ("context put({a: {b: 1}}, [\"a\", \"c\"], 2)", "{a: {b: 1, c: 2}}"), ("get entries({a: 1})[1].key", "\"a\""),
    ("{f: function(n) if n < 2 then 1 else n * f(n - 1), v: f(5)}.v", "120"),
    ("5[1]", "5"), ("null[1]", "null"), ("{a: 1, a: 2}", "null"),
    # dates, times, durations
    ("date(\"2026-01-31\") + duration(\"P1M\")", "@\"2026-02-28\""), ("@\"2026-03-01\" - @\"2026-02-01\"", "@\"P28D\""),
    ("date and time(\"2026-11-21T09:00:00+08:00\") = @\"2026-11-21T01:00:00Z\"", "true"),
    ("@\"2026-01-01T00:00:00@Asia/Shanghai\".time offset", "@\"PT8H\""), ("@\"2026-01-01\" < @\"2026-01-02\"", "true"),
    ("@\"2026-01-01\" < @\"2026-01-01T00:00:00Z\"", "null"), ("date(\"2026-02-29\")", "null"), ("@\"2026-11-22\".weekday", "7"),
    ("years and months duration(@\"2025-12-24\", @\"2026-12-23\")", "@\"P11M\""), ("@\"P1DT2H\".hours", "2"), ("@\"P1Y\" / @\"P4M\"", "3"),
    ("date(\"-0044-03-15\").year", "-44"), ("date(\"99999-12-31\") + @\"P1D\"", "date(\"100000-01-01\")"),
    ("@\"23:00:00\" + @\"PT2H\"", "@\"01:00:00\""), ("for d in @\"2026-02-27\"..@\"2026-03-01\" return d.day", "[27, 28, 1]"),
    ("@\"2026-10-25T02:30:00@Europe/Paris\" + @\"PT1H\" - @\"2026-10-25T02:30:00@Europe/Paris\"", "@\"PT1H\""),
    ("week of year(@\"2027-01-01\")", "53"), ("day of week(@\"2026-11-22\")", "\"Sunday\""),
    # ranges
    ("[1..5].end included", "true"), ("overlaps([1..5], [5..8])", "true"), ("before([1..5), [5..8])", "true"), ("(< 5).start", "null"),
    ("[1..5[ = [1..5)", "true"), ("3 in range(\"(1..3]\")", "true"),
    # types
    ("1 instance of number", "true"), ("[1, 2] instance of list<number>", "true"), ("{a: 1} instance of context<a: string>", "false"),
    ("null instance of Any", "false"), ("@\"P1D\" instance of days and time duration", "true"),
    # functions, also Python ones, by position and by name
    ("double(21)", "42"), ("working days(n: 5, start at: \"x\")", "[5, \"x\"]"), ("broken()", "null"),
    ("(function(a, b) a - b)(b: 1, a: 3)", "2"),
    ("no such thing(1)", "null"), ("age(1)", "null"),
    # a fact called like a built-in function is read by its name and does not hide the function
    ("date(date)", "@\"2026-01-01\""),
    # comments, and white space of every kind
    ("1 // one\n + /* two */ 2", "3"), ("1\u3000+\u00a02", "3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "same"), SAME)
def test_an_expression_means_the_same_as_its_answer(text: str, same: str) -> None:
    assert evaluate(text, FACTS) == evaluate(same)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.10", Decimal("1.1")),
        ("\"x\"", "x"),
        ("@\"2026-11-21\"", dt.date(2026, 11, 21)),
        ("@\"09:30:00\"", dt.time(9, 30)),
        ("@\"2026-11-21T09:30:00+08:00\"", dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))),
        ("@\"PT90M\"", dt.timedelta(minutes=90)),
        ("@\"P1Y6M\"", YearsMonths(18)),
        ("{a: [1]}", {"a": [Decimal(1)]}),
    ],
)  # fmt: skip
def test_values_are_those_of_python(text: str, value: Any) -> None:
    found = evaluate(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("tests", "value", "answer"),
    [
        ("< 5, [10..20)", 12, True), ("< 5, [10..20)", 20, False), ("-", None, True), ("not(\"a\", \"b\")", "c", True),
        ("\"a\", \"b\"", "b", True), ("? > 3 and ? < 9", 5, True), ("[1, 2, 3]", 2, True), ("null", None, True), ("> 5", None, None),
        ("age", 42, True), ("string length(?) = 2", "辽宁", True), ("true", False, False), ("age > 40", "anything", True),
        ("not(null)", 1, True), ("date(\"2026-01-01\")", dt.date(2026, 1, 1), True), ("<= age", 42, True),
    ],
)  # fmt: skip
def test_unary_tests(tests: str, value: Any, answer: bool | None) -> None:
    assert unary_test(tests, value, FACTS) is answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("unknown + 1", "“unknown” is unknown"),
        ("broken()", "broken: division by zero"),
        ("1 < \"a\"", "cannot compare"),
        ("date(\"soon\")", "is not a date"),
        ("[1][5]", "outside the list"),
        ("now()", "the caller gave no moment"),
    ],
)  # fmt: skip
def test_a_failure_is_null_with_its_reason(text: str, reason: str) -> None:
    problems: list[str] = []
    assert compile(text).evaluate(FACTS, problems=problems) is None
    assert any(reason in problem for problem in problems)


def test_the_only_clock_is_the_callers() -> None:
    now = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)
    assert evaluate("[now(), today()]", now=now) == [now, dt.date(2026, 11, 22)]


def test_a_mapping_is_read_only_where_it_is_asked() -> None:
    class Watched(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            read.append(key)
            return super().__getitem__(key)

    read: list[str] = []
    assert evaluate("if true then pack.hours else pack.days", {"pack": Watched(hours=72, days=5)}) == 72
    assert read == ["hours"]
