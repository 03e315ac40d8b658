"""What expressions see of the arithmetic: periods, deadlines, ballots, shortlists and ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from workflows.errors import FactsRefused
from workflows.policies.ballots import ballot, weighted_ballot
from workflows.policies.on_post import on_post_months
from workflows.policies.pack import Pack
from workflows.policies.ranking import ranking, shortlist
from workflows.policies.school_years import Terms, school_year_of, semesters_fully_served
from workflows.policies.staffing import ADVISE, MUST, Curriculum, staffing_gaps
from workflows.policies.teaching import teaching_months
from workflows.policies.training import is_hours, training_hours
from workflows.policies.working_days import SHANGHAI, add_working_days, end_of, office_day

#: Names of the functions, for compiling expressions that use them.
FUNCTION_NAMES = ("teaching months", "working days", "working days after", "due", "school year",
                  "publicity end", "ballot", "weighted ballot", "shortlist of", "ranking of", "office day", "on post months",
                  "semesters served", "training hours", "one decimal", "staffing gaps")

#: Keys that a function reads itself, whatever it is given: who calls it reads them.
KEYS_READ = {
    "ballot": ("ballot.quorum", "ballot.majority"), "weighted ballot": ("ballot.quorum", "ballot.majority", "ballot.weighted"),
}  # fmt: skip

#: Kinds of days a publicity period is counted in (form A9).
NATURAL_DAYS, WORKING_DAYS = "自然日", "工作日"


def functions(pack: Pack, *, now: datetime) -> Mapping[str, Callable[..., Any]]:
    """Return the house's arithmetic as functions of expressions, for one pack and one moment (aware).

    * ``teaching months(history, close_at, unit_kinds, duties)`` -> {months, rows, spans}; I3–I5. Null for a null
      argument: a place that is silent has no list of units.
    * ``working days(n)`` -> the moment at which a period of n working days from now ends; I21.
    * ``working days after(start, n)`` -> the same from another day or moment.
    * ``due(step)`` -> the end of the step's period, ``policy.deadlines.<step>`` working days from now.
    * ``school year(day)`` -> {start, end}; I8.
    * ``publicity end(published, n, day kind)`` -> 24:00 of the n-th day (自然日) or working day (工作日) after that of
      publication; I21.
    * ``ballot(kind, due, present, recused, for, against, abstained)`` -> {quorum, quorum_met, sum_met, needed, passed,
      words}; kind is one of ``policy.ballot.quorum`` (3.0.2). Null where a place has no such rule.
    * ``weighted ballot(kind, seats, votes)`` -> {seats, voted, due, in_favour, against, abstained, needed, quorum, quorum_met,
      passed, decided, rows, words}: see ``ballots.weighted_ballot``. Null where a place has no such rule.
    * ``shortlist of(candidates, posts, written, ratio, recheck)``: see ``ranking.shortlist``.
    * ``ranking of(candidates, panel scores, posts, weights, drop from, decimals, tie order)``: see ``ranking.ranking``.
    * ``office day()`` -> today in the office: the day of the ruling.
    * ``on post months(base date, day, absences, longer than, always counted, one semester, full)`` -> {months, days, rows,
      spans, full_on}; I7. Longer than, always counted, one semester are the pack's ``rotation.absence``; ``full_on`` is the
      day on which ``full`` months are full, null for somebody who is away, or when ``full`` is null.
    * ``semesters served(start, end, semesters)`` -> {count, names}; I8, by the pack's ``school_year.semesters``. Null when the
      end lies before the start.
    * ``training hours(records, year)`` -> {total, rows}; I10, I11.
    * ``one decimal(hours)`` -> whether the number may be a number of hours; I11.
    * ``staffing gaps(split, stages, subjects, extra, curriculum, subject names, stage names, filled by, staff)`` ->
      {required, missing, suggestions, temporary, posts, words, suggested}; 3.0.12. Null unless split is must or advise.

    Moments are given in Asia/Shanghai. ``due`` and the ballots read the given pack: pass a recording pack to have it cited.
    """

    def working_days(n: Decimal) -> datetime:
        return add_working_days(now, int(n), pack.calendar).at.astimezone(SHANGHAI)

    def working_days_after(start: Any, n: Decimal) -> datetime:
        return add_working_days(_day(start), int(n), pack.calendar).at.astimezone(SHANGHAI)

    def due(step: str) -> datetime:
        n = pack["deadlines"][step]
        return working_days(n)

    def publicity_end(published: Any, n: Decimal, day_kind: str) -> datetime:
        if n != int(n) or n < 1:
            raise FactsRefused(fact="公示天数", reason=f"应为不小于 1 的整数，现为 {n}")
        if day_kind == WORKING_DAYS:
            return working_days_after(published, n)
        if day_kind == NATURAL_DAYS:
            return end_of(_day(published) + timedelta(days=int(n))).astimezone(SHANGHAI)
        raise FactsRefused(fact="计算方式", reason=f"“{day_kind}”不是{NATURAL_DAYS}或{WORKING_DAYS}")

    def ballot_of(
        kind: str, due_: Any, present: Any, recused: Any, in_favour: Any, against: Any, abstained: Any,
    ) -> Any:
        quorum, majority = pack["ballot"]["quorum"], pack["ballot"]["majority"]
        if quorum is None or majority is None:
            return None
        if kind not in quorum:
            raise FactsRefused(fact="ballot_kind", reason=f"“{kind}”不在可选范围内（{'、'.join(quorum)}）")
        return ballot(due_, present, recused, in_favour, against, abstained,
                      quorum=quorum[kind], majority=majority).as_facts()

    def weighted_ballot_of(kind: str, seats: Any, votes: Any) -> Any:
        quorum, majority, weighted = (pack["ballot"][key] for key in ("quorum", "majority", "weighted"))
        if quorum is None or majority is None:
            return None
        if kind not in quorum:
            raise FactsRefused(fact="ballot_kind", reason=f"“{kind}”不在可选范围内（{'、'.join(quorum)}）")
        return weighted_ballot(kind, seats or [], votes or [], quorum=quorum[kind], majority=majority,
                               may_weigh=kind in (weighted or ()))

    return {
        **_OF_FACTS, "working days": working_days, "working days after": working_days_after, "due": due,
        "publicity end": publicity_end, "ballot": ballot_of, "weighted ballot": weighted_ballot_of,
        "office day": lambda: office_day(now),
    }


def _months(
    history: list[Mapping[str, Any]] | None, close_at: Any, unit_kinds: list[str] | None, duties: list[str] | None,
) -> Any:
    if history is None or close_at is None or unit_kinds is None or duties is None:
        return None
    return teaching_months(history, _day(close_at), unit_kinds, duties).as_facts()


def _school_year(day: Any) -> Any:
    first, last = school_year_of(_day(day))
    return {"start": first, "end": last}


def _shortlist_of(candidates: Any, posts: Any, written: bool, ratio: Decimal, recheck: bool) -> Any:
    return shortlist(candidates, posts, written=written, ratio=ratio, recheck=recheck)


def _ranking_of(
    candidates: Any, panel_scores: Any, posts: Any, weights: Any, drop_from: Decimal, decimals: Decimal,
    tie_order: list[str],
) -> Any:
    return ranking(candidates, panel_scores, posts, weights,
                   drop_from=drop_from, decimals=decimals, tie_order=tie_order)


def _on_post(
    base_date: Any, day: Any, absences: list[Mapping[str, Any]] | None, longer_than: Decimal,
    always_counted: list[str], one_semester: list[str], full: Decimal | None,
) -> Any:
    answer = on_post_months(_day(base_date), _day(day), absences or [], longer_than=int(longer_than),
                            always_counted=always_counted, one_semester=one_semester)
    return {**answer.as_facts(), "full_on": None if full is None else answer.full_on(int(full))}


def _semesters_served(start: Any, end: Any, semesters: Mapping[str, list[str]]) -> Any:
    first, last = _day(start), _day(end)
    if last < first:
        return None
    served = semesters_fully_served(first, last, Terms.of(semesters))
    return {"count": Decimal(len(served)), "names": [semester.name for semester in served]}


def _hours_of(records: list[Mapping[str, Any]] | None, year: Decimal) -> Any:
    return training_hours(records or [], year).as_facts()


def _staffing(
    split: str | None, stages: list[str], subjects: list[str] | None, extra: list[str] | None,
    curriculum: Mapping[str, list[str]], subject_names: Mapping[str, str], stage_names: Mapping[str, str],
    filled_by: list[str], staff: list[Mapping[str, Any]],
) -> Any:
    if split not in (MUST, ADVISE):
        return None
    return staffing_gaps(split, stages, subjects, extra or [], Curriculum(curriculum, subject_names, stage_names),
                         filled_by, staff).as_facts()


def _day(value: Any) -> date:
    """Return the Shanghai day of a day or moment given as a value or as ISO text."""
    if isinstance(value, (date, datetime)):
        return office_day(value)
    try:
        text = str(value)
        return office_day(datetime.fromisoformat(text)) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise FactsRefused(fact="日期", reason=f"“{value}”不是日期") from None


#: The arithmetic that needs neither pack nor moment: whatever it reads stands in its arguments.
_OF_FACTS: Mapping[str, Callable[..., Any]] = {
    "teaching months": _months, "school year": _school_year, "shortlist of": _shortlist_of, "ranking of": _ranking_of,
    "on post months": _on_post, "semesters served": _semesters_served, "training hours": _hours_of,
    "one decimal": is_hours, "staffing gaps": _staffing,
}
