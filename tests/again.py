"""A process in which a step comes again, drawn for tests: 请示 is checked, improved by whoever wrote it, and checked anew."""

from __future__ import annotations

from tests.reviewing import _form, _text, begins, ends, file, task
from tests.workflows.engine.drawing import choice, flows, zeebe

_OUTCOME = zeebe("properties", zeebe("property", name="jiaoyan:outcome", value="result")
                 + zeebe("property", name="jiaoyan:review", value="true"))  # fmt: skip
REQUEST = {
    **file(
        "request", "请示", begins("拟稿", "request.draft"), task("check", "核稿", "request.check", _OUTCOME),
        choice("how", "how-done"), task("improve", "修改", "request.draft", assignee="=instance.starter"), ends("done", "已核"),
        flows("s check how", 'how improve | check.result = "退回"', "how done", "improve check"),
    ),
    "forms/library/request/draft.json": _form("request.draft", _text("title", "标题")),
    "forms/library/request/check.json": _form(
        "request.check",
        {"type": "radio", "key": "result", "label": "结论", "validate": {"required": True},
         "values": [{"value": one, "label": one} for one in ("同意", "退回")]},
        {"type": "textarea", "key": "opinion", "label": "意见", "validate": {"maxLength": 500}},
        _text("note", "备注"),
        {"type": "checkbox", "key": "read", "label": "已通读全文", "validate": {"required": True}},
    ),
}  # fmt: skip
