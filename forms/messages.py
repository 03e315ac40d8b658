"""Sentences and codes of refusals beside a field (domain.md 3.0.3). The Chinese template is the message id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workflows.errors import N_

REQUIRED = ("E_REQUIRED", N_("请填写“%(label)s”"))
CHOOSE = ("E_REQUIRED", N_("请选择“%(label)s”"))
TICK = ("E_REQUIRED", N_("请勾选“%(label)s”"))
UPLOAD = ("E_REQUIRED", N_("请上传“%(label)s”"))
FORMAT = ("E_FORMAT", N_("“%(label)s”格式不正确"))
OPTION = ("E_OPTION", N_("“%(label)s”不在可选范围内"))
UNKNOWN = ("E_OPTION", N_("“%(label)s”没有找到，请从列表中选择"))
AMBIGUOUS = ("E_OPTION", N_("“%(label)s”有多个相近的结果，请从列表中选择：%(found)s"))
DAY = ("E_FORMAT", N_("“%(label)s”应为日期，如 2026-09-01"))
NUMBER = ("E_FORMAT", N_("“%(label)s”应为数字"))
WHOLE = ("E_FORMAT", N_("“%(label)s”应为整数"))
DECIMALS = ("E_FORMAT", N_("“%(label)s”最多保留%(decimals)s位小数"))
MONEY = ("E_MONEY", N_("“%(label)s”应为不小于0的金额，最多两位小数"))
LEAST = ("E_RANGE", N_("“%(label)s”不能小于%(limit)s"))
MOST = ("E_RANGE", N_("“%(label)s”不能大于%(limit)s"))
TOO_LONG = ("E_TEXT", N_("“%(label)s”不能超过%(limit)s字，现有%(length)s字"))
TOO_SHORT = ("E_TEXT", N_("“%(label)s”不能少于%(limit)s字，现有%(length)s字"))
CHARACTERS = ("E_TEXT", N_("“%(label)s”含有不能使用的字符"))
IDENTITY = ("E_IDCARD", N_("身份证号校验未通过或与出生日期不一致"))
FILE = ("E_FILE", N_("附件类型或大小不符合要求"))
FILE_UNKNOWN = ("E_FILE", N_("“%(label)s”的附件已不存在，请重新上传"))
FILES_FEW = ("E_FILE", N_("“%(label)s”至少上传%(limit)s个文件"))
FILES_MANY = ("E_FILE", N_("“%(label)s”最多上传%(limit)s个文件"))
ROWS_FEW = ("E_ROWS", N_("“%(label)s”至少填写%(limit)s行"))
ROWS_MANY = ("E_ROWS", N_("“%(label)s”最多填写%(limit)s行"))

#: Why a post is refused as a whole: the page never offered these inputs.
UNDECLARED = "E_UNDECLARED"
HIDDEN = "E_HIDDEN"
READONLY = "E_READONLY"


@dataclass(frozen=True)
class FieldError:
    """One thing to correct: where, the office's code, and the sentence with its parameters."""

    #: Dotted path, e.g. ``teaching_history.0.end``; a table's own path for its rows as a whole.
    path: str
    code: str
    message: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.params


def error(path: str, kind: tuple[str, str], **params: Any) -> FieldError:
    """Build the error of ``kind`` (one of the pairs above) at ``path``."""
    return FieldError(path, kind[0], kind[1], params)
