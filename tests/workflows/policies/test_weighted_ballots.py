"""Votes that weigh differently (加权票决): counted in another way, decided early only where nothing can change, never for a post."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import FactsRefused
from workflows.policies import SHANGHAI, functions
from workflows.policies.ballots import VOTES, weighted_ballot
from workflows.rulebook import Rulebook

HALF = {"quorum": [1, 2], "majority": [1, 2], "may_weigh": True}


def seats(*weights: int) -> list[dict[str, Any]]:
    return [{"person": f"P{number}", "weight": weight} for number, weight in enumerate(weights)]


def votes(*said: str | None) -> list[dict[str, Any] | None]:
    return [None if one is None else {"person": f"P{number}", "vote": one} for number, one in enumerate(said)]


def count(weights: list[int], said: list[str | None], **more: Any) -> dict[str, Any]:
    return weighted_ballot("其他", seats(*weights), votes(*said), **(HALF | more))


def test_the_chairs_vote_weighs_more_and_all_of_it_is_shown() -> None:
    found = count([2, 1, 1, 1], ["赞成", "赞成", "不赞成", None])
    assert (found["due"], found["in_favour"], found["against"], found["needed"], found["passed"]) == (5, 3, 1, 3, True)
    assert [(row["person"], row["weight"], row["vote"]) for row in found["rows"]] == [
        ("P0", 2, "赞成"), ("P1", 1, "赞成"), ("P2", 1, "不赞成"), ("P3", 1, "未投票"),
    ]  # fmt: skip
    assert found["words"] == "通过：4 席共 5 票，已投 3 席（至少 2 席），赞成 3、不赞成 1、弃权 0、回避 0、未投 1，通过须赞成至少 3 票"


def test_heads_make_the_quorum_and_weight_the_majority() -> None:
    heavy = count([9, 1, 1, 1], ["赞成", None, None, None])
    assert (heavy["in_favour"], heavy["quorum_met"], heavy["passed"], heavy["decided"]) == (9, False, False, False)
    assert count([9, 1, 1, 1], ["赞成", "不赞成", None, None])["passed"], "two of four are present"
    even = count([2, 2], ["赞成", "不赞成"])
    assert not even["passed"] and even["decided"], "half is not enough"
    assert not count([3, 1, 1], ["回避", "赞成", "赞成"])["passed"], "whoever is recused counts among those due"


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from((*VOTES, None))), min_size=1, max_size=12))
def test_it_is_counted_the_same_by_hand(ballots: list[tuple[int, str | None]]) -> None:
    weights, said = [weight for weight, _ in ballots], [vote for _, vote in ballots]
    found = count(weights, said)
    heads = sum(1 for vote in said if vote is not None)
    in_favour = sum(weight for weight, vote in ballots if vote == "赞成")
    passed = Fraction(heads, len(said)) >= Fraction(1, 2) and Fraction(in_favour, sum(weights)) > Fraction(1, 2)
    assert (found["passed"], found["voted"], found["in_favour"]) == (passed, heads, in_favour)


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from((*VOTES, None))), min_size=1, max_size=6), st.data())
def test_what_is_decided_no_vote_that_is_still_out_changes(ballots: list[tuple[int, str | None]], data: st.DataObject) -> None:
    weights, said = [weight for weight, _ in ballots], [vote for _, vote in ballots]
    early = count(weights, said)
    late = count(weights, [vote or data.draw(st.sampled_from(VOTES)) for vote in said])
    if early["decided"]:
        assert late["passed"] == early["passed"]
    assert late["decided"], "once all have voted"


@pytest.mark.parametrize(
    ("given_seats", "given_votes", "why"),
    [([], [], "席位"), (seats(1) * 2, [], "席位"), ([{"weight": 1}], [], "席位"), (seats(0), [], "权重"), (seats(100), [], "权重"),
     ([{"person": "P0", "weight": True}], [], "权重"), (seats(1), votes("同意"), "有效票"), (seats(1), votes("赞成", "赞成"), "有效票"),
     (seats(1), [*votes("赞成"), *votes("不赞成")], "有效票")],
)  # fmt: skip
def test_what_is_no_ballot_is_refused(given_seats: Any, given_votes: Any, why: str) -> None:
    with pytest.raises(FactsRefused, match=why):
        weighted_ballot("其他", given_seats, given_votes, **HALF)  # type: ignore[arg-type]


def test_for_a_post_or_a_punishment_each_has_one_vote(root: Path) -> None:
    book = Rulebook.from_directory(root / "bpmn")
    day = datetime(2026, 9, 28, tzinfo=SHANGHAI)
    called = functions(book.pack("liaoning", day.date()), now=day)["weighted ballot"]
    assert called("其他", seats(2, 1), votes("赞成", None))["needed"] == 2
    for kind in ("任用", "处分党员"):
        with pytest.raises(FactsRefused, match="一人一票"):
            called(kind, seats(2, 1), votes("赞成", None))
        assert called(kind, seats(1, 1, 1), votes("赞成", "赞成", None))["passed"]
    with pytest.raises(FactsRefused, match="可选范围"):
        called("评优", seats(1), [])
