"""Handing definitions out and taking them in, by page and by command."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.archives import archive, elsewhere, unpacked
from tests.webapp.conftest import SYSTEM, Browser, House
from webapp import commands, composition
from workflows import deployment
from workflows.definition_archives import MANIFEST
from workflows.models import Definition, Event

Words = Callable[[TestResponse], str]
IMPORT, OUT = "/administration/definitions/import", "/administration/definitions/admission/1/export.zip"


@pytest.fixture
def deployed(house: House) -> House:
    deployment.deploy(house.database, SYSTEM, deployment.read_tree(composition.SOURCE), composition.check_form, at=house.watch())
    return house


def stored(house: House) -> list[int]:
    with house.database.read() as session:
        return list(session.execute(select(Definition.version).where(Definition.process_id == "admission")).scalars())


def sent(browser: Browser, raw: bytes, act: str) -> TestResponse:
    return browser.post(IMPORT, {"file": (io.BytesIO(raw), "admission.zip"), "act": act})


def test_a_version_leaves_as_a_file_and_comes_in_looked_at_first(deployed: House, administrator: Browser, words: Words) -> None:
    page = administrator.get("/administration/definitions")
    assert OUT in page.get_data(as_text=True)
    out = administrator.get(OUT)
    assert (out.mimetype, out.headers["Content-Disposition"]) == ("application/zip", "attachment; filename=admission-v1.zip")
    assert json.loads(unpacked(out.data)[MANIFEST])["definitions"][0]["process"] == "admission"
    assert "已是当前第 1 版" in words(sent(administrator, out.data, "check"))
    newer = archive(elsewhere(), "admission")
    looked = sent(administrator, newer, "check")
    assert "第 2 版取代当前第 1 版" in words(looked)
    assert "变更" in words(looked)
    assert stored(deployed) == [1], "looked at, not deployed"
    assert sent(administrator, newer, "deploy").headers["Location"] == "/administration/definitions"
    assert sorted(stored(deployed)) == [1, 2]
    with deployed.database.read() as session:
        kinds = session.execute(select(Event.kind).where(Event.stream == "office:definitions").order_by(Event.seq)).scalars().all()
    assert kinds[-2:] == ["definition:exported", "definition:deployed"]
    refused = sent(administrator, b"no archive", "deploy")
    assert (refused.status_code, "这不是可以读取的流程定义包" in words(refused)) == (422, True)
    assert administrator.post(IMPORT, {"act": "check"}).status_code == 422


def test_only_the_system_administrator_and_after_proving_who_they_are(
    deployed: House, administrator: Browser, security: Browser
) -> None:
    for browser, refused in ((security, {403}), (deployed.browser(), {302, 401})):
        assert browser.get(OUT).status_code in refused
        assert browser.get(IMPORT).status_code in refused
        assert sent(browser, b"x", "deploy").status_code in refused
    deployed.watch.later(minutes=11)
    assert administrator.get(IMPORT).headers["Location"].startswith("/account/proof")
    assert sent(administrator, archive(elsewhere(), "admission"), "deploy").headers["Location"].startswith("/account/proof")
    assert stored(deployed) == [1]
    assert administrator.get("/administration/definitions/admission/9/export.zip").status_code == 404


def test_the_commands_do_the_same_and_deploy_only_when_told(tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "admission.zip"
    data = ["--data", str(tmp_path / "data")]
    assert run.invoke(commands.main, ["init", *data]).exit_code == 0
    done = run.invoke(commands.main, ["definitions", "export", "admission", *data, "--out", str(out)])
    assert done.exit_code == 0, done.output
    newer = tmp_path / "newer.zip"
    newer.write_bytes(archive(elsewhere(), "admission"))
    looked = run.invoke(commands.main, ["definitions", "import", str(newer), *data])
    [line] = [json.loads(line) for line in looked.output.splitlines()]
    assert (line["process"], line["here"], line["becomes"], line["new"]) == ("admission", 1, 2, True)
    assert '"version":2' not in run.invoke(commands.main, ["definitions", "list", *data]).output
    deployed = run.invoke(commands.main, ["definitions", "import", str(newer), *data, "--do"])
    assert "admission v2 (new)" in deployed.output
    assert '"version":2' in run.invoke(commands.main, ["definitions", "list", *data]).output
    (tmp_path / "bad.zip").write_bytes(out.read_bytes()[:-40])
    assert run.invoke(commands.main, ["definitions", "import", str(tmp_path / "bad.zip"), *data, "--do"]).exit_code == 2
