"""An instance at rest, read without waking it: its variables, from the bytes alone."""

from __future__ import annotations

from typing import Any

import orjson
import zstandard

from workflows.engine.codec import FORMAT, MAX_STATE, unpack
from workflows.engine.errors import StateUnreadable


def variables(state: bytes) -> dict[str, Any]:
    """Of every variable the value written last, in any branch; StateUnreadable for bytes that are no state."""
    try:
        found = orjson.loads(zstandard.ZstdDecompressor().decompress(state, max_output_size=MAX_STATE))
        version, cells = found["v"], found["x"]
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StateUnreadable(reason=str(error)) from None
    if version != FORMAT:
        raise StateUnreadable(reason=f"格式 {version}")
    latest: dict[str, tuple[int, Any]] = {}
    for seq, name, value in cells:
        if name not in latest or latest[name][0] < seq:
            latest[name] = (seq, value)
    return {name: unpack(value) for name, (_, value) in latest.items()}
