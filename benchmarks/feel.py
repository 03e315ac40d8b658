"""Ten typical conditions of diagrams, tables and forms: our compiled FEEL, feelin's under node, and plain Python.

Ours is compiled once and evaluated many times; npm ``@bpmn-io/feelin`` reads the text at each call, which is what its
``evaluate`` offers; Python's are lambdas of this file, the floor that no interpreter on top of Python can reach. The
three take short turns, so that a machine whose speed drifts drifts for all; of each round the fastest turn of each side
counts, so that what else the machine does counts for none. All three must give the same value.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import dev
from benchmarks.figures import Figure
from workflows import feel

#: Rounds of which the median is taken, turns of a round, and evaluations of each side in a turn: a few milliseconds.
ROUNDS, TURNS = 5, 8
OURS, FEELIN, PYTHONS = 200, 20, 2_000
#: Our time for one evaluation must not exceed this share of feelin's.
BAR = 1 / 8

_HISTORY = [
    {"start": f"{2006 + n}-09-01", "end": f"{2007 + n}-08-31", "unit_kind": kind, "duty": "课堂教学", "months": 12}
    for n, kind in enumerate(["中小学", "中小学", "高校", "中小学", "特教", "中小学", "中小学", "其他"])
]
_JUDGED = [{"condition": f"条件{n}", "judgement": "不符合" if n == 5 else "符合"} for n in range(8)]
_FACTS: Mapping[str, Any] = {
    "completeness": {"outcome": "met", "unit_opinion_valid": False},
    "corrections": 1, "max_corrections": 2, "qualification": "不合格", "opinion": "一线教学年限不足，详见判定。",
    "returned": ["birth_date", "achievements", "kinship_status"], "failed": ["教学经历"],
    "teaching_history": _HISTORY, "conditions_judgement": _JUDGED,
    "birth_date": "1988-03-15", "full_name": "李明月", "round_title": "2026年秋季教研员选调",
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """One expression, with what Python's own compiler makes of the same words."""

    name: str
    text: str
    python: Callable[[Any], Any]


CONDITIONS = (
    Condition(
        "a flow's comparisons",
        'completeness.outcome = "met" and not(completeness.unit_opinion_valid)',
        lambda c: c["completeness"]["outcome"] == "met" and not c["completeness"]["unit_opinion_valid"],
    ),
    Condition(
        "number of corrections",
        "(if corrections = null then 0 else corrections) + 1 <= max_corrections",
        lambda c: (0 if c["corrections"] is None else c["corrections"]) + 1 <= c["max_corrections"],
    ),
    Condition(
        "a returned field",
        'returned != null and not(list contains(returned, "birth_date") or list contains(returned, "subject"))',
        lambda c: c["returned"] is not None and not ("birth_date" in c["returned"] or "subject" in c["returned"]),
    ),
    Condition(
        "every row judged",
        'every row in conditions_judgement satisfies row.judgement = "符合"',
        lambda c: all(row["judgement"] == "符合" for row in c["conditions_judgement"]),
    ),
    Condition(
        "some row of a kind",
        'some row in teaching_history satisfies row.unit_kind = "特教" and row.duty = "课堂教学"',
        lambda c: any(row["unit_kind"] == "特教" and row["duty"] == "课堂教学" for row in c["teaching_history"]),
    ),
    Condition(
        "age in years",
        'years and months duration(date(birth_date), date("2026-09-30")).years >= 18',
        lambda c: _years(date.fromisoformat(c["birth_date"]), date(2026, 9, 30)) >= 18,
    ),
    Condition(
        "a choice of three",
        'if qualification = "合格" then "发证" else if qualification = "退回补正" then "补正" else "告知"',
        lambda c: "发证" if c["qualification"] == "合格" else "补正" if c["qualification"] == "退回补正" else "告知",
    ),
    Condition(
        "a path with a filter",
        'count(conditions_judgement[judgement = "不符合"].condition) > 0',
        lambda c: len([row["condition"] for row in c["conditions_judgement"] if row["judgement"] == "不符合"]) > 0,
    ),
    Condition(
        "a sum over rows",
        'sum(for row in teaching_history return if row.unit_kind = "中小学" then row.months else 0) >= 72',
        lambda c: sum(row["months"] if row["unit_kind"] == "中小学" else 0 for row in c["teaching_history"]) >= 72,
    ),
    Condition(
        "a text put together",
        'string length(opinion) >= 10 and contains(opinion, "年限") and starts with(full_name + "申报" + round_title, "李")',
        lambda c: (
            len(c["opinion"]) >= 10
            and "年限" in c["opinion"]
            and (c["full_name"] + "申报" + c["round_title"]).startswith("李")
        ),
    ),
)


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class Feelin:
    """feelin in a node process of its own, asked line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, text: str, times: int) -> tuple[Any, float]:
        """The value, and the nanoseconds of one evaluation."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"expression": text, "context": _FACTS, "times": times}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                "node gave no answer; are the packages of the tests installed? python3 dev.py setup --test"
            )
        answer = json.loads(line)
        if answer["warnings"]:
            raise RuntimeError(f"feelin does not evaluate {text}: {answer['warnings']}")
        return answer["value"], answer["nanoseconds"] / times


@contextmanager
def feelin() -> Iterator[Feelin]:
    """feelin under node: the machine's, else the one that comes as a Python package."""
    (node,) = (dev.system_node() or dev.packaged_node())[0]
    script = Path(__file__).with_name("feelin.mjs")
    process = subprocess.Popen(
        [node, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield Feelin(process)
    finally:
        process.communicate()


def run() -> list[Figure]:
    """Measure; takes about ten seconds."""
    figures, shares, floors = [], [], []
    with feelin() as peer:
        for condition in CONDITIONS:
            ours, theirs, pythons = _measured(condition, peer)
            shares.append(ours / theirs)
            floors.append(ours / pythons)
            figures.append(
                Figure(condition.name, "µs", round(ours / 1000, 2), "feelin", round(theirs / 1000, 2),
                       round(ours / theirs, 4), BAR)
            )  # fmt: skip
            figures.append(
                Figure(f"{condition.name}, beside Python", "µs", round(ours / 1000, 2), "Python's own compiled expression",
                       round(pythons / 1000, 3), round(ours / pythons, 1))
            )  # fmt: skip
    figures.append(Figure("largest share of feelin's time", "share", round(max(shares), 4), bar=BAR))
    figures.append(Figure("median share of feelin's time", "share", round(median(shares), 4), bar=BAR))
    figures.append(Figure("median multiple of Python's time", "times", round(median(floors), 1)))
    return figures


def _measured(condition: Condition, peer: Feelin) -> tuple[float, float, float]:
    """Nanoseconds of one evaluation: ours, feelin's, Python's; medians of the rounds."""
    compiled = feel.compile(condition.text)
    expected = condition.python(_FACTS)
    problems: list[str] = []
    _agree(condition, "ours", _plain(compiled.evaluate(_FACTS, problems=problems)), expected, problems)
    _agree(
        condition, "feelin's", peer.ask(condition.text, 10 * FEELIN)[0], expected, []
    )  # warms node's compiler as well
    rounds: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        turns = [
            (
                _nanoseconds(lambda: compiled.evaluate(_FACTS), OURS),
                peer.ask(condition.text, FEELIN)[1],
                _nanoseconds(lambda: condition.python(_FACTS), PYTHONS),
            )
            for _ in range(TURNS)
        ]
        ours, theirs, pythons = zip(*turns, strict=True)
        rounds.append((min(ours), min(theirs), min(pythons)))
    ours, theirs, pythons = zip(*rounds, strict=True)
    return median(ours), median(theirs), median(pythons)


def _agree(condition: Condition, whose: str, found: Any, expected: Any, problems: list[str]) -> None:
    if found != expected or type(found) is not type(expected) or problems:
        raise RuntimeError(f"{condition.name}: {whose} value is {found!r}, Python's {expected!r} {'; '.join(problems)}")


def _plain(value: Any) -> Any:
    """A value as JSON has it, to be compared with the others'."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def _nanoseconds(evaluate: Callable[[], object], times: int) -> float:
    began = time.perf_counter_ns()
    for _ in range(times):
        evaluate()
    return (time.perf_counter_ns() - began) / times
