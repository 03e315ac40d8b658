"""The case file as a workbook or JSON, with the result of the integrity check in it; each export is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from workflows.access import Viewer
from workflows.audit import (
    Act,
    Actor,
    ActorKind,
    Kind,
    Verification,
    instance_stream,
    office_stream,
    person_stream,
    record,
    verify,
)
from workflows.audit.export import Exported, Say, Sheet, as_json, as_workbook, chinese, plain_words
from workflows.case_file.reading import read, split_path
from workflows.case_file.ruling_words import Reason, reasons
from workflows.case_file.views import CaseFile, EventView
from workflows.db import Database
from workflows.errors import N_, NotFound

#: Formats of an export.
FORMATS = ("xlsx", "json")


def export(
    db: Database, viewer: Viewer | None, number: str, format: str, *, at: datetime, say: Say = chinese
) -> Exported:
    """The case whole, personal data masked. Recorded as ``record:exported`` with the file's digest.

    Without a viewer the operator of the machine exports: recorded in the stream ``office:exports``. Refuses with
    ``NotFound`` what the viewer may not see and what is no format.
    """
    if format not in FORMATS:
        raise NotFound()
    with db.read() as session:
        case = read(session, viewer, number, at, whole=False)
        checked = verify(session, stream=instance_stream(case.number))
    if format == "xlsx":
        made = as_workbook(_sheets(case, checked, at, say))
    else:
        made = as_json(_plain(case, checked, at))
    exported = Exported(f"{case.number}.{format}", made.media_type, made.content)
    stream = office_stream("exports") if viewer is None else person_stream(viewer.number)
    actor = Actor(ActorKind.ADMINISTRATOR, "console") if viewer is None else viewer.actor()
    payload = {"format": format, "sha256": exported.sha256, "events": len(case.events), "masked": case.masked}
    with db.write() as session:
        record(session, Act(stream, Kind.RECORD_EXPORTED, at, actor, definition=case.definition, instance=case.number,
                            payload=payload))
    return exported


def who(event: EventView, say: Say) -> str:
    """Who really acted, in words: a machine never under a person's name, a proxy with both names."""
    if event.by_machine or event.actor_name is None:
        return say(event.actor_kind_label, {})
    if event.on_behalf_of_name:
        return say(N_("%(actor)s（代%(other)s办理）"), {"actor": event.actor_name, "other": event.on_behalf_of_name})
    if event.actor_kind != "person":
        return say(N_("%(actor)s（%(kind)s）"), {"actor": event.actor_name, "kind": say(event.actor_kind_label, {})})
    return event.actor_name


def _sheets(case: CaseFile, checked: Verification, at: datetime, say: Say) -> list[Sheet]:
    def named(name: str, *heads: str) -> tuple[str, list[str]]:
        return say(name, {}), [say(head, {}) for head in heads]

    return [
        Sheet(*named(N_("时间线"), N_("序号"), N_("时间"), N_("事件"), N_("环节"), N_("办理人"), N_("角色"), N_("单位"),
                     N_("结果"), N_("字段变化"), N_("网络地址"), N_("事件编号"), N_("摘要值")),
              [_event_row(event, say) for event in (*case.events, *case.looks)]),
        Sheet(*named(N_("提交内容"), N_("提交时间"), N_("环节"), N_("提交人"), N_("字段"), N_("名称"), N_("内容")),
              list(_submitted(case, say))),
        Sheet(*named(N_("规则判定"), N_("时间"), N_("环节"), N_("决策表"), N_("结论"), N_("理由"), N_("条款"), N_("原文"),
                     N_("依据类型"), N_("输入")),
              list(_ruled(case, say))),
        Sheet(*named(N_("附件"), N_("文件名"), N_("类型"), N_("字节"), N_("字段"), N_("上传人"), N_("上传时间"), "SHA-256"),
              [[one.name, one.media_type, one.size, one.field, one.uploaded_by_name, one.uploaded_at, one.sha256]
               for one in case.attachments]),
        Sheet(*named(N_("校验"), N_("项目"), N_("结果")), _checked(case, checked, at, say)),
    ]  # fmt: skip


def _event_row(event: EventView, say: Say) -> list[Any]:
    changes = "\n".join(f"{one.label}：{_shown(one.old)} → {_shown(one.new)}" for one in event.changes)
    return [
        event.seq if event.stream.startswith("instance:") else None, event.at, say(event.label, {}),
        say(event.step_name, {}) if event.step_name else None, who(event, say),
        say(event.actor_role, {}) if event.actor_role else None, event.actor_org_name, event.outcome or event.reason,
        changes, event.ip, event.event_id, event.leaf_hash,
    ]  # fmt: skip


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return "—"
    return value if isinstance(value, str) else plain_words(value)


def _submitted(case: CaseFile, say: Say) -> Any:
    for sent in case.submissions:
        if sent.sealed_until:
            yield [sent.at, say(sent.step_name, {}), sent.by_name, "", say(N_("已密封"), {}), say(sent.sealed_until, {})]
        if sent.kept_to:
            who_reads = "、".join(say(role, {}) for role in sent.kept_to)
            yield [sent.at, say(sent.step_name, {}), sent.by_name, "", say(N_("仅限以下人员查看"), {}), who_reads]
        words = sent.seen.get("_labels") or {}  # names behind the codes of organisations, people and posts
        for path, value in _leaves(sent.data):
            keys, numbers = split_path(path)
            label = say(sent.labels.get(".".join(keys), path), {})
            table = sent.labels.get(keys[0], "") if numbers else ""
            if table:
                label = f"{say(table, {})} {numbers[0]} · {label}"
            yield [sent.at, say(sent.step_name, {}), sent.by_name, path, label, words.get(path, value)]


def _leaves(data: Any, above: str = "") -> Any:
    if isinstance(data, Mapping) and data and "sha256" not in data:
        for key, value in data.items():
            yield from _leaves(value, f"{above}.{key}" if above else str(key))
    elif isinstance(data, list) and any(isinstance(one, Mapping) for one in data):
        for number, value in enumerate(data):
            yield from _leaves(value, f"{above}.{number}")
    elif isinstance(data, list):
        yield above, "、".join(str(one) for one in data)
    elif isinstance(data, Mapping):
        yield above, data.get("name") or None
    else:
        yield above, data


def _ruled(case: CaseFile, say: Say) -> Any:
    for ruling in case.rulings:
        first = [ruling.at, say(ruling.step_name, {}), ruling.decision, ruling.outcome]
        inputs = plain_words(ruling.answer.get("inputs") or {})
        for one in reasons(ruling.answer) or [Reason("", "", "", "")]:
            yield [*first, one.text, one.clause, one.quote, one.tag, inputs]


def _checked(case: CaseFile, checked: Verification, at: datetime, say: Say) -> list[list[Any]]:
    rows: list[list[Any]] = [
        [say(N_("办件编号"), {}), case.number],
        [say(N_("导出时间"), {}), at],
        [say(N_("校验范围"), {}), say(N_("本办件的办理留痕：%(events)s 个事件"), {"events": checked.events})],
        [say(N_("完整性校验"), {}), say(N_("通过") if checked.holds else N_("未通过"), {})],
        [say(N_("系统"), {}), say(DEMO if checked.demo else N_("正式系统"), {})],
        [say(N_("流程定义"), {}), f"{case.process_id} · {case.version} · {case.definition}"],
        [say(N_("政策规则包"), {}), case.pack_set],
        [say(N_("说明"), {}), say(LIMIT_OF_CHECK, {})],
    ]  # fmt: skip
    rows += [[f"{one.stream} · {one.seq}", one.reason] for one in checked.findings]
    return rows


#: The permanent mark of a demo, printed with every check.
DEMO = N_("演示系统：时钟可以调整，数据均为虚构")
#: What a check of one database can prove (design/audit.md): said wherever its result is shown.
LIMIT_OF_CHECK = N_("校验证明留痕写入后未被单独改动；能够改写整个数据库的人仍可重写全部留痕，须与库外存证比对。")


def _plain(case: CaseFile, checked: Verification, at: datetime) -> dict[str, Any]:
    whole = asdict(case)
    for sent in whole["submissions"]:
        sent.pop("form")  # the definition's digest names it
    for event in (*whole["events"], *whole["looks"]):
        # Changes and rulings stand beside it, masked; those in the payload are as they were entered.
        event["payload"] = {key: value for key, value in event["payload"].items() if key not in {"changes", "rulings"}}
    whole["verification"] = {**asdict(checked), "holds": checked.holds, "exported_at": at, "note": LIMIT_OF_CHECK}
    return whole
