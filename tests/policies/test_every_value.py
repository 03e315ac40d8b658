"""Every value of the packs is tried: read by a table in a case, counted in a deadline, or written out in values.toml.

And the packs hold what the specification lists (domain.md 3.0.10), each on the item named there.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from workflows.deployment import read_tree
from workflows.policies import SHANGHAI
from workflows.rulebook import Rulebook
from workflows.rulebook.checking import keys_read
from workflows.rulebook.facts import plain

HERE = Path(__file__).parent
DAY = date(2026, 9, 30)
PLACES = ("liaoning", "guangxi")
FILES = {file.name: tomllib.loads(file.read_text("utf-8")) for file in sorted(HERE.glob("*.toml"))}
VALUES = [block for content in FILES.values() for block in content.get("value", [])]
#: domain.md's own spelling -> ours: a value cannot also be a branch.
RENAMED = {
    "admission.conditions.force": "admission.conditions_force",
    "admission.conditions.no_exception": "admission.conditions_no_exception",
    "links.level_targets.force": "links.level_targets_force",
}

#: Values cited by another item than 3.0.10 names, and the item: where 3.1 (DT-ADM-04, row 2) names it so.
ELSEWHERE = {("admission.pools.full_time", "guangxi"): 13}


@pytest.fixture(scope="module")
def book(root: Path) -> Rulebook:
    return Rulebook.from_directory(root / "bpmn")


@pytest.mark.parametrize("block", [pytest.param(block, id=block["key"]) for block in VALUES])
def test_a_value_is_what_the_office_wrote(book: Rulebook, block: dict[str, Any]) -> None:
    places = dict.fromkeys(PLACES, block["national"]) if "national" in block else {p: block[p] for p in PLACES}
    for place, expected in places.items():
        citation = book.pack(place, DAY).cite(block["key"])
        value = citation.value if isinstance(citation.value, date) else plain(citation.value)
        assert (value, citation.clause) == (expected.get("value"), expected["clause"]), place


@pytest.mark.parametrize("place", PLACES)
def test_every_value_is_covered_by_a_case(book: Rulebook, place: str) -> None:
    covered = {block["key"] for block in VALUES}
    for content in FILES.values():
        covered |= {f"deadlines.{block['step']}" for block in content.get("deadline", []) if "step" in block}
        for case in content.get("case", []):
            if case["policy"] == place and "expected" in case:
                now = datetime.combine(case["day"], time(12), SHANGHAI)
                ruling = book.decide(case["table"], case["facts"], book.pack(place, case["day"]), now)
                covered |= {citation.key for citation in ruling.citations}
    assert sorted(book.packs.keys_of_values - covered) == []


def test_every_value_is_read_or_awaited(root: Path) -> None:
    """Nothing stands in the packs without effect; what waits is what nothing reads."""
    tree = read_tree(root)
    whole = Rulebook.from_files(tree)
    assert [str(problem) for problem in whole.lint()] == []
    read = keys_read(tree, whole.packs.keys_of_values)
    assert {"admission.title.min_level", "deadlines.adm_u1", "ballot.quorum", "recusal.relations", "place.number_prefix"} <= set(read)


@pytest.mark.shared
def test_the_packs_hold_what_the_specification_lists(book: Rulebook, shared: Path) -> None:
    text = (shared / "domain.md").read_text("utf-8")
    section = text[text.index("**3.0.10 "):text.index("**3.0.11 ")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    assert len(rows) > 70
    differ = {}
    for row in rows:
        key = RENAMED.get(row[0].strip("`"), row[0].strip("`"))
        for place, code in (("liaoning", "LN"), ("guangxi", "GX")):
            citation = book.pack(place, DAY).cite(key)
            found = re.match(r"第(\d+)条", citation.item)
            named = {int(n) for part in re.findall(rf"{code} (\d+(?:[-, ()\d]*\d)?)", row[3]) for n in _items(part)}
            if citation.value is not None and "text" in citation.tag and found and named and int(found[1]) not in named:
                differ[key, place] = int(found[1])
    assert differ == ELSEWHERE


def _items(written: str) -> list[int]:
    """Read ``12(1)-(5)``, ``3, 13`` or ``3-4`` as the numbers of items."""
    plain_ = re.sub(r"\([^)]*\)(?:-\([^)]*\))?", "", written + ")" * (written.count("(") - written.count(")")))
    numbers: list[int] = []
    for part in plain_.split(","):
        first, _, last = part.strip().rstrip("-").partition("-")
        if first.strip():
            numbers += range(int(first), int(last or first) + 1)
    return numbers
