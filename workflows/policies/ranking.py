"""Shortlist, total score and rank of a selection round (domain.md DT-ADM-06a, DT-ADM-06b): exact, every step in words.

Nothing is rounded on the way: means and weighted parts are fractions, and only the total is rounded, half-up. So an
auditor who repeats the printed steps on paper, or on a calculator with enough digits, gets the printed total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from workflows.errors import FactsRefused

#: Element of the selection (form A1) -> part of a panel member's row that holds its score (form A6).
PANEL_MODES = {
    "面试": "interview_score", "试讲": "trial_lesson_score", "答辩": "defence_score",
    "业绩材料评审": "portfolio_score", "专业发展评价": "development_score",
}
WRITTEN = "笔试"
#: What a tie may be broken by besides an element of the selection.
YEARS, NUMBER = "教龄", "准考证号"
#: Digits shown of a number that has no end; marked ≈.
SHOWN_DIGITS = 6


# Shortlist (DT-ADM-06a) -------------------------------------------------------------------------------------------


def shortlist(
    candidates: Iterable[Mapping[str, Any]], posts: Iterable[Mapping[str, Any]], *,
    written: bool, ratio: int | Decimal, recheck: bool,
) -> dict[str, Any]:
    """Say who goes on to the interview, post by post.

    ``candidates`` are ``{admission_no, post, written_score, absent_or_void, recheck_result}``, ``posts``
    ``{post, headcount}``. With a written examination the best ``ratio`` × headcount of a post are listed, everybody
    tied at the last place included; without one, everybody. Who is absent, void, or has failed or given up the recheck
    is taken out before, so that the next in order moves up and nobody who was listed falls out again.
    ``recheck`` says whether papers are checked again before the interview. Scores 0–100 with at most two decimals.

    Returns ``{result, standing, cutoffs, shortlisted, to_recheck, failed, not_shortlisted}`` as plain data.
    FactsRefused for a post or number given twice, an unknown post, a missing or impossible score.
    """
    heads = _headcounts(posts)
    each = _whole(ratio, "interview_ratio")
    standing: list[dict[str, Any]] = []
    cutoffs: list[dict[str, Any]] = []
    for post, rows in _by_post(candidates, heads):
        out: list[Mapping[str, Any]] = []
        ranked: list[Mapping[str, Any]] = []
        for row in rows:
            (out if _why_out(row) else ranked).append(row)
        if written:
            ranked.sort(key=lambda row: (-_written(row), str(row["admission_no"])))
        limit = each * heads[post] if written else len(ranked)
        last = _written(ranked[limit - 1]) if written and len(ranked) >= limit else None
        listed = [row for row in ranked if not written or last is None or _written(row) >= last]
        sat = [row for row in rows if row.get("written_score") is not None]
        for row in ranked:
            place = 1 + sum(_written(other) > _written(row) for other in sat) if written else None
            standing.append(_stands(row, place, row in listed, recheck, limit))
        standing.extend(_stands_out(row) for row in out)
        cutoffs.append(_cutoff(post, heads[post], limit, len(listed), last, written))
    named = {status: [row["admission_no"] for row in standing if row["status"] == status] for status in _STATUSES}
    result = "有待复审者" if named["待复审"] else "名单已定" if named["入围"] else "无人"
    return {
        "result": result, "standing": standing, "cutoffs": cutoffs, "shortlisted": named["入围"],
        "to_recheck": named["待复审"], "failed": named["复审不合格"] + named["放弃"], "not_shortlisted": named["未入围"],
    }


_STATUSES = ("入围", "待复审", "复审不合格", "放弃", "未入围")


def _why_out(row: Mapping[str, Any]) -> str:
    """Return why a candidate is not in the running, or an empty string."""
    if row.get("absent_or_void") not in (None, "", "无"):
        return "未入围"
    recheck = row.get("recheck_result")
    return "复审不合格" if recheck == "不合格" else "放弃" if recheck == "放弃" else ""


def _stands(row: Mapping[str, Any], place: int | None, listed: bool, recheck: bool, limit: int) -> dict[str, Any]:
    settled = row.get("recheck_result") == "合格" or not recheck
    status = "未入围" if not listed else "入围" if settled else "待复审"
    if place is None:
        words = "不组织笔试，合格者全部入围"
    else:
        words = f"笔试 {_shown(_written(row))} 分，第 {place} 名，应入围 {limit} 人"
        words += "，递补" if listed and place > limit and not settled else ""
    return {"admission_no": row["admission_no"], "post": row["post"], "written_score": row.get("written_score"),
            "place": place, "status": status, "words": f"{row['admission_no']}（{row['post']}）：{words}，{status}"}


def _stands_out(row: Mapping[str, Any]) -> dict[str, Any]:
    status = _why_out(row)
    words = f"笔试{row['absent_or_void']}" if status == "未入围" else "面试资格复审以后"
    return {"admission_no": row["admission_no"], "post": row["post"], "written_score": row.get("written_score"),
            "place": None, "status": status, "words": f"{row['admission_no']}（{row['post']}）：{words}，{status}"}


def _cutoff(post: str, heads: int, limit: int, listed: int, last: Fraction | None, written: bool) -> dict[str, Any]:
    if not written:
        words = f"{post}：不组织笔试，{listed} 人全部入围"
    elif last is None:
        words = f"{post}：招 {heads} 人，应入围 {limit} 人，可入围 {listed} 人，全部入围"
    else:
        tied = f"，末位并列，共入围 {listed} 人" if listed > limit else ""
        words = f"{post}：招 {heads} 人，应入围 {limit} 人{tied}，末位笔试 {_shown(last)} 分"
    return {"post": post, "headcount": heads, "places": limit, "listed": listed,
            "last_score": None if last is None else _shown(last), "words": words}


# Total score and rank (DT-ADM-06b) --------------------------------------------------------------------------------


@dataclass
class _Standing:
    """One candidate while totals are worked out; fractions are exact."""

    row: Mapping[str, Any]
    #: Element -> exact score of the candidate in it.
    scores: dict[str, Fraction] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    total: Fraction | None = None
    rank: int | None = None
    tie: str | None = None

    @property
    def number(self) -> str:
        return str(self.row["admission_no"])


def ranking(
    candidates: Iterable[Mapping[str, Any]], panel_scores: Iterable[Mapping[str, Any]],
    posts: Iterable[Mapping[str, Any]], weights: Iterable[Mapping[str, Any]], *,
    drop_from: int | Decimal, decimals: int | Decimal, tie_order: Sequence[str],
) -> dict[str, Any]:
    """Work out everybody's total and rank, post by post, with the arithmetic in words.

    ``candidates`` are ``{admission_no, post, written_score, teaching_months}``; ``panel_scores`` one row per panel member
    and candidate, ``{admission_no, scorer, interview_score, …}`` (``PANEL_MODES``); ``weights`` ``{mode, percent}`` with
    sum 100. The score of an element is the mean of its members' scores; from ``drop_from`` scores on, one highest and
    one lowest are left out. The total is the weighted sum, rounded half-up to ``decimals`` digits. Equal totals are told
    apart by ``tie_order`` (elements, 教龄 in months, 准考证号); who still is equal shares the rank. Who lacks the score of
    a weighted element has no total and no rank.

    Returns ``{ranking, to_inspect, reserve, not_chosen, noted}`` as plain data. FactsRefused names what does not fit.
    """
    shares = _weights(weights)
    heads = _headcounts(posts)
    digits = _whole(decimals, "decimals")
    given = _panel(panel_scores)
    ranked: list[dict[str, Any]] = []
    noted: list[str] = []
    known = set()
    for post, rows in _by_post(candidates, heads):
        standings = [_total(row, given.get(str(row["admission_no"]), {}), shares, _whole(drop_from, "drop_from"), digits)
                     for row in rows]
        known |= {one.number for one in standings}
        ranked.extend(_ranked(post, heads[post], standings, tie_order, digits, noted))
    if strangers := sorted(set(given) - known):
        raise FactsRefused(fact="panel_scores", reason=f"不在名单中：{'、'.join(strangers)}")
    named = {status: [row["admission_no"] for row in ranked if row["status"] == status]
             for status in ("进入考察", "候补", "未入选")}
    return {"ranking": ranked, "to_inspect": named["进入考察"], "reserve": named["候补"],
            "not_chosen": named["未入选"], "noted": noted}


def _total(
    row: Mapping[str, Any], given: Mapping[str, list[tuple[str, Fraction]]], shares: Mapping[str, Fraction],
    drop_from: int, digits: int,
) -> _Standing:
    one = _Standing(row)
    for mode in shares:
        if mode == WRITTEN:
            if row.get("written_score") is None:
                one.missing.append(mode)
            else:
                one.scores[mode] = _written(row)
        elif not given.get(mode):
            one.missing.append(mode)
        else:
            one.scores[mode], step = _mean(mode, [score for _, score in given[mode]], drop_from)
            one.steps.append(step)
    if one.missing:
        one.steps.append(f"没有{'、'.join(one.missing)}成绩，总成绩无效")
        return one
    parts = {mode: one.scores[mode] * share / 100 for mode, share in shares.items()}
    for mode, share in shares.items():
        one.steps.append(f"{mode} {_shown(one.scores[mode])} × {_shown(share)}% {_equals(parts[mode])}")
    exact = sum(parts.values(), Fraction(0))
    one.total = _rounded(exact, digits)
    sum_words = " ＋ ".join(_shown(part) for part in parts.values())
    one.steps.append(f"总成绩：{sum_words} {_equals(exact)}，四舍五入保留 {digits} 位小数为 {_fixed(one.total, digits)}")
    return one


def _mean(mode: str, scores: list[Fraction], drop_from: int) -> tuple[Fraction, str]:
    shown = "、".join(_shown(score) for score in scores)
    words = f"{mode}：{len(scores)} 位评委 {shown}"
    if len(scores) >= drop_from:
        kept = sorted(scores)[1:-1]
        words += f"，满 {drop_from} 位，去掉最高 {_shown(max(scores))} 和最低 {_shown(min(scores))}，其余 {len(kept)} 位"
    else:
        kept = scores
        words += f"，不满 {drop_from} 位，不去最高最低"
    total = sum(kept, Fraction(0))
    mean = total / len(kept)
    return mean, f"{words}，合计 {_shown(total)} ÷ {len(kept)} {_equals(mean)}"


def _ranked(
    post: str, heads: int, standings: list[_Standing], tie_order: Sequence[str], digits: int, noted: list[str],
) -> list[dict[str, Any]]:
    valid = [one for one in standings if one.total is not None]
    for criterion in tie_order:
        if criterion not in (WRITTEN, *PANEL_MODES, YEARS, NUMBER):
            raise FactsRefused(fact="tie_order", reason=f"同分时不能按“{criterion}”区分")

    def key(one: _Standing) -> list[Any]:
        return [-(one.total or 0), *(_measure(one, criterion) for criterion in tie_order)]

    valid.sort(key=lambda one: (key(one), one.number))
    for one in valid:
        one.rank = 1 + sum(key(other) < key(one) for other in valid)
    for _, tied in groupby(valid, key=lambda one: one.total):
        _tell_ties(post, list(tied), tie_order, noted)
    rows = []
    for one in [*valid, *sorted((one for one in standings if one.total is None), key=lambda one: one.number)]:
        status = "未入选" if one.rank is None else "进入考察" if one.rank <= heads else "候补"
        total = None if one.total is None else _fixed(one.total, digits)
        place = "没有有效总成绩" if one.rank is None else f"总成绩 {total}，第 {one.rank} 名，招 {heads} 人"
        rows.append({
            "admission_no": one.number, "post": post, "total": total, "rank": one.rank, "status": status,
            "steps": one.steps, "tie_broken_by": one.tie,
            "words": f"{one.number}（{post}）：{place}，{status}" + (f"；总成绩相同，按{one.tie}区分" if one.tie else ""),
        })
    return rows


def _measure(one: _Standing, criterion: str) -> Any:
    """Return what a tie is broken by so that the better one sorts first; elements nobody was scored in are equal."""
    if criterion == NUMBER:
        return one.number
    if criterion == YEARS:
        return -Fraction(one.row.get("teaching_months") or 0)
    return -one.scores.get(criterion, Fraction(0))


def _tell_ties(post: str, tied: list[_Standing], tie_order: Sequence[str], noted: list[str]) -> None:
    """Write on everybody of equal total by what they were told apart; note what an office should look at."""
    for one, following in pairwise(tied):
        criterion = next((name for name in tie_order if _measure(one, name) != _measure(following, name)), None)
        for both in (one, following):
            both.tie = both.tie or criterion or "（无法区分，名次并列）"
        who = f"{post}：{one.number} 与 {following.number} 总成绩相同"
        if criterion is None:
            noted.append(f"{who}，{'、'.join(tie_order)}也都相同，名次并列")
        elif criterion == NUMBER:
            before = "、".join(name for name in tie_order if name != NUMBER)
            noted.append(f"{who}，{before}也都相同，按准考证号先后排定，请核对")


# Facts ------------------------------------------------------------------------------------------------------------


def _headcounts(posts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in posts:
        post, count = str(row["post"]), _whole(row["headcount"], "posts.headcount")
        if post in found:
            raise FactsRefused(fact="posts", reason=f"岗位“{post}”写了两次")
        found[post] = count
    return found


def _by_post(
    candidates: Iterable[Mapping[str, Any]], posts: Mapping[str, int],
) -> Iterable[tuple[str, list[Mapping[str, Any]]]]:
    rows: dict[str, list[Mapping[str, Any]]] = {post: [] for post in posts}
    seen: set[str] = set()
    for row in candidates:
        number, post = str(row["admission_no"]), str(row["post"])
        if number in seen:
            raise FactsRefused(fact="candidates", reason=f"准考证号 {number} 写了两次")
        if post not in rows:
            raise FactsRefused(fact="candidates", reason=f"{number} 的岗位“{post}”不在岗位明细中")
        seen.add(number)
        rows[post].append(row)
    return rows.items()


def _panel(panel_scores: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[tuple[str, Fraction]]]]:
    """Return candidate -> element -> (scorer, score), in the order given."""
    found: dict[str, dict[str, list[tuple[str, Fraction]]]] = {}
    for row in panel_scores:
        number, scorer = str(row["admission_no"]), str(row["scorer"])
        of_candidate = found.setdefault(number, {})
        for mode, part in PANEL_MODES.items():
            if row.get(part) is None:
                continue
            scores = of_candidate.setdefault(mode, [])
            if any(name == scorer for name, _ in scores):
                raise FactsRefused(fact="panel_scores", reason=f"{scorer} 给 {number} 的{mode}评了两次分")
            scores.append((scorer, _score(row[part], f"{number} 的{mode}")))
    return found


def _weights(weights: Iterable[Mapping[str, Any]]) -> dict[str, Fraction]:
    shares: dict[str, Fraction] = {}
    for row in weights:
        mode, percent = str(row["mode"]), Fraction(row["percent"])
        if mode not in (WRITTEN, *PANEL_MODES):
            raise FactsRefused(fact="weights", reason=f"“{mode}”不能计入总成绩")
        if mode in shares:
            raise FactsRefused(fact="weights", reason=f"“{mode}”写了两次")
        if percent <= 0:
            raise FactsRefused(fact="weights", reason=f"“{mode}”的权重应大于 0")
        shares[mode] = percent
    if sum(shares.values()) != 100:
        raise FactsRefused(fact="weights", reason=f"权重合计应为 100，现为 {_shown(sum(shares.values(), Fraction(0)))}")
    return shares


def _written(row: Mapping[str, Any]) -> Fraction:
    if row.get("written_score") is None:
        raise FactsRefused(fact="candidates", reason=f"{row['admission_no']} 没有笔试成绩，也没有写明缺考或违纪")
    return _score(row["written_score"], f"{row['admission_no']} 的{WRITTEN}")


def _score(value: Any, whose: str) -> Fraction:
    score = Fraction(value)
    if not 0 <= score <= 100 or (score * 100).denominator != 1:
        raise FactsRefused(fact="score", reason=f"{whose}成绩应在 0—100 之间，至多两位小数，现为 {value}")
    return score


def _whole(value: int | Decimal, fact: str) -> int:
    if value != int(value) or value < 1:
        raise FactsRefused(fact=fact, reason=f"应为不小于 1 的整数，现为 {value}")
    return int(value)


# Numbers as people read them --------------------------------------------------------------------------------------


def _rounded(value: Fraction, digits: int) -> Fraction:
    """Return a value that is not negative rounded half-up (四舍五入) to so many digits."""
    scale = 10 ** digits
    return Fraction((value * scale * 2 + 1) // 2, scale)


def _fixed(value: Fraction, digits: int) -> str:
    whole, rest = divmod(int(value * 10 ** digits), 10 ** digits)
    return f"{whole}.{rest:0{digits}d}"


def _exact(value: Fraction) -> bool:
    return _rounded(value, SHOWN_DIGITS) == value


def _shown(value: Fraction) -> str:
    """Return a number without idle zeros; one with no end is cut by rounding at six digits."""
    text = _fixed(_rounded(value, SHOWN_DIGITS), SHOWN_DIGITS).rstrip("0")
    return text.removesuffix(".")


def _equals(value: Fraction) -> str:
    return f"{'=' if _exact(value) else '≈'} {_shown(value)}"
