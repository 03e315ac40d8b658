"""Every decision table of the specification answers in both provinces, on a clause of its own province or a tag.

The facts are those of the cases beside this file; that each case is answered as the office expects is test_cases.py.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.policies.tables import HOUSE, SPECIFIED
from workflows.rulebook import Rulebook

HERE = Path(__file__).parent
CASES = [case for file in sorted(HERE.glob("*.toml")) for case in tomllib.loads(file.read_text("utf-8")).get("case", [])]
PLACES = ("liaoning", "guangxi")
WITHOUT_CLAUSE = {"D", "GK", "LAW", "PRAC"}


@pytest.fixture(scope="module")
def book(root: Path) -> Rulebook:
    return Rulebook.from_directory(root / "bpmn")


@pytest.fixture(scope="module")
def documents(root: Path) -> dict[str, set[str]]:
    """The short names of the documents of each place, the national ones under ``national``."""
    found = {}
    for file in (root / "bpmn" / "policies").glob("*.toml"):
        content = tomllib.loads(file.read_text("utf-8"))
        found[content.get("place", "")] = {entry["short"] for entry in content.get("documents", {}).values()}
    return found


def answered(table: str, place: str) -> list[dict[str, Any]]:
    return [case for case in CASES if case["table"] == table and case["policy"] == place and "expected" in case]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", [*SPECIFIED, *HOUSE])
def test_a_table_answers_on_clauses_of_its_province_or_on_a_tag(
    book: Rulebook, documents: dict[str, set[str]], table: str, place: str,
) -> None:
    asked = answered(table, place)
    assert asked, f"no case in {HERE.name}/*.toml asks {table} in {place}"
    for case in asked:
        answer = book.answer(table, policy=place, facts=case["facts"], on=case["day"])
        assert answer["outcome"] and answer["reasons"], case["name"]
        for reason in answer["reasons"]:
            document = reason["clause"].rpartition(" ")[0]
            kinds = {part.split("-")[0] for part in reason["tag"].split(" + ")}
            if document in documents[place]:
                assert kinds & {"text", "D"}, (case["name"], reason)
            else:
                assert document in documents["national"] and kinds <= WITHOUT_CLAUSE, (case["name"], reason)


@pytest.mark.parametrize("table", [*SPECIFIED, *HOUSE])
def test_every_conclusion_a_table_can_write_is_reached_by_a_case(book: Rulebook, table: str) -> None:
    reached = {
        book.answer(table, policy=place, facts=case["facts"], on=case["day"])["outcome"]
        for place in PLACES for case in answered(table, place)
    }
    assert set(book.describe(table)["outcomes"]) - {"not_applicable"} - reached == NEVER_IN_THESE_PLACES.get(table, set())


#: Tables that rest on national law or on defaults of the product alone: they answer where a province says nothing.
NATIONAL = {
    "DT-ADM-00", "DT-ADM-05", "DT-ADM-06a", "DT-ADM-06b", "DT-ADM-07", "DT-BUD-05", "DT-EVA-02", "DT-EVA-03", "DT-EVA-05",
    "DT-EXIT-03", "DT-EXIT-04",
}


@pytest.fixture(scope="module")
def silent(root: Path) -> Rulebook:
    """The book with a made-up place whose document says nothing on any key that the provinces rule themselves."""
    files = {
        file.relative_to(root / "bpmn").as_posix(): file.read_bytes()
        for kind in ("*.dmn", "policies/*.toml") for file in (root / "bpmn").rglob(kind)
    }
    keys = sorted({
        key for place in PLACES for key in tomllib.loads(files[f"policies/{place}.toml"].decode()) if "." in key
    })
    files["policies/silent.toml"] = (
        f'place = "silent"\nname = "某省"\nsilent_on = {json.dumps(keys)}\n'
        '[documents.XX]\ntitle = "某省意见"\nshort = "某省意见"\n'
    ).encode()
    return Rulebook.from_files(files)


@pytest.mark.parametrize("table", SPECIFIED)
def test_where_the_document_says_nothing_a_table_does_not_apply(silent: Rulebook, table: str) -> None:
    for case in answered(table, "guangxi"):
        answer = silent.answer(table, policy="silent", facts=case["facts"], on=date(2026, 11, 22))
        if table in NATIONAL:
            assert all("某省" not in reason["clause"] for reason in answer["reasons"]), case["name"]
        else:
            assert answer["outcome"] == "not_applicable", case["name"]
            assert any("未作规定" in reason["clause"] for reason in answer["reasons"]), case["name"]


#: What no case of these two provinces is answered: a place that names no measure for the protected, that sets a
#: cap on hours, that says nothing of how a cycle is judged.
NEVER_IN_THESE_PLACES: dict[str, set[str]] = {
    "DT-EXIT-02": {"manual"},
    "DT-TRN-01": {"partial"},
    "DT-TRN-03": {"manual"},
}


def test_no_table_is_left_out(book: Rulebook) -> None:
    assert set(book.tables) == {*SPECIFIED, *HOUSE}


@pytest.mark.shared
def test_the_list_is_that_of_the_specification(shared: Path) -> None:
    text = (shared / "domain.md").read_text("utf-8")
    section = text[text.index("## 3. "):text.index("## 5. ")]
    named = set(re.findall(r"DT-[A-Z]+-\d\d[a-z]?", section))
    # “DT-ADM-06” alone names 06a and 06b together.
    assert {name for name in named if not any(other != name and other.startswith(name) for other in named)} == set(SPECIFIED)
