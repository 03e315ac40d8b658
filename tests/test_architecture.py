"""The tree is the architecture: who imports whom, where the engine's door is, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

#: Rooms of the house that hold Python; ``dev.py`` stands before the door.
ROOMS = ("workflows", "forms", "webapp", "benchmarks", "tests")
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base", "service", "services"}
HOSTS = re.compile(r"https?://[^\s\"']*(pypi|pythonhosted|npmjs|npmmirror|debian\.org|artifactory|nexus)", re.IGNORECASE)
ONE_MACHINE = re.compile(r"(?<![\w.])/(work|farm|root|home/\w+|tmp/\w+)/")
PROVINCES = re.compile(r"liaoning|guangxi|辽宁|广西", re.IGNORECASE)
#: A name or text of a program that is a place, not a sentence (a help text) that gives one as an example.
PLACE_ITSELF = re.compile(r"\w*(liaoning|guangxi)\w*|(辽宁|广西)\w*", re.IGNORECASE)
#: What a drawing or a table says about itself to its reader: there a clause may be cited by its place.
SAID_TO_THE_READER = re.compile(r"<(?:\w+:)?(documentation|description)\b.*?</(?:\w+:)?\1>", re.DOTALL)
#: Where a place may be named: its pack, the invented demo offices, what the tests say about it, and the documents.
PLACES_ARE_NAMED = (
    "bpmn/policies/", "webapp/demo/", "webapp/translations/", "tests/", "docs/", "benchmarks/", "README", "CHANGELOG",
    "workflows/common_passwords.py",  # a list of words that are no passwords
)


@cache
def committed() -> tuple[Path, ...]:
    """Every file of the repository, new ones included, what is ignored left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    return tuple(path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file())


def texts(*endings: str) -> Iterator[tuple[str, str]]:
    for path in committed():
        if path.suffix in endings or path.name in endings:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def python_files() -> Iterator[tuple[str, ast.Module]]:
    for name, text in texts(".py"):
        if name.split("/")[0] in ROOMS:
            yield name, ast.parse(text)


@pytest.mark.parametrize("contract", [contract["id"] for contract in CONTRACTS])
def test_the_import_contract_is_kept(contract: str) -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--contract", contract, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_the_contracts_place_every_room_of_workflows() -> None:
    rooms = next(contract for contract in CONTRACTS if contract["id"] == "rooms")
    assert rooms["exhaustive"] is True
    assert "exhaustive_ignores" not in rooms


def test_the_readme_draws_the_rooms_as_they_are() -> None:
    rooms = next(contract for contract in CONTRACTS if contract["id"] == "rooms")
    layers = [re.sub(r"[()]", "", layer) for layer in rooms["layers"]]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = text.split("inside workflows", 1)[1].split("```", 1)[0].splitlines()[1:]
    assert [line.strip().split("   ")[0] for line in drawn if line.strip()] == layers


def test_nothing_of_ours_runs_text_as_code() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in python_files()
        if not name.startswith("tests/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec", "__import__"}
    ]
    assert found == []


def test_below_the_web_there_is_no_now() -> None:
    """When is an argument; only the office clock itself looks at the machine's."""
    asks = {"datetime.now", "datetime.utcnow", "date.today", "datetime.datetime.now", "datetime.date.today", "time.time"}
    found = [
        f"{name}:{node.lineno} {ast.unparse(node.func)}()"
        for name, tree in python_files()
        if name.startswith(("workflows/", "forms/")) and name != "workflows/clock.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in asks
    ]
    assert found == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [name for name, _ in python_files() if NAMELESS & {Path(name).stem.lower(), *Path(name).parts[:-1]}]
    assert found == []


def test_every_module_says_what_lives_there() -> None:
    found = [name for name, tree in python_files() if len(tree.body) > 3 and not ast.get_docstring(tree)]
    assert found == []


def _only_line_ends(match: re.Match[str]) -> str:
    return "\n" * match.group().count("\n")


def named_by_code(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names and texts that the program uses; docstrings may give an example."""
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id


def test_no_place_is_named_outside_packs_and_demo_data() -> None:
    """A third province is one more pack: nothing else may know which provinces there are."""
    found = [
        f"{name}:{number}"
        for name, text in texts(".bpmn", ".dmn", ".json", ".html", ".js", ".css")
        if not name.startswith(PLACES_ARE_NAMED)
        for number, line in enumerate(SAID_TO_THE_READER.sub(_only_line_ends, text).splitlines(), 1)
        if PROVINCES.search(line)
    ]
    found += [
        f"{name}:{line}"
        for name, tree in python_files()
        if not name.startswith(PLACES_ARE_NAMED)
        for line, text in named_by_code(tree)
        if PLACE_ITSELF.fullmatch(text)
    ]
    assert found == []


def test_no_lock_file_names_a_host() -> None:
    locks = dict(texts(".lock", "package-lock.json"))
    assert {"requirements.lock", "requirements-test.lock", "requirements-node.lock", "package-lock.json"} <= locks.keys()
    for name, text in locks.items():
        assert not HOSTS.search(text), name
        assert '"resolved"' not in text, name
        assert "--index-url" not in text and "--find-links" not in text, name


def test_the_test_lock_holds_the_lock_that_is_served() -> None:
    """dev.py installs one of them and counts both as installed."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-test.lock")


def test_no_file_holds_a_path_of_one_machine() -> None:
    found = [name for name, text in texts(".py", ".md", ".toml", ".sh", ".json", ".html", ".js", ".mjs") if ONE_MACHINE.search(text)]
    assert [name for name in found if name != "tests/test_architecture.py"] == []


def test_third_party_code_and_built_files_are_not_committed() -> None:
    found = [
        name
        for path in committed()
        if (name := path.relative_to(ROOT).as_posix())
        and (".min." in name or "node_modules/" in name or "/vendor/" in name or name.endswith((".mo", ".pyc")) or "/dist/" in name)
    ]
    assert found == []
