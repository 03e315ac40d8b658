"""What the pages about one case share: being turned away is recorded, deadlines in words, files handed over safely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Flask, Response, current_app, g, request, send_file, url_for
from flask_babel import gettext, ngettext
from itsdangerous import BadData, URLSafeTimedSerializer

from forms import templates
from forms.spec import FormSpec
from webapp.form_page import PaperView, paper_view
from webapp.languages import language, translate
from webapp.moments import now
from webapp.office import office
from webapp.typed import spec_of
from workflows import case_file, instances, notices, proxies
from workflows.access import OFFICE_ROLES, office_day
from workflows.audit.export import Exported
from workflows.case import STATUSES
from workflows.errors import N_, CaseFailed, Forbidden, NotFound, ProxyOver, Refusal, StartFailed
from workflows.people import ROLES
from workflows.rulebook import OUTCOMES
from workflows.signatures import MODES, STATES

#: What was handed over by somebody else never runs in our name.
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


@contextmanager
def turned_away(what: str, number: str) -> Iterator[None]:
    """Record in the person's stream that what stands inside was refused, and refuse all the same.

    ``access:refused`` for what is closed to them, ``input:rejected`` for an act that they posted and that was not done.
    """
    try:
        yield
    except (NotFound, Forbidden) as refusal:
        case_file.note_refused(office().db, g.viewer, what, number, at=now(), reason=refusal.code)
        g.refusal_noted = True
        raise
    except Refusal as refusal:
        note_rejected(refusal, number if what == "case" else None)
        if what == "task":
            note_over(refusal, number)
        raise


def note_over(refusal: Refusal, task: str) -> None:
    """Record in the case what somebody posted to a task of it who no longer stands in for another (代办授权)."""
    if isinstance(refusal, ProxyOver) and request.method == "POST" and not request.path.endswith(("/draft", "/form")):
        proxies.note_refused(office().db, g.viewer, task, at=now())


def note_rejected(refusal: Refusal, instance: str | None = None) -> None:
    """Record ``input:rejected`` once for an act that was posted and refused: its address, and the refusal's code.

    What met an incident was not refused: it is kept and tried again. An autosave is no act.
    """
    is_act = request.method == "POST" and g.get("viewer") is not None and not request.path.endswith(("/draft", "/form"))
    if not is_act or g.get("refusal_noted") or isinstance(refusal, (CaseFailed, StartFailed)):
        return
    instances.reject_input(
        office().db, g.viewer, subject=request.path[:200], instance_number=instance, fields=[("", refusal.code)], at=now()
    )
    g.refusal_noted = True


def _note_forbidden(response: Response) -> Response:
    """Record a page that is closed to the person's roles, unless the refusal stands in the record already."""
    if response.status_code == 403 and g.get("viewer") is not None and not g.get("refusal_noted"):
        case_file.note_refused(office().db, g.viewer, "page", request.path, at=now(), reason=Forbidden.code)
    return response


def due_words(due_at: datetime | None) -> tuple[str, str]:
    """A deadline in words and the kind of its mark: (``今天到期``, ``returned``); counted in calendar days of the office."""
    if due_at is None:
        return gettext("无期限"), ""
    days = (office_day(due_at - timedelta(microseconds=1)) - office_day(now())).days
    if due_at <= now():
        if days >= 0:
            return gettext("今天超期"), "late"
        return ngettext("超期 %(num)s 天", "超期 %(num)s 天", -days), "late"
    if days == 0:
        return gettext("今天到期"), "returned"
    if days == 1:
        return gettext("明天到期"), "returned"
    return ngettext("还剩 %(num)s 天", "还剩 %(num)s 天", days), "now"


def handed_over(content: bytes, name: str, media_type: str) -> Response:
    """A file to be saved, never shown in place: attachment with an RFC 6266 name, sandboxed."""
    answer = send_file(BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer


def exported(made: Exported) -> Response:
    """An export, handed over."""
    return handed_over(made.content, made.name, made.media_type)


def who(event: case_file.EventView) -> str:
    """Who really acted, in the reader's language."""
    return case_file.who(event, lambda text, params: translate(text, params))


def outcome_words(outcome: Any) -> str:
    """A table's conclusion in words; what is no known key is said as it stands."""
    return translate(OUTCOMES.get(str(outcome), str(outcome))) if outcome not in (None, "") else ""


def role_name(key: str) -> str:
    """The office's word for a role, a message id."""
    return ROLES[key].name if key in ROLES else key


def notice_words(kind: str) -> str:
    """What a notice was about, from its title's wording without the case's own words."""
    title = notices.KINDS[kind]({})[0] if kind in notices.KINDS else kind
    return translate(title).partition("：%(")[0].partition(": %(")[0]


def from_record(text: Any) -> datetime | None:
    """A moment as the record spells it."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def file_url(sha256: str) -> str:
    """Where a stored file is handed over."""
    return url_for("tasks.download", sha256=sha256)


def signature_url(sha256: str) -> str:
    """Where the picture of a kept signature is shown in place."""
    return url_for("own_signature.picture", sha256=sha256)


def sheet(sent: case_file.SubmissionView, to_file: Callable[[str], str] | None = file_url) -> PaperView:
    """A submission as a paper to read; already masked where it has to be. Without ``to_file`` its files are only named.

    Whoever has stated a purpose looks at a signature as at any file, and that is recorded.
    """
    spec = spec_of(sent.form) if sent.form else _NO_FORM
    pictures = signature_url if to_file in (None, file_url) else to_file
    return paper_view(spec, sent.data, seen=sent.seen, file_url=to_file, picture_url=pictures, sealed_until=sent.sealed_until,
                      kept_to=sent.kept_to)


#: Seconds for which a stated purpose opens the files of a case.
_OPENED_FOR = 30 * 60


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or b"", salt="opened-case")


def opened_file_url(number: str) -> Callable[[str], str]:
    """Where the files of a case are handed over to somebody who has just stated a purpose for reading it whole."""
    opened = opened_token(number)
    return lambda sha256: url_for("tasks.download", sha256=sha256, opened=opened)


def opened_token(number: str) -> str:
    """What says in an address that this person has just stated a purpose for reading the case whole."""
    return str(_signer().dumps([g.viewer.number, number]))


def opened_case() -> str | None:
    """Number of the case that this request's ``opened`` names, if it was given to this person and is still fresh."""
    try:
        person, number = _signer().loads(request.args.get("opened", ""), max_age=_OPENED_FOR)
    except BadData:
        return None
    return str(number) if person == g.viewer.number else None


#: Stands for the form of a definition that no longer holds it.
_NO_FORM = FormSpec("none.none", "", (), "")


def value_words(value: Any) -> str:
    """What a recorded change was from or to, in words; a whole row says its answers one after another."""
    if isinstance(value, Mapping):
        words = comma().join(value_words(one) for one in value.values() if one not in (None, "", [], {}))
    elif isinstance(value, list):
        words = comma().join(value_words(one) for one in value)
    else:
        words = translate(templates.in_words(value))
    return words


def tag_words(tag: str) -> str:
    """Where a clause comes from, in the reader's language: 文件条款, 法律, 实践, 系统默认."""
    return comma().join(translate(part) for part in tag.split("、") if part)


#: The words of ``workflows.policies.citation.TAG_WORDS``, so that the catalogue has them.
TAGS = (N_("文件条款"), N_("法律"), N_("实践"), N_("系统默认"))


def colon() -> str:
    """The sign after a word that names what follows."""
    return "：" if language() == "zh" else ": "


def comma() -> str:
    """The sign between the words of a list."""
    return "、" if language() == "zh" else ", "


def install(app: Flask) -> None:
    """Give templates the words of a case; record who is turned away at a door."""
    app.after_request(_note_forbidden)
    app.jinja_env.filters.update(from_record=from_record)
    app.jinja_env.globals.update(
        due_words=due_words, who=who, reasons=case_file.reasons, value_words=value_words, outcome_words=outcome_words,
        role_name=role_name, office_roles=OFFICE_ROLES, notice_words=notice_words, tag_words=tag_words, colon=colon,
        comma=comma, case_statuses=STATUSES, signing_modes=MODES, signing_states=STATES,
    )  # fmt: skip
