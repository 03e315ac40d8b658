"""Shortlist, totals, ranks and ballots: properties, and the arithmetic done over again in another way."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import FactsRefused
from workflows.policies import SHANGHAI, Calendar, CalendarYear, Citation, Pack, functions
from workflows.policies.ballots import ballot
from workflows.policies.ranking import ranking, shortlist

scores = st.integers(0, 10000).map(lambda cents: Decimal(cents) / 100)
ORDER = ("面试", "笔试", "教龄", "准考证号")


def candidates(written: list[Decimal | None], post: str = "甲") -> list[dict[str, Any]]:
    return [{"admission_no": f"A{n:03d}", "post": post, "written_score": score, "teaching_months": Decimal(n % 3),
             "absent_or_void": "缺考" if score is None else "无"} for n, score in enumerate(written)]


def listed(found: dict[str, Any]) -> set[str]:
    return {*found["shortlisted"], *found["to_recheck"]}


class TestShortlist:
    @given(st.lists(scores, min_size=1, max_size=12), st.integers(1, 3), st.integers(1, 3))
    def test_the_best_are_listed_and_ties_at_the_last_place_with_them(
        self, written: list[Decimal], heads: int, ratio: int,
    ) -> None:
        rows = candidates(list(written))
        found = shortlist(rows, [{"post": "甲", "headcount": heads}], written=True, ratio=ratio, recheck=True)
        ordered = sorted(written, reverse=True)
        last = ordered[min(heads * ratio, len(ordered)) - 1]
        assert listed(found) == {row["admission_no"] for row in rows if row["written_score"] >= last}

    @given(st.lists(scores, min_size=1, max_size=10), st.data())
    def test_whoever_fails_is_replaced_and_nobody_listed_falls_out(self, written: list[Decimal], data: st.DataObject) -> None:
        rows, posts = candidates(list(written)), [{"post": "甲", "headcount": 1}]
        before: set[str] = set()
        while True:
            found = shortlist(rows, posts, written=True, ratio=3, recheck=True)
            assert before - set(found["failed"]) <= listed(found)
            assert len(listed(found)) >= min(3, len(rows) - len(found["failed"]))
            before = listed(found)
            waiting = found["to_recheck"]
            assert (found["result"] == "有待复审者") == bool(waiting)
            if not waiting:
                break
            number = data.draw(st.sampled_from(waiting))
            answer = data.draw(st.sampled_from(["合格", "不合格", "放弃"]))
            next(row for row in rows if row["admission_no"] == number)["recheck_result"] = answer
        passed = {row["admission_no"] for row in rows if row.get("recheck_result") == "合格"}
        assert set(found["shortlisted"]) == passed
        assert found["result"] == ("名单已定" if passed else "无人")

    def test_posts_do_not_mix(self) -> None:
        rows = [*candidates([Decimal(90), Decimal(80)]), {**candidates([Decimal(10)], "乙")[0], "admission_no": "B"}]
        found = shortlist(rows, [{"post": "甲", "headcount": 1}, {"post": "乙", "headcount": 1}],
                          written=True, ratio=1, recheck=False)
        assert found["shortlisted"] == ["A000", "B"] and found["not_shortlisted"] == ["A001"]
        assert [cut["last_score"] for cut in found["cutoffs"]] == ["90", "10"]
        first = shortlist(rows, [{"post": "甲", "headcount": 1}, {"post": "乙", "headcount": 1}],
                          written=True, ratio=1, recheck=True)
        assert first["to_recheck"] == ["A000", "B"] and not any("递补" in row["words"] for row in first["standing"])

    def test_everybody_has_a_place_among_all_who_sat(self) -> None:
        rows = candidates([Decimal(90), Decimal(80), None, Decimal(70)])
        rows[0]["recheck_result"] = "放弃"
        found = shortlist(rows, [{"post": "甲", "headcount": 1}], written=True, ratio=1, recheck=True)
        told = {row["admission_no"]: (row["place"], row["status"]) for row in found["standing"]}
        assert told == {"A001": (2, "待复审"), "A003": (3, "未入围"), "A000": (None, "放弃"), "A002": (None, "未入围")}
        assert "第 2 名，应入围 1 人，递补，待复审" in found["standing"][0]["words"]


def panel(number: str, given_: list[Decimal]) -> list[dict[str, Any]]:
    return [{"admission_no": number, "scorer": f"s{n}", "interview_score": score} for n, score in enumerate(given_)]


def rank(rows: list[dict[str, Any]], given_: list[dict[str, Any]], *, heads: int = 1, share: int = 40,
         order: tuple[str, ...] = ORDER) -> dict[str, Any]:
    return ranking(rows, given_, [{"post": "甲", "headcount": Decimal(heads)}],
                   [{"mode": "笔试", "percent": Decimal(share)}, {"mode": "面试", "percent": Decimal(100 - share)}],
                   drop_from=Decimal(7), decimals=Decimal(2), tie_order=order)


class TestRanking:
    @given(scores, st.lists(scores, min_size=1, max_size=9), st.integers(1, 99))
    def test_the_total_is_that_of_a_clerk_with_a_long_sheet(self, written: Decimal, given_: list[Decimal], share: int) -> None:
        """The same in decimals of 60 digits, written down as domain.md says it."""
        [row] = rank(candidates([written]), panel("A000", given_), share=share)["ranking"]
        with localcontext() as long:
            long.prec = 60
            kept = sorted(given_)[1:-1] if len(given_) >= 7 else given_
            mean = sum(kept, Decimal(0)) / len(kept)
            total = (written * share + mean * (100 - share)) / 100
            # 60 digits of a third lie a hair off: what is meant by half is settled before.
            total = total.quantize(Decimal("1e-20")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert row["total"] == f"{total:.2f}"
        assert row["steps"][-1].endswith(f"四舍五入保留 2 位小数为 {total:.2f}")

    @given(st.lists(st.tuples(scores, scores), min_size=1, max_size=8), st.integers(1, 4))
    def test_ranks_follow_totals_and_headcount(self, given_: list[tuple[Decimal, Decimal]], heads: int) -> None:
        rows = candidates([one for one, _ in given_])
        scored = [row for n, (_, interview) in enumerate(given_) for row in panel(f"A{n:03d}", [interview])]
        found = rank(rows, scored, heads=heads)
        table = found["ranking"]
        assert [row["rank"] for row in table] == list(range(1, len(rows) + 1)), "the last resort leaves nobody level"
        totals = [Decimal(row["total"]) for row in table]
        assert totals == sorted(totals, reverse=True)
        assert [row["status"] for row in table] == ["进入考察"] * min(heads, len(rows)) + ["候补"] * max(0, len(rows) - heads)
        for one, following in pairwise(table):
            level = one["total"] == following["total"]
            assert bool(one["tie_broken_by"]) >= level and bool(following["tie_broken_by"]) >= level

    @given(st.permutations([("A1", 80, 84), ("A2", 84, 78), ("A3", 84, 78)]))
    def test_the_order_of_the_papers_changes_nothing(self, papers: list[tuple[str, int, int]]) -> None:
        rows = [{"admission_no": number, "post": "甲", "written_score": Decimal(written), "teaching_months": Decimal(1)}
                for number, written, _ in papers]
        scored = [row for number, _, interview in papers for row in panel(number, [Decimal(interview)])]
        table = rank(rows, scored)["ranking"]
        assert [row["admission_no"] for row in table] == ["A1", "A2", "A3"]

    def test_without_a_last_resort_the_level_share_their_rank(self) -> None:
        rows = candidates([Decimal(80)] * 4)
        for row in rows:
            row["teaching_months"] = Decimal(1)
        scored = [row for n in range(4) for row in panel(f"A{n:03d}", [Decimal(70 if n == 3 else 80)])]
        found = rank(rows, scored, heads=2, order=("面试", "笔试", "教龄"))
        assert [row["rank"] for row in found["ranking"]] == [1, 1, 1, 4]
        assert found["to_inspect"] == ["A000", "A001", "A002"] and found["reserve"] == ["A003"]
        assert len(found["noted"]) == 2 and "名次并列" in found["noted"][0]

    def test_a_tie_is_told_to_both_and_by_what_it_was_broken(self) -> None:
        rows = candidates([Decimal(80), Decimal(80)])
        found = rank(rows, [*panel("A000", [Decimal(80)]), *panel("A001", [Decimal(80)])])
        assert [row["tie_broken_by"] for row in found["ranking"]] == ["教龄", "教龄"]
        assert found["ranking"][0]["admission_no"] == "A001" and found["noted"] == []

    @pytest.mark.parametrize(("change", "told"), [
        ({"weights": [{"mode": "面试", "percent": Decimal(101)}]}, "权重合计应为 100，现为 101"),
        ({"weights": [{"mode": "面试", "percent": Decimal(50)}, {"mode": "面试", "percent": Decimal(50)}]}, "写了两次"),
        ({"weights": [{"mode": "面试", "percent": Decimal(100)}, {"mode": "笔试", "percent": Decimal(0)}]}, "应大于 0"),
        ({"weights": [{"mode": "考察", "percent": Decimal(100)}]}, "“考察”不能计入总成绩"),
        ({"posts": [{"post": "乙", "headcount": Decimal(1)}]}, "不在岗位明细中"),
        ({"posts": [{"post": "甲", "headcount": Decimal(1)}] * 2}, "岗位“甲”写了两次"),
        ({"posts": [{"post": "甲", "headcount": Decimal("1.5")}]}, "不小于 1 的整数"),
        ({"tie_order": ("抽签",)}, "不能按“抽签”区分"),
        ({"drop_from": Decimal(0)}, "drop_from"),
    ])
    def test_what_does_not_fit_is_refused_by_name(self, change: dict[str, Any], told: str) -> None:
        asked: dict[str, Any] = {
            "posts": [{"post": "甲", "headcount": Decimal(1)}], "weights": [{"mode": "面试", "percent": Decimal(100)}],
            "drop_from": Decimal(7), "decimals": Decimal(2), "tie_order": ORDER, **change,
        }
        posts, weights = asked.pop("posts"), asked.pop("weights")
        with pytest.raises(FactsRefused) as refused:
            ranking(candidates([Decimal(80)]), panel("A000", [Decimal(80)]), posts, weights, **asked)
        assert told in str(refused.value)


    def test_nobody_is_ranked_or_listed_twice(self) -> None:
        rows = candidates([Decimal(80)]) * 2
        for ask in (
            lambda: rank(rows, panel("A000", [Decimal(80)])),
            lambda: shortlist(rows, [{"post": "甲", "headcount": 1}], written=True, ratio=3, recheck=True),
        ):
            with pytest.raises(FactsRefused, match="准考证号 A000 写了两次"):
                ask()


people = st.integers(0, 30)


class TestBallot:
    @given(st.integers(1, 30), people, people, people, people, people)
    def test_it_passes_by_the_words_of_the_rule(
        self, due: int, present: int, recused: int, in_favour: int, against: int, abstained: int,
    ) -> None:
        def ask() -> Any:
            return ballot(due, present, recused, in_favour, against, abstained, quorum=[2, 3], majority=[1, 2])

        if present > due or recused > present:
            with pytest.raises(FactsRefused):
                ask()
            return
        found = ask()
        assert found.quorum_met == (3 * present >= 2 * due) and found.quorum_met == (present >= found.quorum)
        assert found.sum_met == (in_favour + against + abstained == present - recused)
        assert (in_favour >= found.needed) == (2 * in_favour > due)
        assert found.passed == (found.quorum_met and found.sum_met and 2 * in_favour > due)

    def test_members_recused_may_be_a_list(self) -> None:
        assert ballot(9, 7, ["甲"], 5, 1, 0, quorum=[2, 3], majority=[1, 2]).passed

    @pytest.mark.parametrize("given_", [-1, 1.5, True, "6", Decimal("6.5")])
    def test_only_people_are_counted(self, given_: Any) -> None:
        with pytest.raises(FactsRefused, match="应为人数"):
            ballot(9, given_, 0, 5, 1, 0, quorum=[2, 3], majority=[1, 2])


def test_where_nothing_is_ruled_on_ballots_an_expression_gets_nothing() -> None:
    quorum, majority = (
        Citation(key=f"ballot.{name}", value=None, unit="", document="", item="", clause="", quote="", tag="D", force="",
                 since=date(2026, 1, 1), place="x") for name in ("quorum", "majority")
    )
    pack = Pack(place="x", name="x", day=date(2026, 9, 1), digest="", calendar=Calendar({}),
                citations={quorum.key: quorum, majority.key: majority})
    assert functions(pack, now=datetime(2026, 9, 28, tzinfo=SHANGHAI))["ballot"]("任用", 9, 7, 0, 5, 1, 1) is None


class TestPublicity:
    def end(self, published: Any, days: int, kind: str) -> datetime:
        year = CalendarYear(2026, {datetime(2026, 10, day).date(): "国庆节" for day in range(1, 8)},
                            {datetime(2026, 10, 10).date(): "国庆节"}, "通知", "号")
        pack = Pack(place="x", name="x", day=datetime(2026, 9, 1).date(), digest="", calendar=Calendar({2026: year}), citations={})
        call = functions(pack, now=datetime(2026, 9, 28, 10, tzinfo=SHANGHAI))["publicity end"]
        found = call(published, Decimal(days), kind)
        assert isinstance(found, datetime)
        return found

    def test_working_days_skip_the_holiday_and_count_the_make_up_day(self) -> None:
        assert self.end("2026-09-28T15:00:00+08:00", 5, "工作日") == datetime(2026, 10, 11, tzinfo=SHANGHAI)

    def test_natural_days_are_counted_through(self) -> None:
        assert self.end("2026-09-28T15:00:00+08:00", 7, "自然日") == datetime(2026, 10, 6, tzinfo=SHANGHAI)

    @pytest.mark.parametrize(("days", "kind"), [(0, "自然日"), (0, "工作日"), (5, "小时")])
    def test_no_other_period(self, days: int, kind: str) -> None:
        with pytest.raises(FactsRefused):
            self.end("2026-09-28", days, kind)


def test_exact_means_are_shown_exactly_and_others_marked() -> None:
    rows, posts = candidates([Decimal(0)]), [{"post": "甲", "headcount": Decimal(1)}]
    only = [{"mode": "面试", "percent": Decimal(100)}]

    def steps(given_: list[Decimal]) -> str:
        found = ranking(rows, panel("A000", given_), posts, only, drop_from=7, decimals=2, tie_order=ORDER)
        return str(found["ranking"][0]["steps"][0])

    assert steps([Decimal(1), Decimal(2)]).endswith("合计 3 ÷ 2 = 1.5")
    assert steps([Decimal(1), Decimal(1), Decimal(0)]).endswith("合计 2 ÷ 3 ≈ 0.666667")
    assert Fraction(2, 3) > Fraction("0.666666")
