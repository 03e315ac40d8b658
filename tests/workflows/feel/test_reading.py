"""Reading: where an error stands, which names are free, and that a printed tree reads back as itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.feel import FeelSyntaxError, compile, compile_unary, evaluate
from workflows.feel.functions import BUILT_INS
from workflows.feel.names import Names
from workflows.feel.parser import parse, parse_tests
from workflows.feel.printer import show


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("1 +", 1, 4, "值"),
        ("a > 3 && b", 1, 7, "“and”"),
        ("a == b", 1, 4, "一个“=”"),
        ("a = 'b'", 1, 5, '以 "…" 括起的文字'),
        ("a = “b”", 1, 5, '英文直引号 "'),
        ("if a then 1", 1, 12, "“else”"),
        ("[1, 2", 1, 6, "“]”"),
        ("1 +\n  )", 2, 3, "值"),
        ('"open', 1, 1, '"'),
        ("1 /* open", 1, 3, "*/"),
        ("f(a: 1, 2)", 1, 9, "名称"),
        ("a b c)", 1, 6, "运算符或结尾"),
        ("${task.name}", 1, 1, "不带 ${…} 的表达式"),
        ("(" * 80 + "1" + ")" * 80, 1, 65, ""),
        ("1e99999", 1, 1, "不超过 6144 位的数"),
        ("", 1, 1, "值"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, line: int, column: int, expected: str) -> None:
    with pytest.raises(FeelSyntaxError) as caught:
        compile(text)
    error = caught.value
    assert (error.line, error.column, error.expected) == (line, column, expected)


def test_an_error_speaks_the_readers_language() -> None:
    with pytest.raises(FeelSyntaxError) as caught:
        compile("x == 'a'")
    english = {
        "第 %(line)s 行第 %(column)s 列：%(reason)s": "line %(line)s, column %(column)s: %(reason)s",
        "不应出现“%(found)s”": "unexpected “%(found)s”",
        "；应为：%(expected)s": "; expected: %(expected)s",
        "一个“=”": "one “=”",
        "；可改写为 %(instead)s": "; write %(instead)s",
    }
    assert str(caught.value) == '第 1 行第 4 列：不应出现“=”；应为：一个“=”；可改写为 x = "a"'
    assert (
        caught.value.words(english.__getitem__) == 'line 1, column 4: unexpected “=”; expected: one “=”; write x = "a"'
    )


def test_a_long_text_is_not_told_again() -> None:
    with pytest.raises(FeelSyntaxError) as caught:
        compile("1 " + "x" * 5_000)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("text", "names", "paths"),
    [
        ("application.teaching history.months > 3 and foo", {"application", "foo"}, {"application.teaching history.months"}),
        ("count(rows[kind = x]) + sum(rows.n)", {"rows"}, {"rows.n"}),
        ("for i in xs return i + y", {"xs", "y"}, set()),
        ("{a: 1, b: a + c}", {"c"}, set()),
        ("function(a) a + b", {"b"}, set()),
        ("role(\"bureau_hr\", instance.level)", {"role", "instance"}, {"instance.level"}),
        ("some x in xs satisfies x.a = y.b", {"xs", "y"}, {"y.b"}),
    ],
)  # fmt: skip
def test_free_names_and_paths(text: str, names: set[str], paths: set[str]) -> None:
    found = compile(text)
    assert (found.names, found.paths) == (names, paths)


def test_unary_tests_have_names_too() -> None:
    assert compile_unary("> limit, ? = other.x").names == {"limit", "other"}


def test_announced_names_may_hold_signs_and_operator_words() -> None:
    announced = compile("food and drink + tax-rate", names=["food and drink", "tax-rate"])
    assert announced.names == {"food and drink", "tax-rate"}
    assert announced.evaluate({"food and drink": 1, "tax-rate": 2}) == 3
    # Unannounced, the keys of the facts decide once the words alone are not found.
    assert compile("tax-rate * 2").evaluate({"tax-rate": 4}) == 8
    assert compile("tax-rate").evaluate({"tax": 5, "rate": 1}) == 4
    assert evaluate("p.tax-rate", {"p": {"tax-rate": 4}}) == 4


# Parse, print, parse ----------------------------------------------------------------------------------------------

_NAMES = ["a", "b", "教学 月数", "list contains", "date and time", "x1", "in-house"]
_KNOWN = Names([*BUILT_INS, "in-house"])
_LEAVES = st.sampled_from(
    ["1", "2.50", "1e3", "\"a\\n\\\"b\"", "true", "null", "@\"P1D\"", "[]", "{}", "(< 3)", "[1..2)", *_NAMES]
)  # fmt: skip


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def form(pattern: str) -> st.SearchStrategy[str]:
        return st.tuples(*[inner] * pattern.count("%s")).map(lambda parts: pattern % parts)

    signs = ["+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", "and", "or"]
    forms = [f"%s {sign} %s" for sign in signs] + [
        "(%s)", "-%s", "[%s, %s]", "{a: %s, \"b c\": %s}", "%s.x y", "(%s)[%s]", "f(%s, %s)", "f(p: %s)", "if %s then %s else %s",
        "for i in %s return %s", "for i in (%s)..(%s), j in %s return %s", "some i in %s satisfies %s", "every i j in %s satisfies %s",
        "function(p: number, q) %s", "%s between %s and %s", "%s in (%s, < %s)", "%s in %s", "(%s) instance of list<number>",
        "(%s) instance of function<number, Any> -> context<a: string>", "[(%s)..(%s)]", "](%s)..(%s)[", "(>= %s)",
    ]  # fmt: skip
    return st.sampled_from(forms).flatmap(form)


EXPRESSIONS = st.recursive(_LEAVES, _wider, max_leaves=12)


@given(EXPRESSIONS)
def test_a_printed_tree_reads_back_as_itself(text: str) -> None:
    try:
        tree = parse(text, _KNOWN)
    except FeelSyntaxError:
        return  # the loose grammar above also writes texts that are not FEEL
    assert parse(show(tree), _KNOWN) == tree


@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), st.booleans())
def test_printed_tests_read_back_as_themselves(texts: list[str], negated: bool) -> None:
    text = ", ".join(texts)
    try:
        tree = parse_tests(f"not({text})" if negated else text, _KNOWN)
    except FeelSyntaxError:
        return
    assert parse_tests(show(tree), _KNOWN) == tree


# Nothing but FeelSyntaxError --------------------------------------------------------------------------------------

_CALLS = st.tuples(st.sampled_from(sorted(BUILT_INS)), st.lists(_LEAVES, max_size=4)).map(
    lambda c: f"{c[0]}({', '.join(c[1])})"
)
FACTS: dict[str, Any] = {
    "a": [1, {"x": float("nan")}],
    "b": {"x y": 2.5},
    "f": lambda *n, **k: n,
    "教学 月数": 3,
    "in-house": None,
}


@given(st.one_of(EXPRESSIONS, st.recursive(_CALLS, _wider, max_leaves=6), st.text(max_size=40)))
def test_nothing_but_a_syntax_error_is_raised(text: str) -> None:
    problems: list[str] = []
    try:
        compile(text).evaluate(FACTS, problems=problems)
    except FeelSyntaxError:
        return
    assert not [problem for problem in problems if problem.startswith("the evaluation failed")]
