"""A vote by seats that weigh differently, drawn for tests: 评审表决 with a member for each seat, ended as soon as it is decided.

``verdict`` 评审表决: whoever starts it names the seats and their weight; each votes for themselves, unseen by the others until it
is counted; the count with every vote is read out (宣布结果).
"""

from __future__ import annotations

from typing import Any

from tests.reviewing import _form, _text, begins, ends, file, mapping
from tests.workflows.engine.drawing import choice, extensions, flows, node, zeebe

COUNTED = 'weighted ballot("其他", motion.seats, votes)'
_LOOP = zeebe(
    "loopCharacteristics", inputCollection="=motion.seats", inputElement="seat", outputCollection="votes",
    outputElement="={person: seat.person, vote: voting_paper.vote}",
)  # fmt: skip
_CAST = node(
    "userTask", "cast",
    extensions(
        zeebe("formDefinition", formId="verdict.voting_paper") + zeebe("assignmentDefinition", assignee="=seat.person")
        + mapping(("input", "=motion.title", "title"), ("input", "=seat.weight", "weight"))
        + zeebe("properties", zeebe("property", name="jiaoyan:sealed-until", value="counting")
                + zeebe("property", name="jiaoyan:actions", value="urge")
                + zeebe("property", name="jiaoyan:outcome", value="vote"))
    )
    + node("multiInstanceLoopCharacteristics", "cast_all",
           extensions(_LOOP) + f"<bpmn:completionCondition>={COUNTED}.decided</bpmn:completionCondition>".replace('"', "&quot;"),
           isSequential="false"),
    name="投票",
)  # fmt: skip
_ANNOUNCE = node(
    "userTask", "announce",
    extensions(
        zeebe("formDefinition", formId="verdict.result") + zeebe("assignmentDefinition", candidateGroups='=role("bureau_hr")')
        + mapping(("input", "=tally.words", "words"), ("input", "=tally.rows", "rows"))
    ),
    name="宣布结果",
)  # fmt: skip


def _shown(key: str, label: str) -> dict[str, Any]:
    return {**_text(key, label), "readonly": True}


def _number(key: str, label: str, **more: Any) -> dict[str, Any]:
    return {"type": "number", "key": key, "label": label, "decimalDigits": 0, "validate": {"min": 1, "max": 99}, **more}


def _table(key: str, label: str, *inside: dict[str, Any], fixed: bool = False) -> dict[str, Any]:
    columns = [{**one, "id": f"f_{key}_{one['key']}", "layout": {"row": f"Row_{key}_{n}", "columns": None}} for n, one in enumerate(inside)]
    more = {"properties": {"prefill": "=task.rows"}} if fixed else {}
    return {"type": "dynamiclist", "path": key, "label": label, "isRepeating": True, "components": columns,
            "allowAddRemove": not fixed, "defaultRepetitions": 0 if fixed else 1, "nonCollapsedItems": 50, **more}  # fmt: skip


VERDICT = {
    **file(
        "verdict", "评审表决", begins("提出议题", "verdict.motion"), _CAST,
        node("scriptTask", "counting", extensions(zeebe("script", expression="=" + COUNTED, resultVariable="tally")), name="计票"),
        _ANNOUNCE, choice("how", "how-lost"),
        ends("won", "表决通过"), ends("lost", "表决未通过"),
        flows("s cast counting announce how", "how won | tally.passed", "how lost"),
    ),
    "forms/library/verdict/motion.json": _form(
        "verdict.motion", _text("title", "议题"),
        _table("seats", "席位", _text("person", "人员编号"), _text("seat", "席位名称"),
               _number("weight", "权重")),
    ),
    "forms/library/verdict/voting_paper.json": _form(
        "verdict.voting_paper", _shown("title", "议题"), _number("weight", "本席权重", readonly=True),
        {"type": "radio", "key": "vote", "label": "投票", "validate": {"required": True},
         "values": [{"value": one, "label": one} for one in ("赞成", "不赞成", "弃权", "回避")]},
        {"type": "textarea", "key": "why", "label": "理由", "validate": {"maxLength": 500}},
    ),
    "forms/library/verdict/result.json": _form(
        "verdict.result", _shown("words", "计票结果"),
        _table("rows", "各席投票", _shown("seat", "席位名称"), _number("weight", "权重", readonly=True), _shown("vote", "投票"),
               fixed=True),
        _text("remark", "说明"),
    ),
}  # fmt: skip
