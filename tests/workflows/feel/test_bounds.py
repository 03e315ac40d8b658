"""No expression hangs, exhausts memory, or runs code."""

from __future__ import annotations

import time
from typing import Any

import pytest

from workflows.feel import FeelSyntaxError, compile, evaluate
from workflows.feel.pattern import compile_pattern
from workflows.feel.pattern_syntax import PatternRefused

_DOUBLING = (
    '{a: "xxxxxxxxxxxxxxxx"'
    + "".join(f", {b}: {a}+{a}" for a, b in zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True))
    + "}"
)
_SHARED = "{a: [1, 1]" + "".join(
    f", {b}: [{a}, {a}]" for a, b in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True)
)

ENDLESS = [
    "for i in 1..1000000000000 return i",
    "for i in 1..1000, j in 1..1000, k in 1..1000 return i",
    "count(for i in 1..100000 return for j in 1..100000 return j)",
    "{f: function(n) f(n + 1), v: f(1)}.v",
    "{f: function(n) f(n) + f(n), v: f(1)}.v",
    "every x in 1..1000000000 satisfies x > 0",
    _DOUBLING,
    _SHARED + "}",
    _SHARED + ", y: string(x)}.y",
    _SHARED + ", y: x = [w, w]}.y",
    _SHARED + ", y: flatten(x)}.y",
    "for i in 1..100000 return upper case(big)",
    "for i in 1..100000 return matches(big, \"(a+)+b\")",
    "distinct values(for i in 1..1000 return for j in 1..250 return [j])",
    "matches(big, \"(a*)*(a*)*(a*)*b\")",
    "for i in 1..100000 return matches(\"x\", \"(a{900}b{900}){900}\")",
    "1.0000001 ** 1e40",
    "sum(for i in rows return count(rows))",
]  # fmt: skip


@pytest.mark.parametrize("text", ENDLESS)
def test_work_is_bounded(text: str) -> None:
    started = time.perf_counter()
    problems: list[str] = []
    compile(text).evaluate({"big": "a" * 50_000, "rows": list(range(20_000))}, problems=problems)
    assert time.perf_counter() - started < 5  # about one second where nothing else runs


@pytest.mark.parametrize(
    "text",
    ["(" * 50_000, "[" * 50_000, "-" * 50_000 + "1", "/*" * 50_000, "f(" * 50_000, "1" * 200_000, "a." * 40_000 + "b", "not(" * 40_000,
     "1" + "+1" * 40_000, "if " * 30_000, "{a:" * 30_000, "\"" * 50_001, "x in (" * 10_000],
)  # fmt: skip
def test_reading_is_bounded(text: str) -> None:
    started = time.perf_counter()
    try:
        compile(text).evaluate({})
    except FeelSyntaxError:
        pass
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "text",
    ["__import__(\"os\")", "().__class__.__base__.__subclasses__()", "a.__class__", "a.__init__.__globals__", "open(\"/etc/passwd\")",
     "a[\"__class__\"]", "f.__code__", "(function(x) external {java: {class: \"java.lang.Runtime\", method signature: \"exec\"}})(1)"],
)  # fmt: skip
def test_no_python_is_reached(text: str) -> None:
    try:
        assert evaluate(text, {"a": "x", "f": lambda: 1}) in (None, [])
    except FeelSyntaxError:
        pass


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "span"),
    [
        ("a(b|c)+d", "", "xxabcbd", (2, 7)), ("^1[3-9]\\d{9}$", "", "13812345678", (0, 11)), ("[a-z-[aeiou]]+", "i", "aeBCD", (2, 5)),
        ("(a|ab)(c|bcd)(d*)", "", "abcd", (0, 4)), ("^b$", "m", "a\nb", (2, 3)), ("a.b", "", "a\nb", None), ("a.b", "s", "a\nb", (0, 3)),
        ("h e l", "x", "hello", (0, 3)), ("a+b", "q", "xa+b", (1, 4)), ("\\p{IsCJKUnifiedIdeographs}+", "", "x教研", (1, 3)),
        ("(.)\\1", "", "abccd", (2, 4)), ("a*?b", "", "aab", (0, 3)), ("[^a]", "i", "A", None),
        ("\\w+", "", "- 研1", (2, 4)), ("", "", "x", (0, 0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("padding", [0, 3000])  # short texts run on Python's re, long ones on the automaton
def test_patterns_match_alike_in_both_ways(pattern: str, flags: str, text: str, span: Any, padding: int) -> None:
    if padding and ("\\1" in pattern or "^1" in pattern):
        return
    if padding and span is None:
        return
    found = compile_pattern(pattern, flags).search(
        text + "\n~" * padding if span and not pattern.endswith("$") else text, lambda n: None
    )
    assert (found[0] if found else None) == span


@pytest.mark.parametrize(
    "pattern", ["(", "a**", "[z-a]", "\\q", "a{2,1}", "(?=a)", "\\1(a)", "[]", "a{1001}", "\\p{Nope}", "x" * 3000, ")"]
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        compile_pattern(pattern)


@pytest.mark.parametrize("text", ["list replace([1], broken, 2)", "sort([2, 1], broken)[3]", "broken()"])
def test_a_function_of_the_house_that_breaks_gives_null_and_its_reason(text: str) -> None:
    problems: list[str] = []
    assert compile(text).evaluate({"broken": lambda *_given: 1 / 0}, problems=problems) is None
    assert "division by zero" in problems[0] and "evaluation failed" not in problems[0]
