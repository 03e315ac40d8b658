"""What can be refused: one class a refusal, each with its code and the sentence the person reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


def N_(message: str) -> str:
    """Mark ``message`` (Chinese) as a translatable sentence; the pages translate it when they show it."""
    return message


class Refusal(Exception):
    """Something a person asked for that is not done, and why.

    ``message`` is the Chinese sentence and message id, with ``%(name)s`` places filled from ``params``;
    ``status`` the HTTP status under which the pages show it; ``code`` the office's error code where it has one.
    """

    code: str = "E_REFUSED"
    status: int = 409
    message: str = N_("不能办理")

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.message % params)


class NotFound(Refusal):
    """The thing does not exist, or the person may not know whether it does."""

    code, status, message = "E_NOT_FOUND", 404, N_("没有找到您要的内容")


class Forbidden(Refusal):
    """The person may not do this (domain.md 3.0.3, E_FORBIDDEN); the content of the case is not shown."""

    code, status, message = "E_FORBIDDEN", 403, N_("您没有办理该事项的权限")


class TaskAlreadyDone(Refusal):
    """Somebody else was first (E_STALE)."""

    code, message = "E_STALE", N_("该事项已由%(name)s于%(time)s办理")


class InstanceMoved(Refusal):
    """The instance changed between reading and writing: nothing was written, the person may try again."""

    code, message = "E_STALE", N_("该办件刚刚有了新的进展，请刷新后再试")


class TaskNotOpen(Refusal):
    """The step is not waiting for anybody: it was finished, cancelled, or never reached."""

    code, message = "E_STALE", N_("该环节当前不能办理")


class OwnCase(Refusal):
    """Nobody reviews their own application (domain.md 3.0.2)."""

    code, status, message = "E_FORBIDDEN", 403, N_("不能办理本人的申请")


class SeparationOfDuty(Refusal):
    """Nobody acts in two consecutive review tasks of one case (domain.md 3.0.2)."""

    code, status, message = "E_FORBIDDEN", 403, N_("您已办理过本办件的“%(step)s”环节，本环节须由另一人办理")


class Recused(Refusal):
    """The person withdrew from the task because of a conflict of interest; it is with the others."""

    code, status, message = "E_FORBIDDEN", 403, N_("您已申请回避，“%(step)s”已转由他人办理")


class HeldByAnother(Refusal):
    """The task is claimed by somebody else."""

    code, message = "E_STALE", N_("该任务已由%(name)s认领")


class WindowClosed(Refusal):
    """The application window has closed (E_WINDOW)."""

    code, status, message = "E_WINDOW", 422, N_("申报时间已截止（%(date)s）")


class WindowNotOpen(Refusal):
    """The application window has not opened yet (E_WINDOW)."""

    code, status, message = "E_WINDOW", 422, N_("申报尚未开始（%(date)s起）")


class DuplicateCase(Refusal):
    """The same person already has an open case in the round (E_DUPLICATE)."""

    code, status, message = "E_DUPLICATE", 422, N_("已有办理中的申请：%(number)s")


class NothingAwaited(Refusal):
    """What somebody reports to a case is not awaited there now: too early, too late, or reported already."""

    code, message = "E_STALE", N_("该办件现在不接受“%(step)s”的登记")


class AppointmentNumberTaken(Refusal):
    """The number of a document of appointment stands in the register already."""

    code, status, message = "E_DUPLICATE", 422, N_("聘任文号 %(number)s 已经登记过，请核对")


class InputRejected(Refusal):
    """The form was not accepted; ``params['fields']`` lists (field path, code) without the values."""

    code, status, message = "E_FORMAT", 422, N_("表单中有 %(count)s 处需要更正")


class RolesExcludeEachOther(Refusal):
    """One account may not hold two of the administrators' roles: who runs the system, who gives rights, who audits (三员分立)."""

    code, message = "E_ROLES", N_("系统管理员、安全管理员、审计员须由不同的人担任")


class OwnRights(Refusal):
    """Nobody gives or ends a right of their own, or changes their own account as an administrator."""

    code, status, message = "E_ROLES", 403, N_("不能变更自己的角色和账号状态，请由另一位安全管理员办理")


class TimersWithoutEnd(Refusal):
    """A case whose timers fire again and again at one moment: it circles without letting time pass."""

    code, message = "E_INCIDENT", N_("办件的定时事件在同一时刻连续触发了 %(count)s 次，可能在“%(step)s”附近无限循环")


class ActionNotAllowed(Refusal):
    """The diagram does not let people do this with a step (``jiaoyan:actions``)."""

    code, status, message = "E_ACTION", 403, N_("流程规定“%(step)s”环节不能%(act)s")


class NotTransferable(Refusal):
    """A task stays with its office, and goes to nobody who may not take it; what is a person's own goes to nobody."""

    code, message = "E_TRANSFER", N_("“%(step)s”不能转给%(name)s办理：%(why)s")


class NotDelegable(Refusal):
    """A task is delegated within its office, and to nobody who may not take it."""

    code, message = "E_DELEGATE", N_("“%(step)s”不能委派给%(name)s办理：%(why)s")


class PersonUnknown(Refusal):
    """Nobody within reach is called what was typed."""

    code, status, message = "E_PERSON", 422, N_("没有找到这位同事，请输入姓名或从提示中选择")


class PersonUnclear(Refusal):
    """Several people are called what was typed."""

    code, status, message = "E_PERSON", 422, N_("有多人符合，请选择其中一位：%(names)s")


class TaskNotHeld(Refusal):
    """Only who holds a task can delegate it: it must come back to somebody."""

    code, message = "E_DELEGATE", N_("请先认领该任务，再委派他人办理")


class TaskDelegated(Refusal):
    """The task is with somebody who was asked to work on it: nobody completes it or passes it on until it is back."""

    code, message = "E_DELEGATED", N_("该任务由%(owner)s委派给%(name)s办理，返回或收回后由%(owner)s继续办理")


class DelegationOver(Refusal):
    """The task was handed back or taken back in the meantime."""

    code, message = "E_STALE", N_("该委派已经结束（已返回或已收回）")


class NotReturnable(Refusal):
    """A step from which the diagram lets nobody send the case back, or not to that step (退回)."""

    code, message = "E_RETURN", N_("“%(step)s”不能退回到“%(to)s”：%(why)s")


class NotTakenBack(Refusal):
    """What somebody has done stays done: somebody acted on it since, or it went out (取回)."""

    code, message = "E_TAKE_BACK", N_("“%(step)s”已不能取回：%(why)s")


class NotSignable(Refusal):
    """A task for which nobody is asked to sign, or not that person (加签)."""

    code, message = "E_SIGNER", N_("“%(step)s”不能请%(name)s加签：%(why)s")


class SignatureNotPassedOn(Refusal):
    """Whoever is asked for their opinion gives it themselves, or declines."""

    code, message = "E_SIGNER", N_("“%(step)s”的加签意见须由本人提出，不能转办、委派或再请人加签；不便提出的可以谢绝")


class TooManySigners(Refusal):
    """So many people sign one task at most."""

    code, status, message = "E_SIGNER", 422, N_("一个任务最多请 %(most)s 人加签")


class SignersOpen(Refusal):
    """The task waits for the opinions of those who were asked to sign."""

    code, message = "E_SIGNER", N_("该任务还在等待加签意见：%(names)s")


class NotYourSigner(Refusal):
    """Only whoever asked somebody to sign takes that back (减签)."""

    code, status, message = "E_SIGNER", 403, N_("只能减去本人所加的签：该加签由%(name)s提出")


class AlreadySigned(Refusal):
    """An opinion that was given stays; an asking that is over cannot be taken back."""

    code, message = "E_STALE", N_("%(name)s的加签已经办结，不能再减签")


class ProxyUnfit(Refusal):
    """Somebody who cannot do another's work for them (代办授权), and why."""

    code, message = "E_PROXY", N_("不能授权%(name)s代办：%(why)s")


class ProxyDays(Refusal):
    """A proxy stands in from today or later, for a limited time."""

    code, status, message = "E_PROXY", 422, N_("代办授权从今天或以后开始，首尾不超过 %(days)s 天")


class ProxyScope(Refusal):
    """A proxy for some processes needs to say which."""

    code, status, message = "E_PROXY", 422, N_("请至少选择一个代办的事项，或选择全部事项")


class ProxyOverlaps(Refusal):
    """The same person stands in for one already on some of these days, for some of these processes."""

    code, message = "E_PROXY", N_("%(name)s在 %(from_on)s 至 %(to_on)s 已有您的代办授权，请先撤销再重新授权")


class ProxyOver(Refusal):
    """Whoever stood in for somebody does no longer, or the other may no longer do it themselves."""

    code, message = "E_PROXY", N_("不能再代%(name)s办理该任务：代办授权已结束，或%(name)s本人已不能办理")


class ProxyNotPassedOn(Refusal):
    """A proxy does the work and nothing else with it: handing it on is for the one whose work it is."""

    code, message = "E_PROXY", N_("该任务由您代%(name)s办理，不能认领、转办或委派；请办理，或由%(name)s本人处理")


class NotAssignable(Refusal):
    """An administrator cannot give a task to somebody (指派), and why."""

    code, message = "E_ASSIGN", N_("“%(step)s”不能指派给%(name)s：%(why)s")


class HandOverNeeds(Refusal):
    """A hand-over (离岗交接) needs other people to hand over to."""

    code, status, message = "E_HAND_OVER", 422, N_("请选择 1 至 %(most)s 位接手人，不能是离岗者本人")


class NobodyFits(Refusal):
    """No person holds the role that a step asks for."""

    code, message = "E_NOBODY", N_("没有可以办理“%(step)s”的人员，请联系管理员")


class CalledProcessMissing(Refusal):
    """A call activity names a process that nobody has deployed."""

    code, message = "E_CALL", N_("要调用的流程“%(process)s”尚未部署")


class CalledTooDeep(Refusal):
    """Processes call each other deeper than any sensible diagram has: they call in a circle."""

    code, message = "E_CALL", N_("流程逐级调用已达 %(count)s 层，可能在循环调用“%(process)s”")


class CalledTooOften(Refusal):
    """Processes that call themselves have made more cases of one than any sensible diagram does."""

    code, message = "E_CALL", N_("流程“%(process)s”循环调用自身，已发起 %(count)s 个办件")


class SignInRefused(Refusal):
    """Unknown name, wrong password, locked or disabled: one answer for all four."""

    code, status, message = "E_SIGN_IN", 401, N_("账号或密码不正确，或账号已被暂时锁定")


class CodeRefused(Refusal):
    """A one-time or recovery code that does not fit, was used before, or came too late."""

    code, status, message = "E_CODE", 401, N_("验证码不正确、已经用过或已过期；连续输错会暂时锁定账号")


class IdentityRefused(Refusal):
    """Neither the password nor the code with which somebody proves who they are was right."""

    code, status, message = "E_IDENTITY", 401, N_("密码或验证码不正确，或账号已被暂时锁定")


class PasskeyRefused(Refusal):
    """A passkey's answer proves nothing: another site's, another person's, an old page's, used before, or without PIN or finger.

    The same words for an account that is disabled or locked.
    """

    code, status, message = "E_PASSKEY", 401, N_("通行密钥未通过验证，或账号已被暂时锁定；请再试一次，仍不成功时请用密码登录")


class PasswordFirst(Refusal):
    """Somebody with this role gives the password before the passkey; a passkey alone does not sign them in."""

    code, status, message = "E_PASSKEY", 401, N_("按本单位的规定，您须先输入密码，再用通行密钥完成登录")


class PasskeyNameNeeded(Refusal):
    """A passkey has a name by which its owner knows it again."""

    code, status, message = "E_PASSKEY", 422, N_("请为通行密钥取一个名称（1 至 %(most)s 个字），便于以后辨认")


class TooManyPasskeys(Refusal):
    """An account has so many passkeys at most."""

    code, message = "E_PASSKEY", N_("一个账号最多添加 %(most)s 个通行密钥，请先删除不用的")


class SecondFactorStands(Refusal):
    """The account has a second factor already: it is taken off before another one is set up."""

    code, message = "E_SECOND_FACTOR", N_("二次验证已经启用")


class SecondFactorNeeded(Refusal):
    """The three administrators sign in with two factors (GB/T 22239): theirs is exchanged, never taken off."""

    code, message = "E_SECOND_FACTOR", N_("您的角色必须使用二次验证，不能关闭")


class NoSecondFactor(Refusal):
    """The account has no second factor that could be taken off or renewed."""

    code, message = "E_SECOND_FACTOR", N_("该账号没有启用二次验证")


class PurposeNeeded(Refusal):
    """Personal data is opened for a purpose that is written down (domain.md 3.0.9)."""

    code, status, message = "E_PURPOSE", 422, N_("请写明查看个人信息的用途，至少 %(count)s 个字")


class PasswordRefused(Refusal):
    """A new password that is too short, too common or one of the last."""

    code, status, message = "E_PASSWORD", 422, N_("密码至少 12 位，不能是常见密码，也不能是最近用过的密码")


class AccountExists(Refusal):
    """The phone number already has an account."""

    code, status, message = "E_ACCOUNT", 422, N_("该手机号已注册")


class LinkExpired(Refusal):
    """A confirmation link that is unknown, used or too old."""

    code, status, message = "E_LINK", 410, N_("链接已失效，请重新申请")


class FileRefused(Refusal):
    """An upload of the wrong type or size, or empty (E_FILE)."""

    code, status, message = "E_FILE", 422, N_("附件类型或大小不符合要求")


class SignatureUnreadable(FileRefused):
    """A picture that is no signature: too large, no PNG or JPEG, too small, or nothing is written on it."""

    message = N_("请选择 200 kB 以内、写有签名的 PNG 或 JPEG 图片")


class SignatureOfAnother(Refusal):
    """Nobody keeps or uses the picture of another's signature (手写签名图样), also not for somebody whom they stand in for."""

    code, status, message = "E_SIGNATURE", 403, N_("该手写签名图样属于另一人，只能使用本人的签名图样")


class SignatureEnded(Refusal):
    """A picture of one's signature that was withdrawn meanwhile, or another took its place."""

    code, message = "E_SIGNATURE", N_("该手写签名图样已停用，请改用正在使用的图样后重新提交")


class NoSignature(Refusal):
    """A signature was to be withdrawn, and none is kept."""

    code, message = "E_SIGNATURE", N_("没有正在使用的手写签名图样")


class PaperUnavailable(Refusal):
    """The machine lacks the library that sets PDF files; every page can still be printed by the browser."""

    code, message = "E_PAPER", N_("这台服务器还不能生成 PDF，请用浏览器的打印；管理员可按 dev.py 的提示安装所缺的组件")


class ClockNotMovable(Refusal):
    """Only the clock of a demo data directory can be moved."""

    code, message = "E_CLOCK", N_("只有演示数据目录的时钟可以调整")


class DemoStaysHere(Refusal):
    """A demo shows its people's passwords, so it is served on this machine's own address only."""

    code, status, message = "E_DEMO", 403, N_("演示数据目录只能在本机地址（127.0.0.1）上提供服务")


class DraftConflict(Refusal):
    """The draft was saved elsewhere in the meantime."""

    code, message = "E_DRAFT", N_("草稿已在另一处保存（%(time)s），请刷新后再修改")


class CalendarUnknown(Refusal):
    """A working-day count enters a year whose official holiday notice is not loaded."""

    code, message = "E_CALENDAR", N_("%(year)s 年的工作日安排尚未载入")


class InstanceSuspended(Refusal):
    """The case is suspended: nothing in it moves until it is resumed."""

    code, message = "E_SUSPENDED", N_("该办件已暂停，恢复办理后才能继续")


class InstanceNotSuspended(Refusal):
    """Only a suspended case can be resumed."""

    code, message = "E_STALE", N_("该办件没有暂停，无须恢复")


class InstanceEnded(Refusal):
    """The case is over: it reached an end, was cancelled or withdrawn."""

    code, message = "E_STALE", N_("该办件已经结束，不能再变更")


class CalledInstance(Refusal):
    """A case that another one called is held, ended and withdrawn with its caller only."""

    code, message = "E_CALLED", N_("本办件由办件 %(number)s 发起，请在该办件上操作")


class ReasonNeeded(Refusal):
    """An act on a whole case needs its reason in words."""

    code, status, message = "E_REASON", 422, N_("请说明理由（至少 %(count)s 个字，不超过 %(most)s 个字）")


class NotWithdrawable(Refusal):
    """The diagram says nothing about 撤回申请, so the process has none."""

    code, message = "E_WITHDRAW", N_("“%(process)s”不能撤回申请")


class WithdrawnTooLate(Refusal):
    """The case has passed the point until which its diagram lets the applicant withdraw."""

    code, message = "E_WITHDRAW", N_("办件已过可以撤回申请的阶段（现在：%(step)s），如确需退出，请联系办理单位")


class NumberUnfit(Refusal):
    """The rule for the numbers of a process gives none that fits: an incident, nothing started."""

    code, message = "E_INCIDENT", N_("流程“%(process)s”的编号规则没有得出可用的编号序列")


class OrderFailed(Refusal):
    """The order of a service task could not be carried out: an incident, nothing moved."""

    code, message = "E_INCIDENT", N_("“%(step)s”的自动办理（%(order)s）没有成功")


class CaseFailed(Refusal):
    """What the person asked for met an incident (流程异常): it is kept and tried again, and they need do nothing."""

    code = "E_INCIDENT"
    message = N_(
        "流程异常：办件 %(number)s 停在原处，暂时不能继续。您提交的内容已经保存，没有丢失；已通知系统管理员（异常编号 %(incident)s）"
    )


class StartFailed(Refusal):
    """The same for an application that could not be taken in yet."""

    code = "E_INCIDENT"
    message = N_(
        "流程异常：您的申报暂时不能受理。您提交的内容和提交时间已经保存，没有丢失；已通知系统管理员（异常编号 %(incident)s）"
    )


class IncidentOver(Refusal):
    """The incident has been resolved, has become moot, or was dismissed."""

    code, message = "E_STALE", N_("该流程异常已经了结")


class IncidentStands(Refusal):
    """A timer or a delivery that still has to act cannot be dismissed: it would be lost without a word."""

    code, message = "E_INCIDENT", N_("该事项仍须由系统办理，不能不再处理；请排除原因后重试，或终止该办件")


class JobOver(Refusal):
    """The job has ended, or is stopping already."""

    code, message = "E_JOB_OVER", N_("该作业已经结束")


class NobodySelected(Refusal):
    """A bulk start that would start nothing."""

    code, status, message = "E_NOBODY", 422, N_("所选范围内没有需要发起的人员")


class FormNeeded(Refusal):
    """A process whose start asks for a form cannot be started for others without what the form would say."""

    code, status, message = "E_FORM_NEEDED", 422, N_("流程“%(process)s”由申请人填表发起，不能批量发起")


class UrgedTooSoon(Refusal):
    """The same person has urged the same task a short while ago."""

    code, message = "E_URGED", N_("您已于 %(time)s 催办过，%(again)s 之后可以再次催办")


class UrgedEnough(Refusal):
    """The task has been urged as often as one day allows, by whomever."""

    code, message = "E_URGED", N_("该任务今天已被催办 %(count)s 次，明天起可以再次催办")


class OwnTask(Refusal):
    """Nobody urges themselves."""

    code, message = "E_URGED", N_("该任务在您的待办中，无须催办")


class NotUrgeable(Refusal):
    """Only the applicant, the office in charge and colleagues of the task's office urge it."""

    code, status, message = "E_FORBIDDEN", 403, N_("只有发起人、主管单位和承办单位的人员可以催办“%(step)s”")


class AlreadyCopied(Refusal):
    """Each person gets a case to read once."""

    code, message = "E_COPIED", N_("本办件已抄送过：%(names)s")


class NotCopied(Refusal):
    """A case is sent to people of one's own office only, and not to who is in it anyway."""

    code, message = "E_COPY", N_("本办件不能抄送给%(name)s：%(why)s")


class TooManyPeople(Refusal):
    """A case is sent to so many at once at most."""

    code, status, message = "E_COPY", 422, N_("一次最多抄送 %(most)s 人")


class RemarkNeeded(Refusal):
    """A remark that says nothing, or too much."""

    code, status, message = "E_REMARK", 422, N_("请写明留言内容（1 至 %(most)s 个字）")


class RemarkNotYours(Refusal):
    """Only whoever made a remark corrects it, by another one."""

    code, status, message = "E_REMARK", 403, N_("只能更正本人在本办件的留言")


class MentionUnknown(Refusal):
    """Who is named in a remark may not see the case, or would not see the remark."""

    code, status, message = "E_MENTION", 422, N_("“@%(text)s”不是能看到这条留言的人员：请核对姓名，或先把办件抄送给对方")


class NotPrioritised(Refusal):
    """How urgent a task is, is set by who holds it or may, and by the office in charge."""

    code, status, message = "E_FORBIDDEN", 403, N_("只有承办人和主管单位可以设定“%(step)s”的紧急程度")


class FilterNameNeeded(Refusal):
    """A filter is saved under a name."""

    code, status, message = "E_FILTER", 422, N_("请为筛选条件取一个名称（1 至 %(most)s 个字）")


class TooManyFilters(Refusal):
    """Nobody needs so many filters of their own."""

    code, message = "E_FILTER", N_("已保存 %(most)s 个筛选条件，请先删除不用的")


class DayPassed(Refusal):
    """A follow-up day lies ahead, and not beyond what anybody plans."""

    code, status, message = "E_FOLLOW_UP", 422, N_("跟进日期须在今天至 %(until)s 之间")


class NothingSelected(Refusal):
    """An act on several tasks without any."""

    code, status, message = "E_BULK", 422, N_("请先选择任务")


class TooManySelected(Refusal):
    """An act on more tasks than go at once."""

    code, status, message = "E_BULK", 422, N_("一次最多选择 %(most)s 项")


class NotInBulk(Refusal):
    """The diagram does not let a step be decided several at once, or not with that choice."""

    code, message = "E_BULK", N_("“%(step)s”不能批量办理为“%(choice)s”，请逐项办理")


class FormIncomplete(Refusal):
    """The form of one of several tasks asks for more than can be said for all of them."""

    code, message = "E_BULK", N_("“%(step)s”的表单还须逐项填写：%(fields)s")


@dataclass(frozen=True, order=True)
class Problem:
    """One defect of a diagram, table, form or pack, with its place."""

    #: Path of the file as the author knows it.
    file: str
    #: 1-based line, or 0 when the format has none.
    line: int
    #: Element id, component key or dotted key.
    element: str
    #: What is wrong and what to write instead.
    reason: str
    #: 1-based column inside an expression, or 0.
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place} [{self.element}] {self.reason}" if self.element else f"{place} {self.reason}"


class DefinitionRefused(Refusal):
    """A diagram, table, form or pack that is not deployed; ``problems`` lists every defect found."""

    code, status, message = "E_DEFINITION", 422, N_("定义未通过检查：%(count)s 处问题")

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(count=len(self.problems))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ImportRefused(Refusal):
    """A spreadsheet that was not imported; ``problems`` names row, column and reason. All or nothing."""

    code, status, message = "E_IMPORT", 422, N_("导入未执行：%(count)s 处需要更正")

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(count=len(self.problems))


class FactsRefused(Refusal):
    """Facts for a decision table that are missing or not of the table's kind."""

    code, status, message = "E_FACTS", 422, N_("%(fact)s：%(reason)s")


class UnknownTable(Refusal):
    """No decision of that name is deployed."""

    code, status, message = "E_TABLE", 404, N_("没有名为 %(table)s 的决策表")


def describe(refusal: Refusal) -> Mapping[str, Any]:
    """Return the refusal as plain data (code, message id, params) for a record entry or an API answer."""
    return {"code": refusal.code, "message": refusal.message, "params": dict(refusal.params)}
