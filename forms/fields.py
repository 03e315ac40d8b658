"""The office's field kinds as WTForms fields: what a person typed -> a plain value, or the reason why not.

Values are plain JSON (``workflows.submission``): text, int, Decimal, bool, lists and dicts, days as ISO text. What was
typed is kept and shown again, however wrong it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import Field as Input
from wtforms import widgets

from . import messages
from .spec import Field as Asked

#: Moments are typed and shown in this zone.
OFFICE_ZONE = ZoneInfo("Asia/Shanghai")

#: What JavaScript's ``trim`` removes, so that lengths agree with the browser.
_BLANK = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
#: Characters that change the reading order of what surrounds them (Trojan Source).
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NUMBER = re.compile(r"^[+-]?(\d{1,15})(\.\d{1,12})?$", re.ASCII)
_DAY = re.compile(r"^(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?$", re.ASCII)
_MOMENT = re.compile(r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::\d{2})?(?:\+08:00)?$", re.ASCII)
_DIGEST = re.compile(r"^[0-9a-f]{64}$")


class Unreadable(ValueError):
    """What was typed is no value of this kind; carries one of ``messages``' pairs."""

    def __init__(self, kind: tuple[str, str]) -> None:
        self.kind = kind
        super().__init__(kind[0])


def trimmed(text: str) -> str:
    """Strip what JavaScript strips, and write every line end as one line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip(_BLANK)


def length(text: str) -> int:
    """Count a text as browsers and form-js do: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str, *, lines: bool) -> str:
    """Return the trimmed text; ``Unreadable`` when it holds control, reordering or unpaired characters.

    ``lines`` allows line feeds and tabs.
    """
    text = trimmed(text)
    for character in text:
        if character in "\n\t":
            if not lines:
                raise Unreadable(messages.CHARACTERS)
        elif character in _REORDERING or character in "\ufffe\uffff" or unicodedata.category(character) in {"Cc", "Cs"}:
            raise Unreadable(messages.CHARACTERS)
    return text


def read_line(text: str) -> str:
    """One line of text."""
    return clean(text, lines=False)


def read_lines(text: str) -> str:
    """Several lines of text."""
    return clean(text, lines=True)


def read_narrow(text: str) -> str:
    """A line whose full-width letters and digits, as Chinese input methods write them, become ordinary ones."""
    return clean(unicodedata.normalize("NFKC", text), lines=False)


def read_identity(text: str) -> str:
    """An identity number, its last letter in capital."""
    return read_narrow(text).upper()


def read_number(text: str) -> int | Decimal | None:
    """A number; int when it is whole, never float."""
    text = read_narrow(text)
    if not text:
        return None
    if not _NUMBER.match(text):
        raise Unreadable(messages.NUMBER)
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else value


def read_money(text: str) -> Decimal | None:
    """An amount in yuan; a comma between thousands is accepted. Whole amounts stay Decimal with two digits."""
    text = read_narrow(text)
    if not text:
        return None
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text, re.ASCII):
        text = text.replace(",", "")
    if not _NUMBER.match(text):
        raise Unreadable(messages.MONEY)
    value = Decimal(text)
    if value < 0 or value != value.quantize(Decimal("0.01")):
        raise Unreadable(messages.MONEY)
    return value.quantize(Decimal("0.01"))


def read_day(text: str) -> str | None:
    """A day as ISO text; 2026/9/1, 2026.9.1 and 2026年9月1日 are read too."""
    text = read_narrow(text)
    if not text:
        return None
    found = _DAY.match(text)
    if not found:
        raise Unreadable(messages.DAY)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        raise Unreadable(messages.DAY) from None


def read_moment(text: str) -> str | None:
    """A moment, typed without zone and read as Asia/Shanghai: ``2026-11-21T09:00:00+08:00``."""
    text = read_narrow(text)
    if not text:
        return None
    found = _MOMENT.match(text)
    try:
        if not found:
            raise ValueError
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=OFFICE_ZONE).isoformat()
    except ValueError:
        raise Unreadable(messages.FORMAT) from None


def read_choice(text: str) -> str | None:
    """One option's value; whether it is offered is checked where the options are known."""
    return clean(text, lines=False) or None


_READERS: Mapping[str, tuple[Callable[[str], Any], Any]] = {
    "text": (read_line, ""),
    "textarea": (read_lines, ""),
    "id_card": (read_identity, ""),
    "phone": (read_narrow, ""),
    "email": (read_narrow, ""),
    "person": (read_line, ""),
    "organisation": (read_line, ""),
    "number": (read_number, None),
    "money": (read_money, None),
    "date": (read_day, None),
    "datetime": (read_moment, None),
    "select": (read_choice, None),
    "radio": (read_choice, None),
}


def value(asked: Asked, texts: Sequence[Any]) -> tuple[Any, tuple[str, str] | None]:
    """Return the value of what was posted for a question, and why it is none; nothing posted is nothing filled in.

    Of a question for files the value is the list of their digests.
    """
    if asked.kind == "checkbox":
        ticked = list(texts) == ["true"]
        return ticked, messages.FORMAT if texts and not ticked else None
    if asked.kind == "checklist" or asked.takes_files:
        several = list(dict.fromkeys(str(text) for text in texts))
        if asked.takes_files and not all(_DIGEST.match(text) for text in several):
            return [], messages.FILE
        return several, None
    read, nothing = _READERS[asked.kind]
    if len(texts) > 1:
        return nothing, messages.FORMAT
    try:
        return (read(str(texts[0])) if texts else nothing), None
    except Unreadable as unreadable:
        return nothing, unreadable.kind


def _nothing(asked: Asked) -> Any:
    """The value of a question with one answer that nobody has answered."""
    return False if asked.kind == "checkbox" else _READERS[asked.kind][1]


class OneInput(Input):
    """A question with one answer."""

    def __init__(self, asked: Asked, **options: Any) -> None:
        super().__init__(label=asked.label, **options)
        self.asked = asked
        #: Why the typed text is no value, or None.
        self.refused: tuple[str, str] | None = None

    def process_data(self, value: Any) -> None:
        """Take a stored value."""
        self.data = _nothing(self.asked) if value is None else value

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Read what was posted; nothing posted is nothing filled in."""
        self.data, self.refused = value(self.asked, valuelist)

    def typed(self) -> str:
        """Return the text to show in the input: what was typed, else the stored value."""
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None or self.data is False else shown(self.data)

    def _value(self) -> str:
        return self.typed()


class TickInput(OneInput):
    """A box to tick: true, or not posted at all."""


class SeveralInput(Input):
    """A question with a list of answers: ticked options, or digests of stored files."""

    def __init__(self, asked: Asked, **options: Any) -> None:
        super().__init__(label=asked.label, **options)
        self.asked = asked
        self.refused: tuple[str, str] | None = None

    def process_data(self, value: Any) -> None:
        """Take a stored list."""
        self.data = list(value) if isinstance(value, list | tuple) else []

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        """Take every posted value once, in order."""
        self.data, self.refused = value(self.asked, valuelist)


class Multi(widgets.Input):
    """Placeholder widget of a list: the page's macros draw it."""

    input_type = "hidden"


def make(asked: Asked) -> Any:
    """Return the unbound WTForms field of a question, or None for a computed value: it has no input."""
    if asked.kind == "computed":
        return None
    if asked.kind == "checkbox":
        return TickInput(asked, widget=widgets.CheckboxInput())
    if asked.kind == "checklist" or asked.takes_files:
        return SeveralInput(asked, widget=Multi())
    widget = widgets.TextArea() if asked.kind == "textarea" else widgets.TextInput()
    return OneInput(asked, widget=widget)


def shown(value: Any) -> str:
    """Write a stored value as its input shows it."""
    match value:
        case Decimal():
            return f"{value:f}"
        case str() if _MOMENT.match(value):
            return value[:16]
        case _:
            return str(value)
