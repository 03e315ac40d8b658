"""A policy value with its source: what an answer shows when it says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

#: What a pack may hold: Decimal, text, yes/no, a day, nothing, lists of these and small tables of these.
Scalar: TypeAlias = Decimal | str | bool | date | None
PolicyValue: TypeAlias = "Scalar | list[PolicyValue] | dict[str, PolicyValue]"

#: The source tags of domain.md 0.1.
TAGS = ("text", "LAW", "PRAC", "GK", "D")

#: The words shown to people for a tag: 文件条款 > 法律 > 实践 > 系统默认 (design/decisions.md).
TAG_WORDS = {"text": "文件条款", "LAW": "法律", "PRAC": "实践", "GK": "系统默认", "D": "系统默认"}

#: Strength of a duty (domain.md I23) and the milder words of the documents.
FORCES = ("应", "一般应", "原则上", "鼓励", "探索", "可以")

#: The longest quotation a pack may carry, in characters.
QUOTE_LIMIT = 30


@dataclass(frozen=True)
class Document:
    """A document a value may rest on: a provincial opinion, a law, a practice page, or the product's own default."""

    code: str
    #: Full title as printed.
    title: str
    #: Name used in reasons, e.g. 广西实施意见.
    short: str
    #: 文号, or empty.
    number: str = ""
    #: Day of the document, or None for defaults.
    issued: date | None = None
    #: How an item is written after the short name; ``{}`` stands for the number ("第{}条").
    item_form: str = "{}"
    #: Name of the file that holds the wording (for the test of quotations), or empty.
    text_file: str = ""

    def item_words(self, item: str) -> str:
        """Return the numbered item as people write it: ``"12(4)"`` becomes 第12条（4）."""
        if not item:
            return ""
        number, bracket, rest = item.partition("(")
        return self.item_form.format(number.strip()) + (bracket + rest).replace("(", "（").replace(")", "）")


@dataclass(frozen=True)
class Citation:
    """One dated policy value and the place in a document it comes from."""

    #: Dotted key, e.g. ``admission.teaching_experience.months``.
    key: str
    #: The value, or None where the document says nothing (or is not yet in force on the day asked for).
    value: PolicyValue
    unit: str
    #: Full title of the document.
    document: str
    #: The numbered item as people write it, e.g. 第13条; empty where the document is silent.
    item: str
    #: What reasons show: 广西实施意见 第13条.
    clause: str
    #: At most 30 characters that really stand in the document; empty for a default.
    quote: str
    #: text | LAW | PRAC | GK | D, possibly combined ("text + D").
    tag: str
    #: 应 | 一般应 | 原则上 | 鼓励 | 探索 | 可以, or empty where the value is no duty.
    force: str
    #: First day in force.
    since: date
    #: Place whose file holds the value: "national", "liaoning", …
    place: str
    #: How the value was read out of the wording, or why it is the default.
    note: str = ""

    def __hash__(self) -> int:
        # The value may be a list; key, place and first day identify a dated value.
        return hash((self.key, self.place, self.since))

    @property
    def tag_words(self) -> str:
        """Return the tag for people: 文件条款, 法律, 实践 or 系统默认; a combined tag names both."""
        words: list[str] = []
        for part in self.tag.split(" + "):
            word = TAG_WORDS.get(part.split("-")[0], part)
            if word not in words:
                words.append(word)
        return "、".join(words)
