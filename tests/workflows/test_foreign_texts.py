"""Python and JUEL in the places of a diagram, a table and a form: refused where they stand, with the FEEL to write instead."""

from __future__ import annotations

import pytest

from tests.workflows.test_escapes import DIAGRAM, FORM, PLACES, file_of, problems, tree
from workflows import deployment, engine

#: Places of a diagram that take FEEL after "=".
FORMULAS = [place for place, text in PLACES.items() if text.startswith("=") and file_of(place) == DIAGRAM]
TABLES = [
    "table input", "table result", "table default", "literal expression", "context entry", "function body", "invocation's argument",
]  # fmt: skip
FORMS = ["hide", "readonly", "computed", "rule", "required when", "prefill", "smallest", "options"]


@pytest.mark.parametrize("place", [*FORMULAS, *TABLES, *FORMS])
@pytest.mark.parametrize(
    ("text", "meant"), [("amount == 'a'", 'amount = "a"'), ("${amount > 1 && !b}", "amount > 1 and not(b)")]
)
def test_what_is_no_feel_is_refused_with_the_feel_that_means_it(place: str, text: str, meant: str) -> None:
    found = problems(tree(**{place: "=" + text}))
    assert any(
        f"可改写为 {meant}" in one.reason and one.line and one.element and one.file == file_of(place) for one in found
    ), found


@pytest.mark.parametrize("place", ["condition", "timer duration", "repeated over", "input", "script"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not amount", "可改写为 not(amount)"), ("amount is None", "可改写为 amount = null"), ("None", "可改写为 null"),
        ("amount.get('a')", "可改写为 amount.a"),
        ("execution.getVariable(\"amount\")", "可改写为 amount"), ("1 < amount < 3", "1 < amount and amount < 3"),
        ("len(amount) > 1", "count(…)"),
    ],
)  # fmt: skip
def test_feel_by_accident_is_refused_in_a_diagram(place: str, text: str, words: str) -> None:
    found = problems(tree(**{place: "=" + text}))
    assert any(words in one.reason and one.file == DIAGRAM for one in found), found


@pytest.mark.parametrize(
    "place", ["condition", "timer as text", "timer date", "repeated over", "repeated until", "candidate groups", "assignee", "due date",
              "priority", "input", "output", "script"],
)  # fmt: skip
def test_juel_without_the_sign_of_feel_is_no_text_either(place: str) -> None:
    found = problems(tree(**{place: "${amount == 'a'}"}))
    assert any('可改写为 =amount = "a"' in one.reason for one in found), found
    assert any("不执行 ${…}" in one.reason for one in problems(tree(**{place: "P${amount}D"})))


@pytest.mark.parametrize(
    ("text", "words"),
    [("== 'a'", '可改写为 = "a"'), ("'a', 'b'", '可改写为 "a", "b"'), ("None", "可改写为 null"), ("? is None", "")],
)  # fmt: skip
def test_a_cell_of_a_table_too(text: str, words: str) -> None:
    files = tree(**{"table cell": "=" + text})
    path = file_of("table cell")
    found = [*problems(files), *deployment.table_doubts(files[path], path)]
    assert any(words in one.reason and one.line for one in found), found


def test_the_good_tree_has_nothing_foreign() -> None:
    assert problems(tree()) == ()
    assert engine.read(tree()[DIAGRAM], file=DIAGRAM, names=deployment.HOUSE_NAMES) and FORM in tree()
