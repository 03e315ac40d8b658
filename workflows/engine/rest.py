"""An instance at rest, read without waking it: its variables, from the bytes alone."""

from __future__ import annotations

from typing import Any

from workflows.engine.codec import opened
from workflows.engine.rows import unpack


def variables(state: bytes) -> dict[str, Any]:
    """Of every variable the value written last, in any branch; StateUnreadable for bytes that are no state."""
    latest: dict[str, tuple[int, Any]] = {}
    for seq, name, value in opened(state)["x"]:
        if name not in latest or latest[name][0] < seq:
            latest[name] = (seq, value)
    return {name: unpack(value) for name, (_, value) in latest.items()}
