"""What the invented people fill in of a round (遴选批次): its plan, announcement, papers and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from webapp.demo.papers import Folder, signature

#: Modes of assessment and their weights, written and interview.
WRITTEN = {"笔试": 40, "面试": 60}


def plan(
    title: str, posts: Sequence[Mapping[str, Any]], *, open_at: datetime, close_at: datetime, panel: Sequence[str],
    exam_office: Sequence[str] = (), channel: str = "选调", weights: Mapping[str, int] = WRITTEN, ratio: int = 3,
    min_ratio: int = 2, days: int | None = None, **more: Any,
) -> dict[str, Any]:
    """Form A1; ``posts`` are {subject, stage, headcount}, ``panel`` and ``exam_office`` numbers of people."""
    written = {"interview_ratio": ratio, "exam_office": [{"person": one} for one in exam_office]} if "笔试" in weights else {}
    return {
        "round_title": title, "post_type": "专职", "channel": channel, "quota_basis": "空编",
        "posts": [{"cell_id": "", **post} for post in posts], "extra_conditions": "",
        "open_at": _local(open_at), "close_at": _local(close_at), "exam_mode": list(weights),
        "weights": [{"mode": mode, "percent": percent} for mode, percent in weights.items()], "min_ratio": min_ratio,
        "panel": [{"person": one} for one in panel],
        "publicity_days": days or (7 if channel == "公开招聘" else 5), **written, **more,
    }  # fmt: skip


def _local(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="minutes")


def review(decision: str = "同意", opinion: str = "", items: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The review block of a plan."""
    return {
        "conflict_declared": "否", "decision": decision,
        "opinion": opinion or ("" if decision == "同意" else "经研究，计划须按意见修改完善。"),
        "return_items": [{"field_key": key, "reason": reason} for key, reason in items],
    }  # fmt: skip


def announcement(sessions: Mapping[str, date], **more: Any) -> dict[str, Any]:
    """The announcement, with the day of each session by its stage."""
    return {
        "contact": "000-00000000",
        "sessions": [
            {"stage": stage, "date": day.isoformat(), "time": "09:00—11:30", "venue": "市教育考试中心"}
            for stage, day in sessions.items()
        ],
        **more,
    }  # fmt: skip


def written(folder: Folder, markers: Sequence[str], scores: Sequence[float], *, absent: str = "无") -> dict[str, Any]:
    """Form A6a: marks of the markers, or who was absent."""
    signed = folder.upload("签名.jpg", signature("、".join(markers)), "marker_signature")
    if absent != "无":
        basis = {"void_basis": "携带手机进入考场，监考员当场认定。"} if absent == "违纪" else {}
        return {"absent_or_void": absent, "marker_signature": signed, **basis}
    marks = [{"marker": marker, "score": score} for marker, score in zip(markers, scores, strict=False)]
    return {"absent_or_void": "无", "marks": marks, "marker_signature": signed}


def recheck(had: Mapping[str, Any], result: str = "合格") -> dict[str, Any]:
    """Form A4b."""
    rows = [{**row, "seen": "是"} for row in had["originals_checked"]]
    reason = {"recheck_reason": "教师资格证原件与申报材料不一致。"} if result == "不合格" else {}
    return {"conflict_declared": "否", "originals_checked": rows, "recheck_result": result, **reason}


def interview(folder: Folder, number: str, scores: Mapping[str, float] | None) -> dict[str, Any]:
    """Form A6: scores by their keys, or nothing for who did not come."""
    signed = folder.upload("签名.jpg", signature(number), "signature")
    if scores is None:
        return {"interview_no": number, "attended": "缺考", "signature": signed}
    extreme = any(score < 60 or score > 95 for score in scores.values())
    comment = "教学目标把握准确，课堂组织与评价意识突出，具有较强的教研潜力。" if extreme else ""
    return {"interview_no": number, "attended": "到场", **scores, "comment": comment, "signature": signed}


def reduction(decision: str, **more: Any) -> dict[str, Any]:
    """What becomes of a round with too little competition."""
    return {"conflict_declared": "否", "decision": decision, "opinion": "报名人数不足，经研究作如下处理。", **more}


def correction(old: Mapping[str, Any], new_score: float, witness: str, decision: str = "同意更正") -> dict[str, Any]:
    """Form A6b."""
    agreed = {"new_score": new_score, "witness": witness} if decision == "同意更正" else {}
    return {"decision": decision, "change_reason": "经核对评分底稿，录入时将两项成绩颠倒，予以更正。", **agreed}
