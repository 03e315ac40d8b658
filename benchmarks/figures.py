"""One measured figure beside its peer's, as ``jiaoyan bench --json`` prints it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure of ours, a peer's from the same run, and the bar, if one is set."""

    name: str
    unit: str
    ours: float
    peer: str | None = None
    peer_value: float | None = None
    #: Ours divided by the peer's.
    ratio: float | None = None
    #: What the ratio (or ours, without a peer) must not exceed.
    bar: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; nothing without a bar."""
        if self.bar is None:
            return None
        return (self.ratio if self.ratio is not None else self.ours) <= self.bar

    def as_json(self) -> dict[str, Any]:
        """The figure as plain data."""
        return {**asdict(self), "holds": self.holds}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` percent of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * share / 100) - 1)]


def beside(name: str, unit: str, ours: list[float], peer: str, theirs: list[float], bar: float | None = None) -> Figure:
    """Medians of both, and their ratio."""
    mine, other = median(ours), median(theirs)
    return Figure(name, unit, round(mine, 3), peer, round(other, 3), round(mine / other, 2), bar)
