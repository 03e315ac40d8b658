"""The two commands: what they promise in the READMEs, what they do twice, and what they say when something is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dev
from tests.databases import PAGES_ON_BOTH


def test_both_readmes_and_ci_name_the_same_two_commands(root: Path) -> None:
    for name in ("README.md", "README.zh-CN.md"):
        text = (root / name).read_text(encoding="utf-8")
        assert "python3 dev.py serve " in text
        assert "python3 dev.py test " in text
    commands = [line for line in (root / ".ci" / "run").read_text(encoding="utf-8").splitlines() if "python" in line]
    assert commands == ["exec python3 dev.py test"]


def test_both_readmes_hold_the_same_glossary(root: Path) -> None:
    def english(name: str, section: str, columns: tuple[int, int]) -> list[str]:
        text = (root / name).read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
        rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
        words = [row[column].split("(")[0].strip() for row in rows[1:] for column in columns]
        return sorted(word for word in words if word)

    glossary = english("README.md", "Words", (1, 3))
    assert "case file" in glossary
    assert glossary == english("README.zh-CN.md", "用语", (2, 4))


def test_work_is_done_once_and_again_when_its_source_changed_or_it_broke_off(tmp_path: Path) -> None:
    stamp, done = tmp_path / "stamp", []

    def work() -> None:
        done.append(1)

    def breaks() -> None:
        raise dev.CannotGoOn("half way")

    dev.once(stamp, "a", work)
    dev.once(stamp, "a", work)
    assert len(done) == 1
    dev.once(stamp, "b", work)
    assert len(done) == 2
    with pytest.raises(dev.CannotGoOn):
        dev.once(stamp, "c", breaks)
    dev.once(stamp, "b", work)  # what stood there before may be half overwritten
    assert len(done) == 3


def test_a_digest_knows_names_and_contents(root: Path) -> None:
    readmes = [root / "README.md", root / "README.zh-CN.md"]
    assert dev.digest(readmes) == dev.digest(reversed(readmes))
    assert dev.digest(readmes[:1]) != dev.digest(readmes[1:])
    assert dev.digest([*readmes, root / "there-is-no-such-file"]) == dev.digest(readmes)


def test_a_python_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(dev.CannotGoOn, match=r"Python 3\.11 or later is needed, this is 3\.9\.2"):
        dev.check_python()


def test_a_missing_browser_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object, **__: object) -> str:
        raise dev.CannotGoOn("no network")

    monkeypatch.setattr(dev, "find_chromium", lambda: None)
    monkeypatch.setattr(dev, "may_use_apt", lambda: False)
    monkeypatch.setattr(dev, "run", cannot)
    with pytest.raises(dev.CannotGoOn, match="apt-get install chromium fonts-noto-cjk"):
        dev.provide_chromium()


def test_a_command_that_fails_shows_what_it_said() -> None:
    with pytest.raises(dev.CannotGoOn, match=r"(?s)trying failed: .*the disk is full"):
        dev.run([sys.executable, "-c", "print('the disk is full'); raise SystemExit(3)"], what="trying")


def test_an_old_or_absent_node_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho v18.19.0\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dev.system_node() is None
    (tmp_path / "node").write_text("#!/bin/sh\necho v22.1.0\n")
    assert dev.system_node() == ([str(tmp_path / "node")], [str(tmp_path / "npm")])
    (tmp_path / "npm").unlink()
    assert dev.system_node() is None


@pytest.mark.parametrize("may_install", [True, False])
def test_what_papers_need_is_installed_or_named(monkeypatch: pytest.MonkeyPatch, may_install: bool) -> None:
    told: list[str] = []
    lacking = subprocess.CompletedProcess([], 1, "", "OSError: cannot load library 'libgobject-2.0-0'")
    monkeypatch.setattr(dev.subprocess, "run", lambda *_, **__: lacking)
    monkeypatch.setattr(dev.shutil, "which", lambda _: None)
    monkeypatch.setattr(dev, "may_use_apt", lambda: may_install)
    monkeypatch.setattr(dev, "apt_install", lambda *packages: told.append("installed " + " ".join(packages)))
    monkeypatch.setattr(dev, "say", told.append)
    dev.provide_paper()
    [said] = told
    assert said.startswith("installed" if may_install else "PDF files cannot be made until")
    assert all(package in said for package in (*dev.PANGO, *dev.CHINESE_FONTS))


def test_a_linter_is_heard_only_when_it_finds_something() -> None:
    assert dev.look([sys.executable, "-c", "print('fine')"]) is None
    assert dev.look([sys.executable, "-c", "print('wrong'); raise SystemExit(1)"]) == "wrong\n"


def test_a_page_that_runs_on_both_databases_is_there(root: Path) -> None:
    assert {path.stem for path in (root / "tests" / "webapp").glob("test_*.py")} >= PAGES_ON_BOTH
