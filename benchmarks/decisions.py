"""The decision that an application waits for, ADM-B2, and the tables below it: evaluations per second on realistic facts.

ADM-B2 asks four tables and six steps below them, reads the pack of a province and records every clause it read. The
facts change from one evaluation to the next, so that nothing can be answered from memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from workflows import policies
from workflows.policies import SHANGHAI
from workflows.rulebook import Rulebook

ROUNDS, TIMES = 5, 60
_DAY = date(2026, 9, 30)
_TABLES = ("ADM-B2", "DT-ADM-01", "DT-ADM-02", "DT-ADM-04", "DT-ADM-07")


def _facts(n: int) -> dict[str, Any]:
    """An applicant of eleven years in six posts, two of which overlap, with relatives and two declarations."""
    began = date(2010 + n % 5, 9, 1)
    kinds = ["中小学", "中小学", "高校", "中小学", "特教", "中小学"]
    history = [
        {
            "start": (began + timedelta(days=700 * row)).isoformat(),
            "end": (began + timedelta(days=700 * row + 760)).isoformat() if row < 5 else None,
            "unit_kind": kind,
            "duty": "行政" if row == 3 and n % 2 else "课堂教学",
        }
        for row, kind in enumerate(kinds)
    ]
    return {
        "close_at": "2026-09-30T18:00:00+08:00", "teaching_history": history, "title_series": "教师",
        "appointment_type": "专职", "source_kind": "在职教师",
        "title_level": ("一级", "中学高级", "二级")[n % 3], "discipline_declaration": "有" if n % 4 == 0 else "无",
        "discipline_record": "无", "consent": "同意", "channel": "选调", "hiring_unit": "海青区教师进修学校",
        "kinship": [{"person": f"亲属{n}", "relation": "夫妻", "unit": "海青区第一中学", "post": "教师", "barred_post": False}],
        "panel": ["评委甲", f"亲属{n + n % 2}", "评委乙"],
    }  # fmt: skip


def run() -> list[Figure]:
    """Measure; takes a few seconds."""
    book = Rulebook.from_directory(Path(__file__).parents[1] / "bpmn")
    now = datetime(2026, 9, 30, 12, tzinfo=SHANGHAI)
    asked = [_facts(n) for n in range(12)]
    figures = []
    for place in ("liaoning", "guangxi"):
        pack = book.pack(place, _DAY)
        for table in _TABLES if place == "liaoning" else _TABLES[:1]:
            known = {fact["name"] for fact in book.describe(table)["facts"]}
            turns = cycle([{name: value for name, value in facts.items() if name in known} for facts in asked])

            def ask(table: str = table, pack: policies.Pack = pack, turns: Any = turns) -> Mapping[str, Any]:
                return book.decide(table, next(turns), pack, now).outputs

            outcomes = {str(ask().get("outcome", "")) for _ in asked}
            if table == "ADM-B2" and not {"met", "not_met"} <= outcomes:
                raise RuntimeError(f"the facts are all judged alike: {outcomes}")
            figures.append(Figure(f"{table} by the pack of {place}", "evaluations/s", round(_rate(ask))))
    return figures


def _rate(ask: Callable[[], object]) -> float:
    """Evaluations in a second: the median of the rounds."""
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(TIMES):
            ask()
        rates.append(TIMES / (time.perf_counter() - began))
    return median(rates)
