"""``docs/features.md`` says what a user may expect of each feature, by which test it is shown and on which page it is seen.

It is written from ``docs/features.toml``: ``.venv/bin/python -m tests.webapp.test_features``. Nothing is called done there without a
test that exists and an address that the site answers; with ``--long``, each test is run once without the guard that its row
names, and has to fail.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE, PAGE = ROOT / "docs" / "features.toml", ROOT / "docs" / "features.md"
#: Rows that a serious office must or should have, by what they belong to.
EXPECTED: Mapping[str, str] = {
    "Definition": "A3 A4 A5 A7 A10 A11 A12",
    "Human tasks and approvals": "C1 C2 C3 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29",
    "Forms": "D2 D3 D4 D5 D7 D8",
    "Timers and deadlines": "E1 E2 E3 E4 E6",
    "Security": "H1 H2 H3 H5 H6",
    "Pages": "J1 J2 J4",
}
_HEAD = """# What a user may expect

Each row is a feature that the best workflow products have or their users ask for; M is a must for an office, S a should.
Written from `features.toml` by `python -m tests.webapp.test_features`; a test holds the two together, and every test and
address to the tree. A row with a guard was tried without it: its test fails then (`dev.py test --long`).
"""


def rows() -> list[dict[str, Any]]:
    """The rows in their order."""
    found: list[dict[str, Any]] = tomllib.loads(SOURCE.read_text("utf-8"))["row"]
    return found


def page() -> str:
    """``features.md`` as it should be."""
    known = {row["id"]: row for row in rows()}
    lines = [_HEAD]
    for group, ids in EXPECTED.items():
        lines += [f"## {group}", "", "| row | feature | | where it is seen | shown by | guard |", "|---|---|---|---|---|---|"]
        lines += [_line(known[name]) for name in ids.split()]
        lines.append("")
    done = [row for row in known.values() if is_done(row)]
    lines.append(f"{len(done)} of {len(known)} rows are done.")
    return "\n".join(lines) + "\n"


def is_done(row: Mapping[str, Any]) -> bool:
    """Whether a row has both a test and a page."""
    return bool(row.get("tests") and row.get("pages"))


def _line(row: Mapping[str, Any]) -> str:
    seen = "<br>".join(f"`{one}`" for one in row.get("pages", ())) if is_done(row) else f"not yet: {row['missing']}"
    if is_done(row) and row.get("missing"):
        seen += f"<br>not yet: {row['missing']}"
    shown = "<br>".join(f"`{one}`" for one in row.get("tests", ()))
    guards = "<br>".join(f"`{one}`" for one in row.get("guards", ()))
    return f"| {row['id']} | {row['name']} | {row['expect']} | {seen} | {shown} | {guards} |"


# --- what is held ---------------------------------------------------------------------------------------------------


def test_every_row_that_is_expected_stands_once() -> None:
    assert sorted(row["id"] for row in rows()) == sorted(" ".join(EXPECTED.values()).split())


def test_the_page_is_what_its_source_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it again: .venv/bin/python -m tests.webapp.test_features"


def test_a_row_is_done_with_test_and_page_or_says_what_is_missing() -> None:
    for row in rows():
        assert is_done(row) or row.get("missing"), row["id"]


@cache
def _tests_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    for row in rows():
        for named in row.get("tests", ()):
            path, _, name = named.partition("::")
            assert (ROOT / path).is_file(), f"{row['id']}: {path}"
            assert name in _tests_in(path), f"{row['id']}: {named}"


def test_every_page_that_is_named_is_an_address_or_a_command(addresses: set[str]) -> None:
    for row in rows():
        for named in row.get("pages", ()):
            assert named in addresses or re.match(r"jiaoyan [a-z-]+", named), f"{row['id']}: {named}"


@pytest.fixture
def addresses(house: Any) -> set[str]:
    """What the site answers, as its rules spell it."""
    return {re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule) for rule in house.app.url_map.iter_rules()}


def guarded() -> list[tuple[str, str, str]]:
    """(row, guard, test) for each guard; the first test of its row shows it, or the one named beside it."""
    found = []
    for row in rows():
        for guard in row.get("guards", ()):
            name, _, shown = guard.partition(" ")
            found.append((row["id"], name, shown or row["tests"][0]))
    return found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("row", "guard", "test"), guarded())
def test_without_its_guard_the_test_of_a_row_fails(row: str, guard: str, test: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.without", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "--without", guard, test], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{row}: {test} does not need {guard}\n{done.stdout[-3000:]}"
    assert "no guard is called" not in done.stdout + done.stderr


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
