"""Every block of the .toml files beside this one: facts and day in, outcome and clause out.

``[[case]]`` asks a decision table, ``[[deadline]]`` counts working days. The files are written by the policy office;
this is their only runner.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from workflows.errors import FactsRefused
from workflows.policies import SHANGHAI, add_working_days, reminders
from workflows.rulebook import Rulebook

HERE = Path(__file__).parent
NAMES = {"liaoning": "辽宁", "guangxi": "广西"}
FIELDS = {"name", "table", "policy", "day", "facts", "expected", "clause", "says", "refused"}


def blocks(kind: str) -> list[Any]:
    found = []
    for file in sorted(HERE.glob("*.toml")):
        for block in tomllib.loads(file.read_text("utf-8")).get(kind, []):
            found.append(pytest.param(block, id=f"{file.stem}: {block['name']}"))
    return found


@pytest.fixture(scope="module")
def book(root: Path) -> Rulebook:
    return Rulebook.from_directory(root / "bpmn")


@pytest.mark.parametrize("case", blocks("case"))
def test_a_table_answers_as_the_office_expects(book: Rulebook, case: dict[str, Any]) -> None:
    assert set(case) <= FIELDS and ("expected" in case) != ("refused" in case)

    def ask() -> dict[str, Any]:
        return book.answer(case["table"], policy=case["policy"], facts=case["facts"], on=case["day"])

    if "refused" in case:
        with pytest.raises(FactsRefused) as refused:
            ask()
        assert case["refused"] in str(refused.value)
        assert "\n" not in str(refused.value)
        return
    answer = ask()
    told = {**answer["outputs"], "outcome": answer["outcome"]}
    assert {name: told.get(name) for name in case["expected"]} == case["expected"], book.words(answer)
    clauses = [reason["clause"] for reason in answer["reasons"]]
    assert case["clause"] in clauses
    for reason in answer["reasons"]:
        assert reason["text"] and reason["tag"]
        assert not any(other in reason["clause"] for place, other in NAMES.items() if place != case["policy"])
    assert answer["rules"], "an answer names the rules that matched"
    # Sentence and clause in one line, quotations left out, as the notices print them.
    printed = "\n".join(f"{reason['text']} — {reason['clause']}" for reason in answer["reasons"])
    assert case.get("says", "") in printed + "\n" + book.words(answer)


@pytest.mark.parametrize("case", blocks("deadline"))
def test_a_period_in_working_days_ends_when_the_calendar_says(book: Rulebook, case: dict[str, Any]) -> None:
    pack = book.pack(case.get("policy", "liaoning"), date(2026, 11, 22))
    n = case["working_days"] if "working_days" in case else int(pack["deadlines"][case["step"]])
    due = add_working_days(case["start"], n, pack.calendar)
    assert due.last_day == case["last_day"]
    assert due.at.astimezone(SHANGHAI).time() == time(0) and (due.at.astimezone(SHANGHAI).date() - due.last_day).days == 1
    assert due.provisional is case.get("provisional", False)
    if "counted" in case:
        assert list(due.days) == case["counted"]
    if "reminders" in case:
        sent = reminders(case["start"], due.at, pack.calendar)
        assert [moment.astimezone(SHANGHAI) for moment in sent] == case["reminders"]


def test_both_provinces_stand_on_either_side_of_the_boundary() -> None:
    """The numbers of domain.md 0.2 that are built are tried at, and just below, their boundary in both provinces."""
    seen = {
        (case["policy"], case["expected"]["outcome"], months)
        for param in blocks("case")
        for case in [param.values[0]]
        if case["table"] == "DT-ADM-01" and "expected" in case
        for months in [case["expected"].get("months_any"), case["expected"].get("months_frontline")]
    }
    for place in ("liaoning", "guangxi"):
        assert (place, "met", 72) in seen
        assert (place, "not_met", 71) in seen


def test_days_in_the_case_files_are_days() -> None:
    for param in blocks("case"):
        day = param.values[0]["day"]
        assert isinstance(day, date) and not isinstance(day, datetime)
