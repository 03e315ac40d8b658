"""One of many: what the completion of one of 200 reviewers costs, beside the stock engine and beside one of 20.

A completion is all that the engine does from stored bytes to stored bytes, the last one, which gathers every result, included.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping

from benchmarks import stock
from benchmarks.figures import Figure, beside
from workflows.engine import Diagram, complete, start

MANY, FEW, TURNS = 200, 20, 5
#: Bars: the stock engine's time ten times ours, and 200 hardly dearer than 20.
STOCK_BAR, GROWTH_BAR = 0.1, 1.3


def run() -> list[Figure]:
    """Measure; takes about half a minute."""
    many, few, peer = stock.fan_out(MANY), stock.fan_out(FEW), stock.Stock(stock.fan_out(MANY))
    diagrams = {MANY: many.diagram(), FEW: few.diagram()}
    ours: dict[int, list[float]] = {MANY: [], FEW: []}
    theirs: list[float] = []
    for _ in range(TURNS):
        # As many completions of the small one as of the large one, so that both warm alike.
        ours[FEW].append(sum(_ours(diagrams[FEW], FEW) for _ in range(MANY // FEW)) / (MANY // FEW))
        ours[MANY].append(_ours(diagrams[MANY], MANY))
        theirs.append(_stock(peer))
    return [
        beside("one of 200 completed", "ms CPU", ours[MANY], "SpiffWorkflow", theirs, STOCK_BAR),
        beside("one of 200 completed", "ms CPU", ours[MANY], "one of 20", ours[FEW], GROWTH_BAR),
    ]


def _ours(diagram: Diagram, count: int) -> float:
    """Milliseconds of processor time a completion."""
    parts: dict[str, bytes] = {}

    def ask(beginning: str) -> Mapping[str, bytes]:
        if beginning.endswith(":"):
            return {beginning: parts[beginning]} if beginning in parts else {}
        return {key: part for key, part in parts.items() if key.startswith(beginning)}

    lent = stock.house(ask)
    progress = start(diagram, {}, lent)
    parts |= progress.parts
    tokens = [task.token for task in progress.opened]
    if len(tokens) != count:
        raise RuntimeError(f"{len(tokens)} members")
    gc.collect()
    began = time.process_time()
    for number, token in enumerate(tokens):
        progress = complete(diagram, progress.state, token, {"out": stock.form(number)}, lent)
        for beginning in progress.parts_gone:
            for key in [key for key in parts if key.startswith(beginning)]:
                del parts[key]
        parts |= progress.parts
    spent = time.process_time() - began
    if [task.step_id for task in progress.opened] != ["t2"] or len(progress.variables["results"]) != count or parts:
        raise RuntimeError("the repetition did not end")
    return spent * 1000 / count


def _stock(peer: stock.Stock) -> float:
    state = peer.start()
    gc.collect()
    began = time.process_time()
    for number in range(MANY):
        state = peer.complete(state, {"out": stock.form(number)})
    spent = time.process_time() - began
    if peer.waits(state) != ["t2"]:
        raise RuntimeError("the stock engine's repetition did not end")
    return spent * 1000 / MANY
