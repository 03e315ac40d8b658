"""Notices: queued in the transaction that causes them, delivered after it. One function words one notice."""

from __future__ import annotations

import secrets
import smtplib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from workflows.db import Database, Prepared
from workflows.errors import N_
from workflows.models import Account, Notice, Person, table
from workflows.settings import OFFICE_ZONE, Settings

#: Waits between delivery attempts, minutes; after the last one the notice is marked as failed and shown to administrators.
_RETRIES = (1, 5, 30, 120, 720)

#: How far unread notices are counted; beyond it a page says that there are more.
COUNTED = 100

#: (message, params) -> sentence in the reader's language.
Translate = Callable[[str, Mapping[str, Any]], str]
#: Title and body as message ids, with one set of params for both.
Words = tuple[str, str]


def email_confirmation(_params: Mapping[str, Any]) -> Words:
    """To a new applicant: the link that confirms their address."""
    return N_("请确认您的邮箱"), N_("请在三日内打开此链接确认邮箱：%(base_url)s/confirm/%(token)s 。如非本人操作，请忽略。")


def second_factor_added(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: from now on it asks for a code."""
    return N_("已启用二次验证"), N_("您的账号已启用二次验证，登录时需要输入验证码。如非本人操作，请立即联系安全管理员。")


def second_factor_removed(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: it asks for no code any more."""
    return N_("二次验证已关闭"), N_("您的账号不再要求验证码，登录已全部退出的设备须重新登录。如非本人操作，请立即联系安全管理员。")


def signature_kept(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: from now on papers are signed with another picture."""
    return N_("手写签名图样已更换"), N_("您的账号留存了新的手写签名图样，此后签署的材料使用新图样。如非本人操作，请立即联系安全管理员。")


def signature_withdrawn(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: no picture of their signature is in use."""
    return N_("手写签名图样已停用"), N_("您的手写签名图样已停用，此前签署的材料不受影响。如非本人操作，请立即联系安全管理员。")


def passkey_added(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: a passkey signs in from now on."""
    return N_("已添加通行密钥：%(name)s"), N_("您的账号已添加通行密钥“%(name)s”，可用于登录。如非本人操作，请立即联系安全管理员。")


def passkey_removed(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: a passkey opens nothing any more."""
    return N_("通行密钥已删除：%(name)s"), N_("您的通行密钥“%(name)s”已删除，不能再用于登录。如非本人操作，请立即联系安全管理员。")


def passkey_doubted(_params: Mapping[str, Any]) -> Words:
    """To the owner of an account: somebody used what looks like a copy of a passkey, and was refused."""
    return N_("通行密钥可能被复制：%(name)s"), N_("有人用“%(name)s”的副本验证身份，已被拒绝。请删除这个通行密钥，并立即联系安全管理员。")


def application_received(_params: Mapping[str, Any]) -> Words:
    """To the applicant: the receipt with the case number and the next step."""
    return N_("已收到您的申报"), N_("“%(title)s”已受理，办件编号 %(number)s。下一环节：%(next)s。")


def task_opened(_params: Mapping[str, Any]) -> Words:
    """To everybody who may take a new task."""
    return N_("新的待办任务：%(step)s"), N_("“%(title)s”（%(number)s）等待办理“%(step)s”，办理期限：%(due)s。")


def task_delegated(_params: Mapping[str, Any]) -> Words:
    """To whoever is asked to work on a task: by whom, why, and that it goes back."""
    return N_("委派任务：%(step)s"), N_(
        "%(by)s委派您办理“%(title)s”（%(number)s）的“%(step)s”，办后返回。理由：%(reason)s。办理期限：%(due)s。"
    )


def delegation_returned(_params: Mapping[str, Any]) -> Words:
    """To whoever delegated a task: it is back, with the work done on it and a note."""
    return N_("委派已办后返回：%(step)s"), N_(
        "%(by)s已将“%(title)s”（%(number)s）的“%(step)s”办后返回，请核对后提交。意见：%(reason)s。办理期限：%(due)s。"
    )


def delegation_declined(_params: Mapping[str, Any]) -> Words:
    """To whoever delegated a task: it is back, without work, and why."""
    return N_("委派被谢绝：%(step)s"), N_(
        "%(by)s谢绝办理“%(title)s”（%(number)s）的“%(step)s”，该任务已回到您名下。理由：%(reason)s。办理期限：%(due)s。"
    )


def delegation_recalled(_params: Mapping[str, Any]) -> Words:
    """To whoever was asked to work on a task: they need do nothing more."""
    return N_("委派已收回：%(step)s"), N_("%(by)s已收回“%(title)s”（%(number)s）的“%(step)s”，无须您再办理。")


def task_urged(_params: Mapping[str, Any]) -> Words:
    """To whoever holds a task, or may take it: somebody urges it; nothing was decided."""
    return N_("催办：%(step)s"), N_("%(by)s催办“%(title)s”（%(number)s）的“%(step)s”，办理期限：%(due)s。%(reason)s")


def proxy_granted(_params: Mapping[str, Any]) -> Words:
    """To whoever is to do another's office work for some days."""
    return N_("代办授权：%(by)s"), N_(
        "%(by)s授权您在 %(from_on)s 至 %(to_on)s 代为办理其待办任务，请在“待办”的“代办”中查看。理由：%(reason)s"
    )


def proxy_revoked(_params: Mapping[str, Any]) -> Words:
    """To whoever stood in for another: they do no longer."""
    return N_("代办授权已撤销：%(by)s"), N_("%(by)s对您的代办授权（%(from_on)s 至 %(to_on)s）已撤销，您不能再代其办理。")


def proxy_granted_for(_params: Mapping[str, Any]) -> Words:
    """To whoever is away without having asked anybody: who does their office work meanwhile, by whose word, and why."""
    return N_("已为您安排代办：%(to)s"), N_(
        "%(by)s已安排%(to)s在 %(from_on)s 至 %(to_on)s 代您办理待办任务；您回岗后可随时在“代办授权”中撤销。理由：%(reason)s"
    )


def task_for_another(_params: Mapping[str, Any]) -> Words:
    """To whoever stands in for somebody: what that one has just been told of a task that both may do."""
    return N_("代%(giver)s办理：%(step)s"), N_(
        "您正在代%(giver)s办理：“%(title)s”（%(number)s）的“%(step)s”等待办理，办理期限：%(due)s。"
    )


def task_assigned(_params: Mapping[str, Any]) -> Words:
    """To whom an administrator has given a task that nobody could take."""
    return N_("指派任务：%(step)s"), N_(
        "“%(title)s”（%(number)s）的“%(step)s”指派给您办理。理由：%(reason)s。办理期限：%(due)s。"
    )


def task_handed_over(_params: Mapping[str, Any]) -> Words:
    """To whoever takes over the work of somebody who leaves."""
    return N_("离岗交接任务：%(step)s"), N_(
        "%(by)s离岗，“%(title)s”（%(number)s）的“%(step)s”交接给您办理。理由：%(reason)s。办理期限：%(due)s。"
    )


def nobody_fits(_params: Mapping[str, Any]) -> Words:
    """To the system administrators: a step waits and nobody may do it."""
    return N_("无人可办：%(step)s"), N_("办件 %(number)s 的“%(step)s”没有可以办理的人员，请指派办理人或完善人员角色。")


def case_copied(_params: Mapping[str, Any]) -> Words:
    """To whom a case is sent to read."""
    return N_("抄送给您：%(title)s"), N_("%(by)s把“%(title)s”（%(number)s）抄送给您，请在“待阅”中查看。%(reason)s")


def case_copied_by_rule(_params: Mapping[str, Any]) -> Words:
    """The same, where the diagram sends it once a step is done."""
    return N_("抄送给您：%(title)s"), N_("“%(title)s”（%(number)s）办完“%(step)s”，按流程规定抄送给您，请在“待阅”中查看。")


def remark_mentioned(_params: Mapping[str, Any]) -> Words:
    """To whoever is named in a remark."""
    return N_("有留言提到您：%(title)s"), N_("%(by)s在“%(title)s”（%(number)s）的留言中提到您：%(reason)s")


def remark_made(_params: Mapping[str, Any]) -> Words:
    """To the applicant, of a remark that they may read; to whoever handles the case, of the applicant's."""
    return N_("新留言：%(title)s"), N_("%(by)s在“%(title)s”（%(number)s）留言：%(reason)s")


def correction_asked(_params: Mapping[str, Any]) -> Words:
    """To the applicant: everything to be corrected, all at once."""
    return N_("请补正您的申报材料"), N_("“%(title)s”（%(number)s）需要补正：%(items)s。请于 %(due)s 前一次性补正，逾期视为撤回申请。")


def not_qualified(_params: Mapping[str, Any]) -> Words:
    """To the applicant: the refusal, its reasons and the remedy."""
    return N_("资格审查结果：不合格"), N_("“%(title)s”（%(number)s）资格审查不合格。理由：%(reasons)s。如有异议，可于 %(due)s 前申请复核。")


def qualified(_params: Mapping[str, Any]) -> Words:
    """To the applicant: qualified, with the admission number."""
    return N_("资格审查结果：合格"), N_("“%(title)s”（%(number)s）资格审查合格，准考证号 %(admission_no)s。")


def publicity_published(_params: Mapping[str, Any]) -> Words:
    """To the applicant and their unit: the publicity period has begun."""
    return N_("拟聘公示已发布：%(notice)s"), N_("“%(title)s”（办件 %(number)s）已在公开页面公示，公示编号 %(notice)s，至 %(until)s 止。")


def appointed(_params: Mapping[str, Any]) -> Words:
    """To the applicant: appointed, with the number of the appointment."""
    return N_("您已被聘任为教研员"), N_("“%(title)s”（%(number)s）已办结：您已被聘任，聘任编号 %(appointment_no)s。")


def researcher_appointed(_params: Mapping[str, Any]) -> Words:
    """To the head of the institution: somebody was appointed."""
    return N_("新聘教研员：%(name)s"), N_(
        "%(name)s（%(stage)s%(subject)s）已聘任到%(organisation)s，聘任编号 %(appointment_no)s，报到日期 %(report_on)s。"
    )


def term_ending(_params: Mapping[str, Any]) -> Words:
    """To whoever is appointed and to the head of the institution: the term ends soon."""
    return N_("聘期将满：%(name)s"), N_(
        "%(name)s在%(organisation)s的聘期（%(appointment_no)s）到 %(term_end)s 届满，请及时办理续聘或退出。"
    )


def case_ended(_params: Mapping[str, Any]) -> Words:
    """To the applicant: how the case ended."""
    return N_("办件已办结：%(outcome)s"), N_("“%(title)s”（%(number)s）已办结，结果：%(outcome)s。")


def task_due_soon(_params: Mapping[str, Any]) -> Words:
    """To everybody who may take a task: half of the time has gone, or one working day is left."""
    return N_("待办任务即将到期：%(step)s"), N_("“%(title)s”（%(number)s）的“%(step)s”将于 %(due)s 到期，请尽快办理。")


def task_overdue(_params: Mapping[str, Any]) -> Words:
    """To everybody who may take a task, and to the superior: it is overdue; nothing was decided."""
    return N_("待办任务已超期：%(step)s"), N_("“%(title)s”（%(number)s）的“%(step)s”已于 %(due)s 超期，系统不会代为审批，请督促办理。")


def overdue_reported(_params: Mapping[str, Any]) -> Words:
    """To the line superior: a task of their people is overdue."""
    return N_("超期报告：%(step)s"), N_("“%(title)s”（%(number)s）的“%(step)s”已于 %(due)s 超期未办，办理单位：%(office)s。")


def incident_raised(_params: Mapping[str, Any]) -> Words:
    """To the system administrators: something failed, and is tried again by itself."""
    return N_("流程异常：%(number)s"), N_("办件 %(number)s 出现流程异常（编号 %(incident)s）：%(cause)s。系统会自动重试。")


def incident_left(_params: Mapping[str, Any]) -> Words:
    """To the system administrators: only a person can try again now."""
    return N_("流程异常须人工处理：%(number)s"), N_("办件 %(number)s 的流程异常（编号 %(incident)s）：%(cause)s。请排除原因后手工重试。")


def case_suspended(_params: Mapping[str, Any]) -> Words:
    """To the applicant and whoever had something to do: the case stands still."""
    return N_("办件已暂停：%(number)s"), N_("“%(title)s”（%(number)s）已暂停办理，期限停止计算。理由：%(reason)s。")


def case_resumed(_params: Mapping[str, Any]) -> Words:
    """To the same: it goes on, and until when."""
    return N_("办件已恢复：%(number)s"), N_("“%(title)s”（%(number)s）已恢复办理，期限顺延：%(due)s。")


def case_cancelled(_params: Mapping[str, Any]) -> Words:
    """To the applicant and whoever had something to do: the case was ended from outside."""
    return N_("办件已终止：%(number)s"), N_("“%(title)s”（%(number)s）已终止办理。理由：%(reason)s。")


def case_withdrawn(_params: Mapping[str, Any]) -> Words:
    """To whoever had something to do, and to the applicant as a receipt: the application was withdrawn."""
    return N_("申请已撤回：%(number)s"), N_("申请人已撤回“%(title)s”（%(number)s），无须再办理。")


def case_rewound(_params: Mapping[str, Any]) -> Words:
    """To the applicant and whoever had something to do: the case went back to an earlier step."""
    return N_("办件已退回到“%(step)s”：%(number)s"), N_("“%(title)s”（%(number)s）已退回到“%(step)s”重新办理。理由：%(reason)s。")


def task_sent_back(_params: Mapping[str, Any]) -> Words:
    """To whoever did a step: a later one has sent the case back to it, and why."""
    return N_("退回重办：%(step)s"), N_(
        "%(by)s已将“%(title)s”（%(number)s）从“%(from)s”退回到“%(step)s”，请重新办理。理由：%(reason)s。办理期限：%(due)s。"
    )


def task_called_off(_params: Mapping[str, Any]) -> Words:
    """To whoever had another task of a case that was sent back to a step before: theirs is over, and why."""
    return N_("任务已终止：%(step)s"), N_(
        "%(by)s已将“%(title)s”（%(number)s）从“%(from)s”退回到“%(to)s”，您的“%(step)s”随之终止，重新办到时再通知您。理由：%(reason)s。"
    )


def task_taken_back(_params: Mapping[str, Any]) -> Words:
    """To whoever could take the next task: it is gone, because whoever did the step before has taken it back."""
    return N_("任务已被取回：%(step)s"), N_("%(by)s已取回“%(title)s”（%(number)s）的“%(from)s”，您暂时无须办理“%(step)s”。")


def signature_asked(_params: Mapping[str, Any]) -> Words:
    """To whoever is asked to sign somebody's task: by whom, and why."""
    return N_("加签任务：%(step)s"), N_(
        "%(by)s请您对“%(title)s”（%(number)s）的“%(step)s”加签，提出意见。理由：%(reason)s。办理期限：%(due)s。"
    )


def signature_given(_params: Mapping[str, Any]) -> Words:
    """To whoever asked: the opinion is there."""
    return N_("加签意见：%(step)s"), N_("%(by)s已对“%(title)s”（%(number)s）的“%(step)s”提出加签意见：%(opinion)s。%(reason)s")


def signature_declined(_params: Mapping[str, Any]) -> Words:
    """To whoever asked: there will be no opinion, and why."""
    return N_("加签被谢绝：%(step)s"), N_("%(by)s谢绝对“%(title)s”（%(number)s）的“%(step)s”加签。理由：%(reason)s")


def signature_waived(_params: Mapping[str, Any]) -> Words:
    """To whoever was asked: they need say nothing more."""
    return N_("加签已撤销：%(step)s"), N_("%(by)s已撤销对“%(title)s”（%(number)s）“%(step)s”的加签，无须您再提出意见。")


def signatures_objected(_params: Mapping[str, Any]) -> Words:
    """To whoever sent a form that others sign after them: one did not agree, and it is theirs again."""
    return N_("后加签未同意：%(step)s"), N_(
        "%(by)s未同意您提交的“%(title)s”（%(number)s）的“%(step)s”，该任务已回到您名下，您填写的内容仍在。%(reason)s"
    )


def shortlisted(_params: Mapping[str, Any]) -> Words:
    """To the applicant: shortlisted, with place and time of what follows."""
    return N_("遴选结果：入围"), N_("您的申报（%(number)s）已入围。%(words)s")


def not_shortlisted(_params: Mapping[str, Any]) -> Words:
    """To the applicant: not shortlisted, and why."""
    return N_("遴选结果：未入围"), N_("您的申报（%(number)s）未入围。%(words)s")


def recheck_failed(_params: Mapping[str, Any]) -> Words:
    """To the applicant: did not pass the second look at the originals; a remedy follows as a task."""
    return N_("面试资格复审结果"), N_("您的申报（%(number)s）面试资格复审未通过。%(words)s")


def to_be_inspected(_params: Mapping[str, Any]) -> Words:
    """To the applicant: within the headcount, the inspection follows."""
    return N_("遴选结果：进入考察"), N_("您的申报（%(number)s）进入体检、考察与档案审核。%(words)s")


def reserve_listed(_params: Mapping[str, Any]) -> Words:
    """To the applicant: on the reserve list until the post has its result."""
    return N_("遴选结果：候补"), N_("您的申报（%(number)s）列为候补，保留至该岗位有结论。%(words)s")


def ranked_out(_params: Mapping[str, Any]) -> Words:
    """To the applicant: without a valid total."""
    return N_("遴选结果：未入选"), N_("您的申报（%(number)s）未入选。%(words)s")


def round_extended(_params: Mapping[str, Any]) -> Words:
    """To everybody who applied: the window stays open longer."""
    return N_("报名时间延长：%(title)s"), N_("“%(title)s”报名延长至 %(close_at)s，您的申报继续有效。")


def round_cancelled(_params: Mapping[str, Any]) -> Words:
    """To everybody who applied: the round is cancelled."""
    return N_("遴选批次取消：%(title)s"), N_("“%(title)s”已取消。理由：%(reason)s")


def applications_open(_params: Mapping[str, Any]) -> Words:
    """To the personnel office: long after the close, some qualifications are still open."""
    return N_("仍有未办结的资格审查：%(title)s"), N_("“%(title)s”报名截止已满规定时间，仍有 %(count)s 件没有结论：%(items)s")


def round_waits(_params: Mapping[str, Any]) -> Words:
    """To the personnel office, monthly: posts without a result."""
    return N_("遴选批次尚有岗位没有结论：%(title)s"), N_("“%(title)s”仍有 %(count)s 名进入考察或候补的人员等待结论。")


#: Every wording by its kind.
KINDS: Mapping[str, Callable[[Mapping[str, Any]], Words]] = {
    worded.__name__: worded
    for worded in (
        email_confirmation, second_factor_added, second_factor_removed, passkey_added, passkey_removed, passkey_doubted,
        signature_kept, signature_withdrawn,
        application_received, task_opened, task_delegated, delegation_returned, delegation_declined,
        delegation_recalled, proxy_granted, proxy_granted_for, proxy_revoked, task_for_another, task_assigned, task_handed_over,
        nobody_fits, task_urged,
        case_copied, case_copied_by_rule, remark_mentioned, remark_made, correction_asked, not_qualified, qualified,
        publicity_published, appointed, researcher_appointed, term_ending, case_ended,
        task_due_soon, task_overdue, overdue_reported, incident_raised, incident_left, case_suspended, case_resumed,
        case_cancelled, case_withdrawn, case_rewound, task_sent_back, task_called_off, task_taken_back, signature_asked,
        signature_given, signature_declined, signature_waived, signatures_objected, shortlisted, not_shortlisted,
        recheck_failed, to_be_inspected,
        reserve_listed, ranked_out, round_extended, round_cancelled, applications_open, round_waits,
    )
}


@dataclass(frozen=True)
class Message:
    """One notice to be queued for several people."""

    #: Person id -> whether mail may go to their confirmed address.
    people: Mapping[int, bool]
    #: A key of ``KINDS``.
    kind: str
    params: Mapping[str, Any]
    #: Task number, for the link.
    task: str | None = None
    #: Case that it links to, if not the one whose act caused it.
    instance: str | None = None


def queue(session: Session, messages: Iterable[Message], *, at: datetime, instance: str | None = None) -> None:
    """Queue notices in the caller's transaction, in one statement."""
    queue_rows(session, rows(messages, at=at, instance=instance))


def rows(messages: Iterable[Message], *, at: datetime, instance: str | None = None) -> list[dict[str, Any]]:
    """One row a person and notice."""
    return [
        {
            "person_id": person_id, "kind": KINDS[message.kind].__name__, "params": dict(message.params),
            "instance": message.instance or instance, "task": message.task, "made_at": at, "mail_state": "queued" if mailable else "none",
            "message_id": f"<{secrets.token_hex(16)}@jiaoyan>", "next_try_at": at, "tries": 0,
        }
        for message in messages
        for person_id, mailable in message.people.items()
    ]


_QUEUED = Prepared(insert(table(Notice)))


def queue_rows(session: Session, rows: list[dict[str, Any]]) -> None:
    """Queue what ``rows`` made, of one instance or of many, in one statement."""
    if rows:
        _QUEUED(session, rows)


@dataclass(frozen=True)
class NoticeView:
    """One notice for a page: title and body are message ids with their params."""

    id: int
    title: str
    body: str
    params: Mapping[str, Any]
    instance: str | None
    task: str | None
    made_at: datetime
    read_at: datetime | None


def _view(row: Notice) -> NoticeView:
    title, body = KINDS[row.kind](row.params)
    return NoticeView(row.id, title, body, row.params, row.instance, row.task, row.made_at, row.read_at)


def inbox_notices(session: Session, person_id: int, *, page: int = 1, size: int = 30) -> tuple[list[NoticeView], int]:
    """A person's notices, newest first, and how many there are."""
    where = (Notice.person_id == person_id, Notice.kind != "email_confirmation")
    total = session.execute(select(func.count()).select_from(Notice).where(*where)).scalar_one()
    rows = session.execute(
        select(Notice).where(*where).order_by(Notice.made_at.desc(), Notice.id.desc()).limit(size).offset((page - 1) * size)
    ).scalars()
    return [_view(row) for row in rows], total


_UNREAD = (
    select(Notice.id)
    .where(Notice.person_id == bindparam("person"), Notice.read_at.is_(None), Notice.kind != "email_confirmation")
    .limit(COUNTED)
    .subquery()
)
_UNREAD_COUNT = select(func.count()).select_from(_UNREAD)


def unread_count(session: Session, person_id: int) -> int:
    """How many notices a person has not read, at most ``COUNTED``; asked for every page."""
    return int(session.connection().execute(_UNREAD_COUNT, {"person": person_id}).scalar_one())


def mark_read(db: Database, person_id: int, notice_id: int | None, *, at: datetime) -> None:
    """Mark one notice of a person as read, or all of them."""
    with db.write() as session:
        statement = update(Notice).where(Notice.person_id == person_id, Notice.read_at.is_(None))
        if notice_id is not None:
            statement = statement.where(Notice.id == notice_id)
        session.execute(statement.values(read_at=at))


def deliver(db: Database, settings: Settings, translate: Callable[[str], Translate], *, at: datetime) -> int:
    """Send queued mail that is due; returns how many were sent.

    Each notice is claimed by moving its next try, then sent, then marked: a crash in between sends it again under the
    same Message-ID, so that mail programs show it once. ``translate`` gives the wording function for a language.
    """
    if not settings.smtp:
        return 0
    sent = 0
    while (claimed := _claim(db, at)) is not None:
        notice, address, language = claimed
        error = _send(settings, _compose(notice, address, translate(language), settings))
        with db.write() as session:
            if error is None:
                sent += 1
                values: dict[str, Any] = {"mail_state": "sent", "error": None}
            else:
                values = {"error": error[:500], "mail_state": "failed" if notice.tries > len(_RETRIES) else "queued"}
            session.execute(update(Notice).where(Notice.id == notice.id).values(**values))
    return sent


def _claim(db: Database, at: datetime) -> tuple[Notice, str, str] | None:
    """The next mail that is due, taken for the time of one attempt; what has nowhere to go is put aside."""
    due = (
        select(Notice, Person.email, Account.language)
        .join(Person, Person.id == Notice.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(Notice.mail_state == "queued", or_(Notice.next_try_at.is_(None), Notice.next_try_at <= at))
        .order_by(Notice.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Notice)
    )
    with db.write() as session:
        while True:
            row = session.execute(due).one_or_none()
            if row is None:
                return None
            notice, address, language = row
            # A new address is asked at that address, before it is the person's.
            address = str(notice.params.get("address") or address or "")
            if address:
                break
            notice.mail_state = "none"
            session.flush()
        notice.tries += 1
        notice.next_try_at = at + timedelta(minutes=_RETRIES[min(notice.tries, len(_RETRIES)) - 1])
        session.flush()
        session.expunge(notice)
        return notice, address, language


def _compose(notice: Notice, address: str, translate: Translate, settings: Settings) -> EmailMessage:
    title, body = KINDS[notice.kind](notice.params)
    params = {**notice.params, "base_url": settings.base_url}
    message = EmailMessage()
    message["Subject"] = translate(title, params).replace("\n", " ").replace("\r", " ")
    message["From"], message["To"] = settings.mail_from, address
    message["Message-ID"] = notice.message_id
    message["Date"] = format_datetime(notice.made_at.astimezone(OFFICE_ZONE))
    text = translate(body, params)
    if notice.instance:
        text += f"\n\n{settings.base_url}/instances/{notice.instance}"
    message.set_content(text)
    return message


def _send(settings: Settings, message: EmailMessage) -> str | None:
    host, _, port = settings.smtp.partition(":")
    try:
        with smtplib.SMTP(host, int(port or 25), timeout=20) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None
