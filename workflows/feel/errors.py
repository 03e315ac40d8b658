"""The one exception FEEL raises, and the internal signal that a bound on work was reached."""

from __future__ import annotations


class FeelSyntaxError(Exception):
    """The text is not FEEL: ``line`` and ``column`` (1-based) say where, ``expected`` what could stand there."""

    def __init__(self, reason: str, *, line: int = 1, column: int = 1, expected: str = "") -> None:
        self.reason = reason
        self.line = line
        self.column = column
        self.expected = expected
        super().__init__(reason)

    def __str__(self) -> str:
        tail = f"; expected {self.expected}" if self.expected else ""
        return f"line {self.line}, column {self.column}: {self.reason}{tail}"


class WorkExhausted(Exception):
    """An evaluation reached its bound on steps, depth or size; caught where evaluation starts."""
