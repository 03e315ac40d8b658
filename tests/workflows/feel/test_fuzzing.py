"""Minutes of random texts, by a grammar and by damaged bytes: nothing hangs, swells or raises (``--long``)."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workflows.decisions import load
from workflows.decisions.lint import lint
from workflows.errors import DefinitionRefused
from workflows.feel import FeelSyntaxError, compile, unary_test
from workflows.feel.functions import BUILT_INS

#: Seconds of one test (two of them: ten minutes), and the most processor time of one expression or file.
MINUTES, ONE = 300.0, 1.0

LEAVES = (
    "1", "0", "-1", "2.5", "1e6000", "99999999999999999999999999999999999", '"a"', '"2020-01-01"', '"P1D"',
    '"(a+)+b"', '""', "true", "null",
    '@"2020-02-29"', '@"10:00:00@Asia/Shanghai"', '@"-99999-01-01"', '@"P1Y2M"', '@"-P999999999D"', '@"99999-01-01T00:00:00Z"',
    "xs", "ctx", "教学 月数", "f", "broken", "big", "[]", "{}", "item", "?", "partial",
    "1000000", "rows", "wide", '"[a-c]*b"',
)  # fmt: skip
FORMS = (
    "(% + %)", "(% - %)", "(% * %)", "(% / %)", "(% ** %)", "(% = %)", "(% < %)", "(% and %)", "(% or %)",
    "[%, %, %]", "{a: %, b: %, c d: %}",
    "[%..%]", "(%..%)", "(for i in % return %)", "(for i in %..%, j in % return %)", "(some x in % satisfies %)",
    "%[%]", "(%).a", "(%).days",
    "(%).time offset",
    "(if % then % else %)", "(% instance of list<Any>)", "(% in (%, < %))", "(% between % and %)", "(function(a, b) %)(%, %)",
)  # fmt: skip
FACTS: dict[str, Any] = {
    "xs": [1, 2.5, {"a": [3]}, None, "x", (1, 2)],
    "ctx": {"a": 1, "b": {"a": [1]}},
    "教学 月数": float("nan"),
    "f": lambda *given: given,
    "broken": lambda: 1 / 0,
    "big": "a" * 20_000,
    "rows": list(range(20_000)),
    "wide": {f"k{n}": n for n in range(5_000)},
}


def expressions(chance: random.Random) -> Iterator[str]:
    """Texts by the grammar; some of them damaged."""

    def grown(depth: int) -> str:
        if depth <= 0:
            return chance.choice(LEAVES)
        if chance.random() < 0.4:
            inside = ", ".join(grown(depth - 1) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4))))
            return f"{chance.choice(sorted(BUILT_INS))}({inside})"
        form = chance.choice(FORMS).split("%")
        return form[0] + "".join(grown(depth - 1 - chance.randrange(2)) + rest for rest in form[1:])

    while True:
        text = grown(chance.randrange(1, 6))
        if chance.random() < 0.2:
            letters = list(text)
            for _ in range(chance.randrange(1, 5)):
                letters[chance.randrange(len(letters))] = chance.choice('"([..@{}],/*\\-教 \u3000x1')
            text = "".join(letters)
        yield text


def files(chance: random.Random, root: Path) -> Iterator[bytes]:
    """The project's own decision files, damaged."""
    sound = [path.read_bytes() for path in sorted((root / "bpmn").rglob("*.dmn"))]
    while True:
        raw = bytearray(chance.choice(sound))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(raw))
            if chance.random() < 0.5:
                raw[at] = chance.choice(b'<>"&/=abc 01[]().,-\x00\xff')
            else:
                del raw[at : at + chance.randrange(40)]
        yield bytes(raw)


def endure(material: Iterator[Any], use: Callable[[Any], None]) -> None:
    """Use one after another until the time is over; each quickly, and all within 100 MB more."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end = time.monotonic() + MINUTES
    while time.monotonic() < end:
        one = next(material)
        started = time.process_time()
        use(one)
        assert time.process_time() - started < ONE, one
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.long
@pytest.mark.timeout(360)
def test_expressions_end_and_fail_only_by_name() -> None:
    def use(text: str) -> None:
        problems: list[str] = []
        try:
            compile(text).evaluate(FACTS, problems=problems)
            unary_test(text, 1, FACTS)
        except FeelSyntaxError:
            pass
        assert not [problem for problem in problems if problem.startswith("the evaluation failed")], text

    endure(expressions(random.Random()), use)  # the failing text is shown


@pytest.mark.long
@pytest.mark.timeout(360)
def test_damaged_files_are_refused_or_answer(root: Path) -> None:
    def use(raw: bytes) -> None:
        lint(raw)
        try:
            model = load(raw)
        except DefinitionRefused:
            return
        for decision in model.decisions:
            model.evaluate(decision, FACTS)

    endure(files(random.Random(), root), use)
