"""Definitions as one file: what is handed out is taken in elsewhere as the same, and everything else is refused."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.archives import archive, elsewhere, packed, unpacked, zipped
from tests.factories import SETTING_UP
from tests.office import Office
from tests.workflows.engine.drawing import begin, call, drawing, end, flows, script
from webapp import composition
from workflows import deployment
from workflows.audit import Kind
from workflows.definition_archives import MANIFEST, MAX_FILE, hand_out, look, read, take_in
from workflows.errors import DefinitionRefused, NotFound
from workflows.models import Definition, Event, EventPayload, PackSet

MARK = Path("/tmp/jiaoyan-was-here")


def versions(office: Office) -> dict[str, int]:
    with office.db.read() as session:
        rows = session.execute(select(Definition.process_id, func.max(Definition.version)).group_by(Definition.process_id))
        return dict(rows.tuples().all())


def reasons(office: Office, raw: bytes) -> list[str]:
    """What is wrong with an archive; nothing is deployed."""
    before = versions(office)
    with pytest.raises(DefinitionRefused) as refused:
        take_in(office.db, SETTING_UP, raw, composition.check_form, at=office.at)
    assert versions(office) == before
    return [problem.reason for problem in refused.value.problems]


def test_what_one_office_hands_out_another_takes_in_as_the_same(new_office: Callable[[], Office]) -> None:
    ours, theirs = new_office(), new_office()
    deployment.deploy(ours.db, SETTING_UP, elsewhere(), composition.check_form, at=ours.at)
    made = hand_out(ours.db, SETTING_UP, "admission", 2, at=ours.at)
    assert made.name == "admission-v2.zip"
    manifest = json.loads(unpacked(made.content)[MANIFEST])
    assert {one["path"] for one in manifest["files"]} == unpacked(made.content).keys() - {MANIFEST}
    with theirs.db.read() as session:
        looked = look(session, made.content, composition.check_form)
    [change] = [one for one in looked.changes if one.held.process_id == "admission"]
    assert (change.newest, change.known, looked.packs_change) == (1, 0, False)
    assert {path for path, state in change.files.items() if state != "same"} == {"bpmn/admission/admission.bpmn"}
    assert versions(theirs)["admission"] == 1, "looking deploys nothing"
    done = take_in(theirs.db, SETTING_UP, made.content, composition.check_form, at=theirs.at)
    assert ("admission", 2, True) in done.definitions
    with ours.db.read() as here, theirs.db.read() as there:
        assert deployment.newest(here, "admission") == deployment.newest(there, "admission")
        assert there.execute(select(func.count()).select_from(PackSet)).scalar_one() == 1, "policy values stay the place's own"
        told = there.execute(
            select(EventPayload.payload).join(Event, Event.event_id == EventPayload.event_id).where(Event.kind == Kind.DEFINITION_DEPLOYED)
        ).scalars().all()
        assert sum(made.sha256 in str(one) for one in told) == 1, "the record says from which file"
        out = here.execute(select(func.count()).select_from(Event).where(Event.kind == Kind.DEFINITION_EXPORTED)).scalar_one()
        assert out == 1
    again = take_in(theirs.db, SETTING_UP, made.content, composition.check_form, at=theirs.at)
    assert not any(is_new for _, _, is_new in again.definitions)
    with pytest.raises(NotFound):
        hand_out(ours.db, SETTING_UP, "admission", 9, at=ours.at)


def test_what_a_process_calls_goes_with_it(new_office: Callable[[], Office]) -> None:
    ours, theirs = new_office(), new_office()
    tree = deployment.read_tree(composition.SOURCE)
    tree["bpmn/trial/called.bpmn"] = drawing(begin(), script("x", "given + 1", "sum"), end(), flows("s x e"), process="called")
    tree["bpmn/trial/caller.bpmn"] = drawing(
        begin(), script("g", "1", "given"), call("c", "called"), script("h", "sum", "v"), end(), flows("s g c h e"), process="caller"
    )
    deployment.deploy(ours.db, SETTING_UP, tree, composition.check_form, at=ours.at)
    made = hand_out(ours.db, SETTING_UP, "caller", 1, at=ours.at)
    done = take_in(theirs.db, SETTING_UP, made.content, composition.check_form, at=theirs.at)
    assert {process for process, _, _ in done.definitions} == {"caller", "called"}


def test_an_archive_is_checked_like_any_deployment(new_office: Callable[[], Office]) -> None:
    office = new_office()
    tree = elsewhere()
    whole = unpacked(archive(tree, "admission"))
    held = json.loads(whole.pop(MANIFEST))["definitions"]
    diagram = whole["bpmn/admission/admission.bpmn"]
    without = {path: raw for path, raw in whole.items() if not path.endswith("qualification_review.json")}
    assert any("没有标识为 admission.qualification_review 的表单" in one for one in reasons(office, zipped(without, held)))
    order = diagram.replace(b'type="', b'type="os.system.', 1)
    assert any("没有名为 os.system." in one for one in reasons(office, zipped({**whole, "bpmn/admission/admission.bpmn": order}, held)))
    escape = f"=().__class__.__base__.__subclasses__()[0]('touch {MARK}')".encode()
    script_in = diagram.replace(b"<bpmn:conditionExpression", b"<bpmn:conditionExpression", 1)
    first = script_in.index(b">", script_in.index(b"<bpmn:conditionExpression")) + 1
    bent = script_in[:first] + escape + script_in[script_in.index(b"<", first) :]
    assert reasons(office, zipped({**whole, "bpmn/admission/admission.bpmn": bent}, held))
    assert not MARK.exists()
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + diagram.partition(b"?>")[2]
    assert reasons(office, zipped({**whole, "bpmn/admission/admission.bpmn": entity}, held))
    other = [{**one, "digest": "0" * 64} for one in held]
    assert reasons(office, zipped(whole, other)) == ["在本系统组成的流程定义与清单摘要不同，可能由其他版本的软件导出"]
    assert reasons(office, zipped(whole, [*held, {**held[0], "process": "more"}])) == ["清单与包中的流程图不一致"]
    paper = tree["forms/library/admission/appointment.json"]
    unused = reasons(office, zipped({**whole, "forms/library/nobody/appointment.json": paper.replace(b"admission.", b"nobody.")}, held))
    assert unused == ["没有流程使用这个文件"]


OUTSIDE = "包中只能有流程图、决策表、表单和清单"


@pytest.mark.parametrize(
    "path",
    ["../evil.bpmn", "/etc/x.bpmn", "bpmn/../../x.bpmn", "bpmn\\x\\y.bpmn", "bpmn/policies/liaoning.toml", "bpmn/policies/x.dmn",
     "bpmn/x.py", "forms/library/x/y.py", "readme.txt", "bpmn/a/b.bpmn/", "bpmn/a/.b.bpmn", "bpmn/a\n/b.bpmn"],
)  # fmt: skip
def test_nothing_but_diagrams_tables_and_forms_is_read(path: str) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        read(zipped({path: b"x"}, [{"process": "p", "name": "p", "version": 1, "digest": "0" * 64}]))
    assert [problem.reason for problem in refused.value.problems] == [OUTSIDE]


def test_what_is_no_archive_is_refused() -> None:
    held = [{"process": "p", "name": "p", "version": 1, "digest": "0" * 64}]
    good = zipped({"bpmn/a/b.bpmn": b"x"}, held)
    twice = [*held, *held]
    for raw in (
        b"", b"PK", b"x" * 100, good[:-30], good.replace(b"bpmn/a/b", b"bpmn/a/c", 1), packed({MANIFEST: b"[]"}),
        packed({MANIFEST: b"{"}), packed({MANIFEST: b"[" * 2000}), packed({"bpmn/a/b.bpmn": b"x"}),
        zipped({"bpmn/a/b.bpmn": b"x"}, []), zipped({"bpmn/a/b.bpmn": b"x"}, twice), zipped({"bpmn/a/b.bpmn": b"x"}, held, format="x"),
        zipped({"bpmn/a/b.bpmn": b"x"}, held, shape=2), zipped({"bpmn/a/b.bpmn": b"x"}, held, listed=[]),
        zipped({"bpmn/a/b.bpmn": b"x"}, held, listed=[{"path": "bpmn/a/b.bpmn", "sha256": "0" * 64}]),
        zipped({"bpmn/a/b.bpmn": b"x"}, [{**held[0], "digest": "x"}]), b"x" * (MAX_FILE + 1),
    ):  # fmt: skip
        with pytest.raises(DefinitionRefused):
            read(raw)
    assert read(good).files == {"bpmn/a/b.bpmn": b"x"}


def test_a_bomb_is_refused_at_once_also_when_it_lies_about_its_size() -> None:
    held = [{"process": "p", "name": "p", "version": 1, "digest": "0" * 64}]
    began = time.monotonic()
    many = {f"bpmn/a/b{number}.bpmn": b"\0" * 7_000_000 for number in range(4)}
    for raw in (packed({MANIFEST: b"{}", **many}), packed({f"bpmn/a/b{number}.bpmn": b"" for number in range(400)})):
        with pytest.raises(DefinitionRefused) as refused:
            read(raw)
        assert [problem.reason for problem in refused.value.problems] == ["文件展开后太大，这不是流程定义包"]
    honest = zipped({"bpmn/a/b.bpmn": b"\0" * 30_000_000}, held)
    for size in (0, 10):
        liar = honest.replace(struct.pack("<L", 30_000_000), struct.pack("<L", size))
        with pytest.raises(DefinitionRefused):
            read(liar)
    assert time.monotonic() - began < 5
