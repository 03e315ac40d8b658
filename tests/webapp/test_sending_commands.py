"""``jiaoyan messages send`` and ``jiaoyan signals send``: what reaches whom, what is sent twice, what is no variable."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from webapp.commands import main
from workflows.audit import Kind
from workflows.db import Database
from workflows.engine.rest import variables


@pytest.fixture
def data(furnished_sqlite: Path, tmp_path: Path) -> Path:
    """The data directory of a furnished office."""
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copy(furnished_sqlite, folder / "jiaoyan.sqlite3")
    return folder


@pytest.fixture
def case(data: Path, root: Path, liaoning: Place) -> Case:
    """A project of that office that waits for its expert."""
    office = Office(Database(f"sqlite:///{data / 'jiaoyan.sqlite3'}"), data)
    reviewing.deploy(office, root)
    return Desk(office).project(liaoning.own_school)


def _run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--data", str(data)])


def test_a_message_from_the_console(data: Path, case: Case, tmp_path: Path) -> None:
    file = tmp_path / "reason.json"
    file.write_text('{"reason": "方案需要重新论证", "share": 0.10}', encoding="utf-8")
    send = ("messages", "send", "撤回", "--key", case.number, "--variables", str(file), "--origin", "一")
    first = _run(data, *send)
    assert (first.exit_code, first.output) == (0, f"{case.number}\n1 reached, 0 on the way\n")
    case.ended("withdrawn")
    known = variables(case.row().state)
    assert (known["reason"], known["share"]) == ("方案需要重新论证", Decimal("0.10"))
    [sent] = [event for event in case.office.events("office:messages") if event.kind == Kind.MESSAGE_SENT]
    assert (sent.actor, sent.actor_kind) == ("console", "administrator")
    again = _run(data, *send)
    assert again.output == f"{case.number}\n1 reached, 0 on the way; sent before, nothing was sent again\n"
    other = _run(data, *send[:-1], "二")
    assert other.output == "0 reached, 1 on the way\n"


def test_a_signal_from_the_console(data: Path, case: Case, liaoning: Place) -> None:
    desk = Desk(case.office)
    desk.sent = 10
    desk.does(desk.part(case), "opine", liaoning.reviewer, "opinion", kind="同意", score=80)
    assert _run(data, "signals", "send", "停止评审").output == f"{case.number}\n1 reached, 0 on the way\n"
    case.ended("stopped")
    assert _run(data, "signals", "send", "停止评审").output == "0 reached, 0 on the way\n"


@pytest.mark.parametrize(("text", "said"), [("[1]", "must be a JSON object"), ("{", "not JSON"), ('{"task": 1}', "task")])
def test_variables_that_are_none(data: Path, case: Case, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(text, encoding="utf-8")
    found = _run(data, "messages", "send", "撤回", "--key", case.number, "--variables", str(file))
    assert found.exit_code == 2 and said in found.output
    assert case.row().status == "running"
