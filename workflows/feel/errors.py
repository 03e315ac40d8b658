"""The one exception FEEL raises, and the internal signal that a bound on work was reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def N_(message: str) -> str:
    """Mark ``message`` (Chinese) as a translatable sentence; whoever shows it translates it."""
    return message


def _as_it_is(message: str) -> str:
    return message


class FeelSyntaxError(Exception):
    """The text is not FEEL: ``line`` and ``column`` (1-based) say where, ``expected`` what could stand there.

    ``message`` and ``expected`` are message ids with ``%(name)s`` places filled from ``params``; ``instead`` is the
    FEEL to write where the text is that of another language and the translation is mechanical.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int = 1,
        column: int = 1,
        expected: str = "",
        instead: str | None = None,
        **params: Any,
    ) -> None:
        self.message = message
        self.params = params
        self.line = line
        self.column = column
        self.expected = expected
        self.instead = instead
        super().__init__(message % params)

    def __str__(self) -> str:
        return self.words()

    def words(self, translate: Callable[[str], str] = _as_it_is) -> str:
        """The whole sentence in the language that ``translate`` gives message ids in."""
        said = translate(N_("第 %(line)s 行第 %(column)s 列：%(reason)s")) % {
            "line": self.line,
            "column": self.column,
            "reason": translate(self.message) % self.params,
        }
        if self.expected:
            said += translate(N_("；应为：%(expected)s")) % {"expected": translate(self.expected) % self.params}
        if self.instead is not None:
            said += translate(N_("；可改写为 %(instead)s")) % {"instead": self.instead}
        return said


class WorkExhausted(Exception):
    """An evaluation reached its bound on steps, depth or size; caught where evaluation starts."""
