"""A made-up third province is one pack file and its cases: no code, diagram, table or form knows of it.

Both lie in third_province/. Its rules differ from those of the two provinces nearly everywhere, and in places from the national
defaults, so that a table which did not read its pack would answer otherwise.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.policies.tables import HOUSE, SPECIFIED
from workflows.deployment import read_tree
from workflows.errors import FactsRefused
from workflows.rulebook import Rulebook

FOLDER = Path(__file__).parent / "third_province"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text("utf-8"))["case"]
#: Tables that rest on what the made-up province leaves to the nation.
NATIONAL = {"DT-EXIT-03", "DT-EXIT-04", "DT-TRN-01"}
OTHERS = ("辽宁", "广西")


@pytest.fixture(scope="module")
def tree(root: Path) -> dict[str, bytes]:
    return read_tree(root)


@pytest.fixture(scope="module")
def book(tree: dict[str, bytes]) -> Rulebook:
    return Rulebook.from_files({**tree, "bpmn/policies/third.toml": (FOLDER / "third.toml").read_bytes()})


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['table']} {case['name']}") for case in CASES])
def test_it_is_judged_by_its_own_pack(book: Rulebook, case: dict[str, Any]) -> None:
    answer = book.answer(case["table"], policy="third", facts=case["facts"], on=case["day"])
    told = {**answer["outputs"], "outcome": answer["outcome"]}
    assert {name: told.get(name) for name in case["expected"]} == case["expected"], book.words(answer)
    clauses = [reason["clause"] for reason in answer["reasons"]]
    assert case["clause"] in clauses
    assert not any(other in clause for clause in clauses for other in OTHERS)
    assert case.get("says", "") in book.words(answer)


@pytest.mark.parametrize("table", [*SPECIFIED, *HOUSE])
def test_every_table_answers_there(book: Rulebook, table: str) -> None:
    asked = [case for case in CASES if case["table"] == table]
    outcomes = {book.answer(table, policy="third", facts=case["facts"], on=case["day"])["outcome"] for case in asked}
    assert outcomes - {"not_applicable"}, table


@pytest.mark.parametrize("place", ["liaoning", "guangxi"])
@pytest.mark.parametrize("table", sorted({*SPECIFIED, *HOUSE} - NATIONAL))
def test_another_province_answers_otherwise(book: Rulebook, table: str, place: str) -> None:
    """What was expected above is not what the tables would say anyway: of each, some case comes out otherwise elsewhere."""

    def as_there(case: dict[str, Any]) -> bool:
        try:
            answer = book.answer(table, policy=place, facts=case["facts"], on=case["day"])
        except FactsRefused:
            return False
        told = {**answer["outputs"], "outcome": answer["outcome"]}
        expected = all(told.get(name) == value for name, value in case["expected"].items())
        return expected and case.get("says", "") in book.words(answer)

    assert not all(as_there(case) for case in CASES if case["table"] == table)


def test_one_file_is_enough_and_the_others_answer_as_before(tree: dict[str, bytes], book: Rulebook) -> None:
    before = Rulebook.from_files(tree)
    assert set(book.packs) - set(before.packs) == {"third"}
    assert [str(problem) for problem in book.lint()] == []
    for place in before.packs:
        assert book.packs[place].digest == before.packs[place].digest
    for name, raw in tree.items():
        if not name.startswith("bpmn/policies/"):
            assert "third" not in name and "第三省" not in raw.decode("utf-8", "replace")



#: Tables that rest on defaults of the product alone: a place may do without those, too.
BY_DEFAULT = (
    "DT-ADM-00", "DT-ADM-05", "DT-ADM-06a", "DT-ADM-06b", "DT-ADM-07", "DT-BALLOT", "DT-BUD-05", "DT-EVA-02", "DT-EVA-03", "DT-EVA-05",
)


@pytest.fixture(scope="module")
def bare(tree: dict[str, bytes]) -> Rulebook:
    """The book with a place that is silent on whatever the provinces rule, and does without the national defaults."""
    packs = Rulebook.from_files(tree).packs
    dropped = [key for key in packs.national.history if key.startswith(("admission.", "ballot.", "budget.", "evaluation."))]
    left = sorted({key for place in packs.values() for key in place.history} - set(dropped))
    silent = "".join(f'\n[["{key}"]]\nsilent = true\nsince = 2024-01-01\ndocument = "XX"\ntag = "D"\n' for key in dropped)
    place = f'place = "bare"\nname = "某省"\nsilent_on = {left!r}\n[documents.XX]\ntitle = "某省意见"\nshort = "某省意见"\n{silent}'
    return Rulebook.from_files({**tree, "bpmn/policies/bare.toml": place.encode()})


@pytest.mark.parametrize("case", [pytest.param(case, id=case["table"]) for case in CASES if case["table"] in BY_DEFAULT])
def test_a_place_that_does_without_the_defaults_is_asked_nothing(bare: Rulebook, case: dict[str, Any]) -> None:
    answer = bare.answer(case["table"], policy="bare", facts=case["facts"], on=case["day"])
    assert answer["outcome"] == "not_applicable"
    assert {reason["clause"] for reason in answer["reasons"]} == {"某省意见 未作规定"}
