"""A stored ruling in words: the conclusion, and each reason with its clause, quotation and tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.policies.citation import TAG_WORDS


@dataclass(frozen=True)
class Reason:
    """Why a ruling says what it says."""

    text: str
    #: 广西实施意见 第13条.
    clause: str
    quote: str
    #: 文件条款, 法律, 实践 or 系统默认, as people read it.
    tag: str


def reasons(answer: Mapping[str, Any]) -> list[Reason]:
    """The reasons of a stored answer, each once, those of required decisions first."""
    found: dict[Reason, None] = {}
    for one in _reasons(answer):
        found[one] = None
    return list(found)


def _reasons(answer: Mapping[str, Any]) -> Iterator[Reason]:
    for part in answer.get("parts") or ():
        yield from _reasons(part)
    for one in answer.get("reasons") or ():
        text, clause, quote, tag = (str(one.get(key) or "") for key in ("text", "clause", "quote", "tag"))
        yield Reason(text, clause, quote, tag_words(tag))


def tag_words(tag: str) -> str:
    """A tag as people read it; ``text + D`` names both."""
    return "、".join(dict.fromkeys(TAG_WORDS.get(part.split("-")[0], part) for part in tag.split(" + ") if part))
