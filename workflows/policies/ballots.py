"""The ballot of a collective decision (票决, domain.md 3.0.2): quorum, sum and majority.

From the numbers of the minutes (``ballot``), or from votes given one by one, which may weigh differently (``weighted_ballot``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from workflows.errors import FactsRefused


@dataclass(frozen=True)
class Ballot:
    """What the numbers of a ballot say."""

    #: Fewest members that must be present.
    quorum: int
    quorum_met: bool
    #: Whether 赞成 + 不赞成 + 弃权 = 实到 - 回避.
    sum_met: bool
    #: Fewest votes for, so that the motion passes.
    needed: int
    passed: bool
    words: str

    def as_facts(self) -> dict[str, Any]:
        """Return what an expression sees."""
        return {"quorum": self.quorum, "quorum_met": self.quorum_met, "sum_met": self.sum_met, "needed": self.needed,
                "passed": self.passed, "words": self.words}


def ballot(
    due: Any, present: Any, recused: Any, in_favour: Any, against: Any, abstained: Any, *,
    quorum: Sequence[Decimal | int], majority: Sequence[Decimal | int],
) -> Ballot:
    """Count a ballot. Numbers of people: due, present, recused (or their list), for, against, abstained.

    ``quorum`` and ``majority`` are fractions ``[numerator, denominator]`` of the members due: at least the first must be
    present (the fraction itself is enough), and more than the second must be in favour (half is not enough). Members
    recused are present but do not vote. FactsRefused when a number is no whole number of people, or more are present
    than due, or more recused than present.
    """
    people = {"应到": _people("members_due", due), "实到": _people("members_present", present),
              "回避": _people("members_recused", recused), "赞成": _people("votes_for", in_favour),
              "不赞成": _people("votes_against", against), "弃权": _people("votes_abstain", abstained)}
    if people["应到"] < 1:
        raise FactsRefused(fact="members_due", reason="应到不少于 1 人")
    if people["实到"] > people["应到"]:
        raise FactsRefused(fact="members_present", reason="实到不能多于应到")
    if people["回避"] > people["实到"]:
        raise FactsRefused(fact="members_recused", reason="回避不能多于实到")
    least = -(-people["应到"] * Fraction(quorum[0]) // Fraction(quorum[1]))
    needed = people["应到"] * Fraction(majority[0]) // Fraction(majority[1]) + 1
    votes = people["赞成"] + people["不赞成"] + people["弃权"]
    voters = people["实到"] - people["回避"]
    quorum_met, sum_met = people["实到"] >= least, votes == voters
    passed = quorum_met and sum_met and people["赞成"] >= needed
    return Ballot(int(least), quorum_met, sum_met, int(needed), passed,
                  _words(people, int(least), int(needed), quorum_met, sum_met, passed))


def _words(
    people: dict[str, int], least: int, needed: int, quorum_met: bool, sum_met: bool, passed: bool,
) -> str:
    if not quorum_met:
        return f"到会人数不足，不能票决：应到 {people['应到']} 人，至少到会 {least} 人，实到 {people['实到']} 人"
    votes = f"赞成 {people['赞成']}、不赞成 {people['不赞成']}、弃权 {people['弃权']}"
    if not sum_met:
        return f"票数不符：{votes}，合计应等于实到 {people['实到']} 减回避 {people['回避']}"
    return (f"{'通过' if passed else '未通过'}：应到 {people['应到']} 人，实到 {people['实到']} 人（至少 {least} 人），{votes}，"
            f"通过须赞成至少 {needed} 票")


def _people(fact: str, given: Any) -> int:
    """Return a number of people; a list of people is counted, nothing is nobody."""
    if given is None:
        return 0
    if isinstance(given, (list, tuple)):
        return len(given)
    if isinstance(given, bool) or not isinstance(given, (int, Decimal)) or given != int(given) or given < 0:
        raise FactsRefused(fact=fact, reason=f"应为人数，现为 {given}")
    return int(given)


#: What a vote may be; whoever is recused was present and does not vote.
FOR, AGAINST, ABSTAINED, RECUSED = "赞成", "不赞成", "弃权", "回避"
VOTES = (FOR, AGAINST, ABSTAINED, RECUSED)
#: The heaviest vote.
HEAVIEST = 99


def weighted_ballot(
    kind: str, seats: Sequence[Mapping[str, Any]], votes: Sequence[Mapping[str, Any] | None], *,
    quorum: Sequence[Decimal | int], majority: Sequence[Decimal | int], may_weigh: bool,
) -> dict[str, Any]:
    """Count votes that are given one by one (加权票决), also while some are still out; everybody's is shown.

    ``seats``: {person, weight, …}, one a person, weight 1 where none is given; ``votes``: {person, vote}, or null for one that
    is still out. Whoever has voted, or is recused, is present. The quorum is counted by heads, the majority by weight: the
    motion passes with more than ``majority`` of the weight of all seats (half is not enough). Returns {seats, voted, due,
    in_favour, against, abstained, needed, quorum, quorum_met, passed, decided, rows, words}; ``decided`` as soon as votes that
    are still out can change nothing. ``FactsRefused`` for a seat named twice, a weight that is no whole number from 1, one that
    differs where the kind of motion lets nobody's weigh more (``may_weigh``), an unknown vote, a vote without a seat, two of one.
    """
    weights = {seat.get("person"): _weight(seat) for seat in seats}
    if not weights or None in weights or len(weights) != len(seats):
        raise FactsRefused(fact="seats", reason="每个席位须写明不同的人")
    if len(set(weights.values())) > 1 and not may_weigh:
        raise FactsRefused(fact="seats", reason=f"“{kind}”一人一票，不能加权")
    given: dict[Any, str] = {}
    for vote in votes:
        if vote is None or vote.get("vote") is None:
            continue
        person, said = vote.get("person"), vote["vote"]
        if person not in weights or person in given or said not in VOTES:
            raise FactsRefused(fact="votes", reason=f"“{said}”不是席位上的一张有效票")
        given[person] = said
    total = sum(weights.values())
    summed = {choice: sum(weights[person] for person, said in given.items() if said == choice) for choice in VOTES}
    out = total - sum(summed.values())
    least = int(-(-len(weights) * Fraction(quorum[0]) // Fraction(quorum[1])))
    needed = int(total * Fraction(majority[0]) // Fraction(majority[1]) + 1)
    quorum_met = len(given) >= least
    passed = quorum_met and summed[FOR] >= needed
    return {
        "seats": len(weights), "voted": len(given), "due": total, "in_favour": summed[FOR], "against": summed[AGAINST],
        "abstained": summed[ABSTAINED], "needed": needed, "quorum": least, "quorum_met": quorum_met, "passed": passed,
        "decided": passed or summed[FOR] + out < needed or not out,
        "rows": [{**seat, "weight": weights[seat["person"]], "vote": given.get(seat["person"], "未投票")} for seat in seats],
        "words": (
            f"{'通过' if passed else '未通过'}：{len(weights)} 席共 {total} 票，已投 {len(given)} 席（至少 {least} 席），"
            f"赞成 {summed[FOR]}、不赞成 {summed[AGAINST]}、弃权 {summed[ABSTAINED]}、回避 {summed[RECUSED]}、未投 {out}，"
            f"通过须赞成至少 {needed} 票"
        ),
    }  # fmt: skip


def _weight(seat: Mapping[str, Any]) -> int:
    given = seat.get("weight")
    if given is None:
        return 1
    if isinstance(given, bool) or not isinstance(given, (int, Decimal)) or given != int(given) or not 1 <= given <= HEAVIEST:
        raise FactsRefused(fact="seats", reason=f"权重应为 1 至 {HEAVIEST} 的整数，现为 {given}")
    return int(given)
