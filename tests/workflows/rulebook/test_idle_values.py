"""A value that nothing reads is named by lint with its place, unless it is said who will read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.deployment import read_tree
from workflows.rulebook import Rulebook
from workflows.rulebook.checking import READ_IN_CODE, keys_read

NATIONAL, AWAITING = "bpmn/policies/national.toml", "bpmn/policies/awaiting.toml"
IDLE = '\n[["admission.colour"]]\nvalue = "红"\nsince = 2020-01-01\ndocument = "D"\nitem = "3.1"\ntag = "D"\n'


@pytest.fixture(scope="module")
def tree(root: Path) -> dict[str, bytes]:
    return read_tree(root)


def told(files: dict[str, bytes]) -> list[str]:
    return [str(problem) for problem in Rulebook.from_files(files).lint() if "叫法" not in problem.reason]


def edited(tree: dict[str, bytes], name: str, old: str, new: str) -> dict[str, bytes]:
    text = tree[name].decode()
    assert old in text
    return {**tree, name: text.replace(old, new, 1).encode()}


def test_an_idle_value_is_named_with_its_line(tree: dict[str, bytes]) -> None:
    files = {**tree, NATIONAL: tree[NATIONAL] + IDLE.encode()}
    line = files[NATIONAL].decode().splitlines().index('[["admission.colour"]]') + 1
    [problem] = told(files)
    assert f"{NATIONAL}:{line} [admission.colour]" in problem and "没有决策表、图、表单或环节读取这个值" in problem


def test_an_idle_value_may_wait(tree: dict[str, bytes]) -> None:
    files = {**tree, NATIONAL: tree[NATIONAL] + IDLE.encode(), AWAITING: tree[AWAITING] + b'\n"admission.col*" = "P1"\n'}
    assert told(files) == []


def test_what_is_read_does_not_wait(tree: dict[str, bytes]) -> None:
    files = {**tree, AWAITING: tree[AWAITING] + b'\n"admission.title.*" = "P1"\n'}
    problems = told(files)
    assert len(problems) == 2 and all("不再等待" in problem and "eligibility.dmn" in problem for problem in problems)


def test_nobody_waits_for_a_key_that_is_not_there(tree: dict[str, bytes]) -> None:
    files = {**tree, AWAITING: tree[AWAITING] + b'\n"admission.colour" = "P1"\n'}
    [problem] = told(files)
    assert "admission.colour" in problem and "没有任何规则包写有这样的键" in problem


def test_a_line_taken_from_the_list_is_missed(tree: dict[str, bytes]) -> None:
    line = next(line for line in tree[AWAITING].decode().splitlines() if line.startswith('"visits.*"'))
    problems = told(edited(tree, AWAITING, line + "\n", ""))
    assert sorted(problem.split("[")[1].split("]")[0] for problem in problems) == ["visits.collective", "visits.regular"]


def test_a_table_that_stops_reading_a_value_leaves_it_idle(tree: dict[str, bytes]) -> None:
    name = "bpmn/budget/budget.dmn"
    text = tree[name].decode().replace("policy.budget.large_project.above", "500000")
    assert any("[budget.large_project.above]" in problem for problem in told({**tree, name: text.encode()}))


def test_of_a_part_of_a_tree_nothing_is_said(tree: dict[str, bytes]) -> None:
    for ending in (".bpmn", ".json"):
        part = {name: raw for name, raw in tree.items() if not name.endswith(ending)}
        assert not any("读取" in problem for problem in told({**part, NATIONAL: tree[NATIONAL] + IDLE.encode()}))


@pytest.mark.parametrize(("name", "text", "read"), [
    ("a.dmn", "<text>policy.a.b</text>", {"a.b.c", "a.b.d"}),
    ("a.dmn", "<text>policy.e.f.任用</text>", {"e.f"}),
    ("a.dmn", "<text>policy.e.f.inner.most</text>", {"e.f"}),
    ("a.bpmn", "<x dueDate='=due(\"adm_u1\")'/>", {"deadlines.adm_u1"}),
    ("a.json", '{"rule": "=due(\\"adm_u1\\") > now()"}', {"deadlines.adm_u1"}),
    ("a.json", '{"components": [{"properties": {"policy": "e.f, a.b.c"}}]}', {"e.f", "a.b.c"}),
    ("a.json", '{"rule": "=ballot(\\"任用\\", 1, 1, 0, 1, 0, 0).passed"}', {"ballot.quorum", "ballot.majority"}),
    ("a.dmn", "<annotationEntry><text>e.f</text></annotationEntry>", set()),
    ("a.toml", "policy.e.f", set()),
])
def test_what_reads_a_value(name: str, text: str, read: set[str]) -> None:
    keys = {"a.b.c", "a.b.d", "e.f", "deadlines.adm_u1", "deadlines.adm_u10", "ballot.quorum", "ballot.majority"}
    assert set(keys_read({name: text.encode()}, keys)) == read


def test_code_that_is_said_to_read_a_value_does(root: Path) -> None:
    for key, module in READ_IN_CODE.items():
        assert f'"{key.rpartition(".")[2]}"' in (root / module).read_text("utf-8")
