"""Pieces of an instance's state kept beside it, so that one member of a large repetition moves without the others.

Key of a member's part: its token and a colon, `t5.17:`; whatever lies inside the member begins with `t5.17.`. No key is the
beginning of another by accident: `t5.1:` and `t5.17:` differ at the colon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import local
from typing import Any

import orjson
import zstandard

from workflows.engine.errors import StateUnreadable

#: Largest piece of state read, unpacked, in bytes.
MAX_STATE = 64_000_000


class _Own(local):
    """Compressors of one thread; none may be shared by two at a time, and a new one costs as much as a small state."""

    def __init__(self) -> None:
        self.down = zstandard.ZstdCompressor(level=3)
        self.up = zstandard.ZstdDecompressor()


_own = _Own()


def squeeze(piece: Mapping[str, Any]) -> bytes:
    """A piece of state as bytes."""
    return _own.down.compress(orjson.dumps(piece))


def swell(raw: bytes) -> dict[str, Any]:
    """The piece that squeeze() made; StateUnreadable for anything else."""
    try:
        # The frame says how large it will be, and would be believed.
        if not 0 <= zstandard.frame_content_size(raw) <= MAX_STATE:
            raise StateUnreadable(reason="过大")
        found = orjson.loads(_own.up.decompress(raw))
    except (zstandard.ZstdError, orjson.JSONDecodeError, TypeError) as error:
        raise StateUnreadable(reason=str(error)) from None
    if not isinstance(found, dict):
        raise StateUnreadable(reason="不是状态")
    return found


class Parts:
    """The parts of one instance during one run: some in its state, the others asked for when needed."""

    def __init__(self, ask: Callable[[str], Mapping[str, bytes]], inside: Mapping[str, Any] | None = None) -> None:
        self._ask = ask
        #: Parts of small repetitions, which lie in the instance's own state.
        self.inside: dict[str, Any] = dict(inside or {})
        #: Parts to be written beside it, and beginnings of keys to be removed before.
        self.written: dict[str, Any] = {}
        self.gone: list[str] = []

    def get(self, key: str, *, beside: bool) -> Any:
        """The part of that key, or None; ``beside``: whether it may lie beside the state."""
        for kept in (self.written, self.inside):
            if key in kept:
                return kept[key]
        raw = self._ask(key).get(key) if beside else None
        return swell(raw) if raw is not None else None

    def under(self, beginning: str, *, beside: bool) -> Iterator[tuple[str, Any]]:
        """Every part whose key begins so."""
        here = {key: part for key, part in (self.inside | self.written).items() if key.startswith(beginning)}
        yield from here.items()
        for key, raw in self._ask(beginning).items() if beside else ():
            if key not in here:
                yield key, swell(raw)

    def put(self, key: str, part: Any, *, beside: bool) -> None:
        """Keep a part, in the state or beside it."""
        (self.written if beside else self.inside)[key] = part

    def remove(self, beginning: str, *, beside: bool) -> None:
        """Forget every part whose key begins so."""
        for kept in (self.inside, self.written):
            for key in [key for key in kept if key.startswith(beginning)]:
                del kept[key]
        if beside:
            self.gone.append(beginning)
