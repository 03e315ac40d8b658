"""What can have happened: every kind of event, spelt ``subject:past``, with the words an auditor reads."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from workflows.errors import N_


class _Labelled(StrEnum):
    """A stored value with the words that people read."""

    label: str

    def __new__(cls, value: str, label: str) -> Self:
        """Carry the Chinese label beside the stored value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


class Kind(_Labelled):
    """Kinds of event. A new act gets a new member here; a test holds each to ``subject:past`` and to its words."""

    OFFICE_CREATED = "office:created", N_("建立数据目录")
    CLOCK_MOVED = "clock:moved", N_("调整演示时钟")

    DEFINITION_DEPLOYED = "definition:deployed", N_("部署流程定义")
    DEFINITION_EXPORTED = "definition:exported", N_("导出流程定义")
    PACK_DEPLOYED = "pack:deployed", N_("部署政策规则包")

    INSTANCE_STARTED = "instance:started", N_("发起办件")
    TASK_COMPLETED = "task:completed", N_("办理环节")
    TASK_CLAIMED = "task:claimed", N_("认领任务")
    TASK_UNCLAIMED = "task:unclaimed", N_("取消认领")
    TASK_REASSIGNED = "task:reassigned", N_("改派任务")
    TASK_TRANSFERRED = "task:transferred", N_("转办任务")
    TASK_DELEGATED = "task:delegated", N_("委派任务")
    TASK_HANDED_BACK = "task:handed_back", N_("办后返回")
    TASK_DECLINED = "task:declined", N_("谢绝委派")
    TASK_RECALLED = "task:recalled", N_("收回委派")
    TASK_ASSIGNED = "task:assigned", N_("指派任务")
    TASK_HANDED_OVER = "task:handed_over", N_("离岗交接任务")
    TASK_URGED = "task:urged", N_("催办")
    TASK_PRIORITISED = "task:prioritised", N_("设定紧急程度")
    CASE_COPIED = "case:copied", N_("抄送")
    COPY_READ = "copy:read", N_("阅知抄送")
    REMARK_ADDED = "remark:added", N_("留言")
    PROXY_REFUSED = "proxy:refused", N_("代办授权失效后提交，未生效")
    TASK_SENT_BACK = "task:sent_back", N_("退回")
    TASK_TAKEN_BACK = "task:taken_back", N_("取回")
    TASK_SUBMITTED = "task:submitted", N_("提交，待后加签")
    SIGNERS_ADDED = "signers:added", N_("加签")
    SIGNER_REMOVED = "signer:removed", N_("减签")
    SIGNER_SIGNED = "signer:signed", N_("加签意见")
    SIGNER_DECLINED = "signer:declined", N_("谢绝加签")
    INSTANCE_SUSPENDED = "instance:suspended", N_("暂停办件")
    INSTANCE_RESUMED = "instance:resumed", N_("恢复办件")
    INSTANCE_CANCELLED = "instance:cancelled", N_("终止办理")
    INSTANCE_WITHDRAWN = "instance:withdrawn", N_("撤回申请")
    INSTANCE_REWOUND = "instance:rewound", N_("退回到先前环节")
    INSTANCE_MIGRATED = "instance:migrated", N_("改按新版流程办理")
    MESSAGE_SENT = "message:sent", N_("发送消息")
    MESSAGE_RECEIVED = "message:received", N_("收到消息")
    MATTER_REPORTED = "matter:reported", N_("登记事项")
    MESSAGE_EXPIRED = "message:expired", N_("消息逾期无人接收")
    SIGNAL_SENT = "signal:sent", N_("广播信号")
    SIGNAL_RECEIVED = "signal:received", N_("收到信号")
    CALL_RETURNED = "call:returned", N_("被调用流程返回")
    CALL_REPORTED = "call:reported", N_("被调用流程上报")
    INCIDENT_RAISED = "incident:raised", N_("流程异常")
    INCIDENT_RETRIED = "incident:retried", N_("重试流程异常")
    INCIDENT_RESOLVED = "incident:resolved", N_("流程异常已消除")
    JOB_STARTED = "job:started", N_("发起后台任务")
    JOB_CANCELLED = "job:cancelled", N_("取消后台任务")
    TIMER_FIRED = "timer:fired", N_("期限届满，系统处理")
    TASK_REMINDED = "task:reminded", N_("到期提醒")
    TASK_ESCALATED = "task:escalated", N_("超期催办并报告")
    DEADLINE_RECOMPUTED = "deadline:recomputed", N_("重新计算期限")

    INPUT_REJECTED = "input:rejected", N_("提交被退回，未予受理")
    DRAFT_DISCARDED = "draft:discarded", N_("删除草稿")
    CASE_VIEWED = "case:viewed", N_("查看办件卷宗")
    FIELD_UNMASKED = "field:unmasked", N_("查看隐去的个人信息")
    FILE_VIEWED = "file:viewed", N_("查看佐证材料")
    RECORD_EXPORTED = "record:exported", N_("导出办理留痕")
    ACCESS_REFUSED = "access:refused", N_("越权访问被拒绝")

    FOLLOW_UP_SCHEDULED = "follow_up:scheduled", N_("设定跟进日期")
    FILTER_SAVED = "filter:saved", N_("保存筛选条件")
    FILTER_DELETED = "filter:deleted", N_("删除筛选条件")

    PERSON_REGISTERED = "person:registered", N_("申请人注册")
    PERSON_CREATED = "person:created", N_("登记人员")
    ACCOUNT_CREATED = "account:created", N_("开通账号")
    ACCOUNT_LOCKED = "account:locked", N_("账号锁定")
    ACCOUNT_UNLOCKED = "account:unlocked", N_("账号解锁")
    ACCOUNT_DISABLED = "account:disabled", N_("停用账号")
    ACCOUNT_ENABLED = "account:enabled", N_("启用账号")
    EMAIL_CONFIRMED = "email:confirmed", N_("确认邮箱")
    PASSWORD_CHANGED = "password:changed", N_("修改密码")
    CONTACT_CHANGED = "contact:changed", N_("变更联系方式")
    SIGNATURE_KEPT = "signature:kept", N_("留存手写签名图样")
    SIGNATURE_WITHDRAWN = "signature:withdrawn", N_("停用手写签名图样")
    SECOND_FACTOR_ADDED = "second_factor:added", N_("启用二次验证")
    SECOND_FACTOR_REMOVED = "second_factor:removed", N_("关闭二次验证")
    SECOND_FACTOR_CLEARED = "second_factor:cleared", N_("重置他人的二次验证")
    SECOND_FACTOR_REFUSED = "second_factor:refused", N_("二次验证未通过")
    RECOVERY_CODES_RENEWED = "recovery_codes:renewed", N_("更换恢复码")
    RECOVERY_CODE_USED = "recovery_code:used", N_("使用恢复码")
    IDENTITY_PROVED = "identity:proved", N_("再次确认身份")
    IDENTITY_DOUBTED = "identity:doubted", N_("再次确认身份未通过")
    PASSKEY_ADDED = "passkey:added", N_("添加通行密钥")
    PASSKEY_REMOVED = "passkey:removed", N_("删除通行密钥")
    PASSKEY_DOUBTED = "passkey:doubted", N_("通行密钥疑被复制，未予通过")
    SIGN_IN_SUCCEEDED = "sign_in:succeeded", N_("登录")
    SIGN_IN_FAILED = "sign_in:failed", N_("登录失败")
    SIGN_IN_ENDED = "sign_in:ended", N_("退出登录")

    ORGANISATION_CREATED = "organisation:created", N_("登记单位")
    ROLE_GRANTED = "role:granted", N_("授予角色")
    ROLE_REVOKED = "role:revoked", N_("收回角色")
    PROXY_GRANTED = "proxy:granted", N_("代办授权")
    PROXY_REVOKED = "proxy:revoked", N_("撤销代办授权")
    REGISTER_IMPORTED = "register:imported", N_("导入台账")
    REGISTER_EXPORTED = "register:exported", N_("导出台账")
    ROUND_OPENED = "round:opened", N_("发布遴选批次")
    ROUND_CHANGED = "round:changed", N_("变更遴选批次")
    BLIND_NUMBERS_OPENED = "blind_numbers:opened", N_("启封密号")
    RESEARCHER_APPOINTED = "researcher:appointed", N_("登记教研员名册")
    RESEARCHER_REMINDED = "researcher:reminded", N_("聘期届满提醒")
    NOTICE_PUBLISHED = "notice:published", N_("发布公告公示")
    PAYLOAD_ERASED = "payload:erased", N_("依法删除内容")


class ActorKind(_Labelled):
    """Who decided. A machine never carries a person's name."""

    PERSON = "person", N_("本人")
    PROXY = "proxy", N_("代办")
    ADMINISTRATOR = "administrator", N_("管理员")
    RULE = "rule", N_("规则自动")
    TIMEOUT = "timeout", N_("到期自动")
    IMPORT = "import", N_("批量导入")
