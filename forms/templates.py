"""Texts with FEEL in ``{{…}}``: help and descriptions that quote the policy instead of repeating it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from workflows import feel

from .vocabulary import HOUSE_FUNCTIONS

_HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class TemplateError(ValueError):
    """A text whose ``{{…}}`` cannot be read; the message says which and why."""


@lru_cache(maxsize=2048)
def _parts(text: str, names: frozenset[str]) -> tuple[str | feel.Expression, ...]:
    parts: list[str | feel.Expression] = []
    at = 0
    for hole in _HOLE.finditer(text):
        inside = hole[1].strip()
        if inside.startswith(("#", "/")):
            raise TemplateError(f"{{{{{inside}}}}}: loops and conditions inside texts are not drawn; use several texts")
        try:
            expression = feel.compile(inside, names=names)
        except feel.FeelSyntaxError as error:
            raise TemplateError(f"{{{{{inside}}}}}: {error}") from error
        parts += [text[at : hole.start()], expression]
        at = hole.end()
    parts.append(text[at:])
    return tuple(parts)


def parse(text: str, names: Collection[str] = ()) -> tuple[str | feel.Expression, ...]:
    """Split ``text`` into plain passages and expressions; ``TemplateError`` on a hole that is no FEEL."""
    if text.startswith("="):
        raise TemplateError("a text with FEEL writes it inside {{…}}")
    return _parts(text, HOUSE_FUNCTIONS | frozenset(names))


def fill(
    text: str, context: Mapping[str, object], *, now: datetime, say: Callable[[str], str] = str, between: str = "、"
) -> str:
    """Return ``text`` with each hole replaced by its value in words; null becomes nothing, as form-js shows it.

    ``say`` puts the words of a value into the reader's language, ``between`` stands between those of a list.
    """
    return "".join(
        part if isinstance(part, str) else in_words(part.evaluate(context, now=now), say, between) for part in parse(text)
    )


def in_words(value: object, say: Callable[[str], str] = str, between: str = "、") -> str:
    """Write a FEEL value for a person: numbers without needless zeros, lists with 、, yes/no as 是/否."""
    match value:
        case None:
            return ""
        case bool():
            return say("是" if value else "否")
        case Decimal():
            return f"{value.normalize():f}" if value.is_finite() else ""
        case list() | tuple():
            return between.join(in_words(entry, say, between) for entry in value)
        case _:
            return say(str(value)) if value else ""
