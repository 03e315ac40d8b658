"""Python, JUEL and JavaScript: the FEEL that means the same, or no suggestion at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.feel import FeelSyntaxError, compile, compile_unary, evaluate, refuse_foreign, refuse_juel, suggest

MECHANICAL = [
    # JUEL, as diagrams for other engines hold it
    ("${amount > 100}", "amount > 100"), ("#{x == 'a'}", 'x = "a"'), ("${a && b || !c}", "a and b or not(c)"),
    ("${(a || b) && c}", "(a or b) and c"), ("${x != null}", "x != null"), (" ${ amount } ", "amount"),
    ("${x eq 'a' and not y}", 'x = "a" and not(y)'), ("${a le 5 or b ge 2 or c lt 3 or d gt 4}", "a <= 5 or b >= 2 or c < 3 or d > 4"),
    ("${!a == b}", "not(a) = b"), ("${a ? 1 : b ? 2 : 3}", "if a then 1 else if b then 2 else 3"),
    ("${execution.getVariable('x') == 'a'}", 'x = "a"'), ("${x.get('a') > 1}", "x.a > 1"), ("${x['a b']}", 'get value(x, "a b")'),
    ("${rows[0].kind == 'a'}", 'rows[1].kind = "a"'), ("${x.equals(y)}", "x = y"), ("${x.startsWith('a')}", 'starts with(x, "a")'),
    ("${a div 2 - -b}", "a / 2 - -b"), ("${approved != null && approved}", "approved != null and approved"),
    # Python, JavaScript
    ('x == "a"', 'x = "a"'), ("x === 'a' && y !== 1", 'x = "a" and y != 1'), ("not x", "not(x)"), ("not a == b", "not(a = b)"),
    ("True", "true"), ("False", "false"), ("None", "null"), ("a and b == 1", "a and b = 1"), ("x is None", "x = null"),
    ("x is not None", "x != null"), ("x is True", "x = true"), ("x = 'text'", 'x = "text"'), ("'it\\'s'", '"it\'s"'),
    ("x.get(\"a\") == 1", "x.a = 1"), ("x[\"a\"] == 1", "x.a = 1"), ("execution.getVariable(\"x\")", "x"),
    ("1 < x <= 5", "1 < x and x <= 5"), ("a if b else c", "if b then a else c"), ("-2 ** 2 == a", "-(2 ** 2) = a"),
    ("2 ** 3 ** 2 == a", "2 ** (3 ** 2) = a"), ("x in ['a', 'b']", 'list contains(["a", "b"], x)'),
    ("x not in ('a', 'b')", 'not(list contains(["a", "b"], x))'), ("x.endswith('a')", 'ends with(x, "a")'),
    # FEEL with a slip of the pen
    ("教学 月数 == 72", "教学 月数 = 72"), ("x = “甲”", 'x = "甲"'), ("if x == 'a' then 1 else 2", 'if x = "a" then 1 else 2'),
    ("some r in rows satisfies r.kind == 'a' && r.n > 1", 'some r in rows satisfies r.kind = "a" and r.n > 1'),
    ("string length(x) == 2", "string length(x) = 2"), ("working days(5) == y", "working days(5) = y"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), MECHANICAL)
def test_a_text_of_another_language_has_its_feel(text: str, meant: str) -> None:
    assert suggest(text, names=["working days"]) == meant
    assert suggest(meant, names=["working days"]) is None  # what is suggested is FEEL


@pytest.mark.parametrize(
    "text",
    [
        # nobody can tell without the facts: a text or a list; a number, a text or a boolean; the sign of the remainder
        "len(x)", "x and x > 5", "x or 'none'", "not 'a'", "${a % 2 == 0}", "'a' in x", "${x.contains('a')}", "${empty x}", "${x.size()}",
        "${'1' + x}", "str(x) == 'a'", "${x = 1}", "a == b == c", "x = 1 if [] else 2", "${x[-1]}", "rows[0] == 1", "round(x) == 1",
        # no translation, or no language at all
        "${a}-${b}", "${a", "${bean.act()}", "a.b.c() == 1", "lambda: 1", "__import__('os').system('x')", "role('a') == 1", "f'{x}' == 'a'",
        "${__import__('os')}", "(" * 200 + "1" + ")" * 200 + " == 1", "!" * 200 + "a", "x == 1;", "$", "${}", "", "x == 010",
        "1e99999 == x", "a" * 3000 + " == 1", "'\\q' == x", "if == 1", "x.get('a', 1) == 2",
        "not " * 480 + "x == 1", "1+" * 990 + "1 == 2", "${" + "a.b." * 400 + "c}", "1+" * 990 + "1",
        # FEEL already
        "a", "not(x)", "x = \"a\"", "x[item = 1]", "a - b", "date(\"2026-01-01\")", "count(rows[kind = \"a\"]) > 0", "x in (1, 2)",
        "{f: function(n) n, v: f(1)}.v", "is defined(x)", "教学 月数 >= 72",
    ],
)  # fmt: skip
def test_what_is_not_mechanical_is_left_alone(text: str) -> None:
    assert suggest(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("== 'a'", '= "a"'), ("'a', 'b'", '"a", "b"'), ("!= None", "!= null"), ("> 5, == 3", "> 5, = 3"),
        ("not('a', 'b')", 'not("a", "b")'),
        ("“甲”", '"甲"'), ("None", "null"), ("? == 'a' || ? == 'b'", None), ("'a' || 'b'", None), ("> 5 && < 9", None), ("-", None),
        ("> 5", None), ("not(\"a\")", None),
    ],
)  # fmt: skip
def test_cells_of_tables_too(text: str, meant: str | None) -> None:
    assert suggest(text, unary=True) == meant
    assert meant is None or compile_unary(meant)


@pytest.mark.parametrize("text", ["${x}", "#{x == 'a'}", "编号 ${x}", "P${days}D", "${a}-${b}"])
def test_juel_in_a_text_is_refused(text: str) -> None:
    with pytest.raises(FeelSyntaxError, match="不执行"):
        refuse_juel(text)
    refuse_juel("100 元 {x} $ #1")


@pytest.mark.parametrize("text", ["not x", "x is None", "len(x)", 'str(x) = "1"', 'x["a"]', "x eq 1"])
def test_feel_by_accident_is_refused(text: str) -> None:
    compile(text)
    with pytest.raises(FeelSyntaxError):
        refuse_foreign(text)


@pytest.mark.parametrize(
    "text", ["not(x)", "is it so(1)", "x = 1", "find(x)", "a + b", "working days(1)", "1 +", "x is so", "len"]
)
def test_feel_is_not_refused(text: str) -> None:
    refuse_foreign(text, names=["working days"])


# The same value as Python -----------------------------------------------------------------------------------------

_NAMES: dict[str, Any] = {
    "p": True,
    "q": False,
    "m": 3,
    "n": -2,
    "s": "a",
    "t": "甲",
    "z": None,
    "d": {"k": 1, "l": "b"},
}
_NUMBERS = st.sampled_from(["m", "n", "2", "1.5", "d.get('k')", "d['k']"])
_TEXTS = st.sampled_from(["s", "t", "'a'", '"甲"', "d['l']"])


def _both(form: str, one: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(one, one).map(lambda pair: form % pair)


_SUMS = st.recursive(
    _NUMBERS,
    lambda inner: st.sampled_from(["%s + %s", "%s - %s", "%s * (%s)", "(%s) * %s"]).flatmap(lambda f: _both(f, inner)),
    max_leaves=3,
)
_SIMPLE = st.one_of(
    st.sampled_from(["p", "q", "True", "False", "z is None", "s is not None", "z == None"]),
    st.sampled_from(["%s == %s", "%s != %s", "%s < %s", "%s <= %s", "%s > %s", "%s >= %s"]).flatmap(lambda f: _both(f, _SUMS)),
    st.sampled_from(["%s == %s", "%s in [%s, 'b']", "%s not in ('a', %s)", "%s.startswith(%s)"]).flatmap(lambda f: _both(f, _TEXTS)),
    st.tuples(_SUMS, _SUMS, _SUMS).map(lambda three: "{} < {} <= {}".format(*three)),
)  # fmt: skip
_PYTHON = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        st.sampled_from(["%s and %s", "%s or %s", "(%s) and (%s)", "(%s) == (%s)", "not %s and %s"]).flatmap(lambda f: _both(f, inner)),
        st.tuples(inner, inner, inner).map(lambda three: "({} if {} else {})".format(*three)),
    ),
    max_leaves=6,
)  # fmt: skip


@given(_PYTHON)
def test_the_suggested_feel_gives_what_python_gives(text: str) -> None:
    class Dotted(dict[str, Any]):
        __getattr__ = dict.__getitem__

    try:
        meant = eval(text, {"__builtins__": {}}, {**_NAMES, "d": Dotted(_NAMES["d"])})  # noqa: S307  # the grammar above, and nothing built in
    except TypeError:
        return
    found = suggest(text)
    if found is not None:  # else it is FEEL as it stands
        assert evaluate(found, _NAMES) is meant, found


@given(st.text(alphabet="ab1 '\"=!&|<>()[]{}$#.,?:+-*/%notisrNe甲“”\\\n", max_size=30), st.booleans())
def test_any_text_is_answered_and_what_is_suggested_compiles(text: str, unary: bool) -> None:
    found = suggest(text, unary=unary)
    if found is not None:
        (compile_unary if unary else compile)(found)
        assert suggest(found, unary=unary) is None
