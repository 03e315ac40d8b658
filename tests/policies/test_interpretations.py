"""``docs/interpretations.md`` lists I1 to I24 once each, with files that exist and cases that are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROW = re.compile(r"^\| (I\d+) \| .+ \| (.+) \| (.+) \|$", re.MULTILINE)
FILE = re.compile(r"`((?:bpmn|forms|workflows|webapp|tests)/[^`]+)`")


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str, str]]:
    return ROW.findall((root / "docs" / "interpretations.md").read_text("utf-8"))


def test_every_interpretation_stands_once_in_order(rows: list[tuple[str, str, str]]) -> None:
    assert [row[0] for row in rows] == [f"I{number}" for number in range(1, 25)]


def test_what_decides_and_what_tries_it_is_there(root: Path, rows: list[tuple[str, str, str]]) -> None:
    for name, decided, tried in rows:
        assert FILE.findall(decided) and FILE.findall(tried), name
        for path in FILE.findall(decided) + FILE.findall(tried):
            assert (root / path).is_file(), f"{name}: {path}"


def test_the_keys_that_it_names_are_keys_of_the_packs(root: Path, rows: list[tuple[str, str, str]]) -> None:
    known = set(re.findall(r'^\[\["([^"]+)"\]\]', "".join(
        path.read_text("utf-8") for path in sorted((root / "bpmn" / "policies").glob("*.toml"))
    ), re.MULTILINE))  # fmt: skip
    for name, decided, _ in rows:
        for key in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", decided):
            assert key in known, f"{name}: {key}"
