"""What a completion costs as an instance grows old: a body of eight tasks, fifty times round.

The figures are of one instance's life: processor time and state bytes of the last fifth of its completions beside the first.
The stock engine lives the same life for comparison; one of its lives takes as long as many of ours.
"""

from __future__ import annotations

import gc
import time
from statistics import mean

from benchmarks import stock
from benchmarks.figures import Figure, beside
from workflows.engine import complete, start

ROUNDS, TURNS = 50, 5
#: Rounds of the stock engine's life: its cost grows with the square.
THEIR_ROUNDS = 20
BAR = 1.1


def run() -> list[Figure]:
    """Measure; takes about half a minute."""
    process = stock.eight("ageing", rounds=ROUNDS)
    diagram, lent = process.diagram(), stock.house()
    first_time, last_time, first_size, last_size = [], [], [], []
    for _ in range(TURNS):
        progress = start(diagram, {}, lent)
        spent: list[float] = []
        sizes: list[int] = []
        gc.collect()
        gc.disable()
        while not progress.completed:
            (task,) = progress.opened
            filled = {task.step_id[:2]: stock.form(len(spent))}
            began = time.process_time_ns()
            progress = complete(diagram, progress.state, task.token, filled, lent)
            spent.append((time.process_time_ns() - began) / 1e6)
            sizes.append(len(progress.state))
        gc.enable()
        if len(spent) != 8 * ROUNDS:
            raise RuntimeError(f"{len(spent)} completions")
        fifth = len(spent) // 5
        # The first round of all is a little shorter: not every form is filled in yet.
        first_time.append(mean(spent[8 : 8 + fifth]))
        last_time.append(mean(spent[-fifth - 1 : -1]))
        first_size.append(mean(sizes[8 : 8 + fifth]))
        last_size.append(mean(sizes[-fifth - 1 : -1]))
    theirs = _stock()
    return [
        beside("a completion in the last fifth of a life", "ms CPU", last_time, "in the first", first_time, BAR),
        beside("the state in the last fifth of a life", "bytes", last_size, "in the first", first_size, BAR),
        beside("a completion at the end of a life", "ms CPU", last_time, "SpiffWorkflow", theirs[-16:]),
    ]


def _stock() -> list[float]:
    peer = stock.Stock(stock.eight("ageing", rounds=THEIR_ROUNDS))
    state, spent = peer.start(), []
    for number in range(8 * THEIR_ROUNDS - 1):
        filled = {f"t{number % 8 + 1}": stock.form(number)}
        began = time.process_time_ns()
        state = peer.complete(state, filled)
        spent.append((time.process_time_ns() - began) / 1e6)
    return spent
