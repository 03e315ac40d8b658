"""Who was asked to sign a task (加签), as the task itself says it: ``explanation["signers"]``, one entry an asking, the oldest first.

An entry: ``task`` (number of the signer's own task), ``mode``, ``to`` and ``from`` (number, name), ``role`` and ``organisation`` in
which they sign, ``reason``, ``at``, ``how`` and, once it is over, ``ended_at`` and ``agreed``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from workflows.errors import N_
from workflows.models import Task

#: Ways of signing -> the office's word: before the holder, after them, or meanwhile.
MODES: Mapping[str, str] = {"before": N_("前加签"), "parallel": N_("并签"), "after": N_("后加签")}
#: What became of an asking -> its words. ``planned`` is to be asked once the holder has sent the form.
STATES: Mapping[str, str] = {
    "planned": N_("提交后请其加签"), "asked": N_("等待加签"), "signed": N_("已加签"), "declined": N_("谢绝加签"),
    "recused": N_("申请回避"), "removed": N_("已减签"), "closed": N_("未再加签"),
}  # fmt: skip
#: An opinion in the form's word.
AGREED, NOT_AGREED = "同意", "不同意"

Entry = Mapping[str, Any]


def entries(task: Task) -> list[dict[str, Any]]:
    """Every asking that there was."""
    return [dict(one) for one in task.explanation.get("signers", ())]


def awaited(task: Task) -> list[dict[str, Any]]:
    """The askings that are not over, whether they have begun or not."""
    return [one for one in entries(task) if one["how"] in ("asked", "planned")]


def asked(task: Task) -> list[dict[str, Any]]:
    """Those whose opinion is waited for now."""
    return [one for one in entries(task) if one["how"] == "asked"]


def planned(task: Task) -> list[dict[str, Any]]:
    """Those who are to sign once the holder has sent the form."""
    return [one for one in entries(task) if one["how"] == "planned"]


def worked(found: Sequence[Entry] | None) -> list[dict[str, Any]]:
    """Those who have signed, in the form of what was worked on for the holder (委派): the next review is not theirs."""
    return [{"how": "returned", "to": one["to"]} for one in found or () if one["how"] == "signed"]


def is_sent(task: Task) -> bool:
    """Whether its holder has sent the form, and it takes effect once those asked to sign after them agree."""
    return task.kept is not None and bool(task.kept.get("waiting"))


def over(found: Sequence[Entry], number: str, how: str, at: datetime, **more: Any) -> list[dict[str, Any]]:
    """The askings with that of one signer's task ended."""
    ended = {"how": how, "ended_at": at.isoformat(), **more}
    return [{**one, **ended} if one["task"] == number else dict(one) for one in found]
