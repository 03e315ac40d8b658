"""Refusals as pages: what happened, in the person's words, and what to do next. 403 and 404 tell nothing of what exists."""

from __future__ import annotations

import logging
from secrets import token_hex
from typing import Any

from flask import Flask, g, jsonify, redirect, render_template, request, url_for
from flask.globals import request_ctx
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from webapp.case_pages import note_rejected
from webapp.languages import refusal_words
from workflows.errors import N_, DefinitionRefused, ImportRefused, Refusal

log = logging.getLogger(__name__)

#: Status -> (what happened, what to do next). Chinese message ids.
SENTENCES = {
    400: (N_("这个请求无法识别"), N_("请返回上一页，刷新后再试。")),
    401: (N_("请先登录"), N_("登录已结束或尚未登录。登录后会回到这一页。")),
    403: (N_("您没有办理该事项的权限"), N_("如果您认为这是错误，请联系本单位管理员。")),
    404: (N_("没有找到您要的内容"), N_("网址可能有误，或者该内容不对您开放。")),
    405: (N_("这个请求无法识别"), N_("请返回上一页，刷新后再试。")),
    409: (N_("该事项已有变化"), N_("请回到待办查看最新情况。")),
    410: (N_("链接已失效，请重新申请"), N_("确认链接只能使用一次，过期后需要重新申请。")),
    413: (N_("提交的内容太大"), N_("单个附件不超过 20 MB。请减少或压缩附件后再试。")),
    422: (N_("有内容需要更正"), N_("请返回上一页更正后重新提交，已填写的内容仍在。")),
    429: (N_("操作过于频繁"), N_("请稍等一分钟后再试。")),
    500: (N_("系统出现错误，没有保存任何内容"), N_("请稍后再试。错误已经记下，管理员可以凭编号查到。")),
    # Nobody can know whether the last commit arrived; the page's token makes sending it again harmless.
    503: (N_("数据库暂时中断，不能确定刚才的操作是否已保存"), N_("请稍后返回上一页，再提交一次：同一张页面重复提交只办理一次。")),
}


def install(app: Flask) -> None:
    """Answer every refusal and every HTTP error with a page of ours (JSON where the caller asked for it)."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)


def wants_json() -> bool:
    """Whether a script asked, not a person."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def page(status: int, happened: str, next_step: str, *, code: str = "", **more: Any) -> tuple[Any, int]:
    """The refusal page. Public so that a view can answer with its own next step; all words already translated."""
    if wants_json():
        return jsonify({"code": code or f"E_{status}", "message": happened, "next": next_step}), status
    return render_template(
        "refusals/page.html", status=status, happened=happened, next_step=next_step, code=code, **more
    ), status


def _sentences(status: int) -> tuple[str, str]:
    happened, next_step = SENTENCES.get(status, SENTENCES[400 if status < 500 else 500])
    return gettext(happened), gettext(next_step)


def _refused(refusal: Refusal) -> Any:
    _, next_step = _sentences(refusal.status)
    if refusal.status in {403, 404}:
        # Whatever the reason, the same words: they must not tell whether the thing exists.
        happened = _sentences(404)[0] if refusal.status == 404 else refusal_words(refusal)
        return page(refusal.status, happened, next_step)
    note_rejected(refusal)
    problems = refusal.problems if isinstance(refusal, (ImportRefused, DefinitionRefused)) else ()
    return page(refusal.status, refusal_words(refusal), next_step, code=refusal.code, problems=problems)


def _stale_form(_error: CSRFError) -> Any:
    return page(
        400,
        gettext("这张表单已经失效，没有保存任何内容"),
        gettext("可能是您已退出或重新登录。请返回上一页，刷新后再提交。"),
        code="E_FORM_TOKEN",
    )


def _http_error(error: HTTPException) -> Response | tuple[Any, int]:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()  # type: ignore[return-value]
    if request_ctx.url_adapter is None:
        return error.get_response()  # type: ignore[return-value]  # a host that is not ours: no page of ours has an address there
    if status == 401 and not wants_json():
        return _to_sign_in()
    return page(status, *_sentences(status))


def _to_sign_in() -> Any:
    """Off to the sign-in page, and back here afterwards. What was posted is said to be lost, never silently."""
    asked = request.full_path.rstrip("?") if request.method == "GET" else None
    if request.headers.get("HX-Request"):
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = url_for("sign_in.sign_in")
        return answer
    if asked is not None:
        return redirect(url_for("sign_in.sign_in", next=asked if asked != "/" else None))
    return page(
        401, gettext("登录已结束，刚才提交的内容没有办理"), gettext("请重新登录。已自动保存的草稿仍在。"), sign_in=True
    )


def _failed(error: Exception) -> Any:
    number = token_hex(4)
    log.error(
        "%s %s failed (%s)", request.method, request.path.replace("\n", " ").replace("\r", " "), number, exc_info=error
    )
    g.setdefault("viewer", None)
    status = 503 if isinstance(error, DBAPIError) and error.connection_invalidated else 500
    return page(status, *_sentences(status), code=f"E_{number}")
