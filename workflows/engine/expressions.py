"""Values as a diagram gives them: text, or FEEL when they begin with `=`; compiled once, evaluated many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflows import feel


@dataclass(frozen=True)
class Text:
    """A fixed text."""

    text: str

    def value(self, scope: Mapping[str, Any], now: datetime, problems: list[str]) -> Any:
        """Return the text itself."""
        return self.text


@dataclass(frozen=True)
class Formula:
    """A FEEL expression of the diagram, with its place."""

    text: str
    #: 1-based line in the file.
    line: int
    compiled: feel.Expression = field(compare=False, repr=False)

    def value(self, scope: Mapping[str, Any], now: datetime, problems: list[str]) -> Any:
        """Evaluate; a failing expression gives None and its reasons are appended to ``problems``."""
        return self.compiled.evaluate(scope, now=now, problems=problems)


Given = Text | Formula


def given(text: str, line: int, names: Collection[str]) -> Given:
    """Read an attribute's value: FEEL after `=`, else text. ``names`` are house names with spaces.

    Raises workflows.feel.FeelSyntaxError with line and column inside the expression; also for another language's text.
    """
    if not text.startswith("="):
        feel.refuse_juel(text)
        return Text(text)
    source = text[1:].strip()
    compiled = feel.compile(source, names=names)
    feel.refuse_foreign(source, names=names)
    return Formula(source, line, compiled)
