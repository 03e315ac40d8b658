"""Personal data for readers who have no need of it: identity and phone numbers in part (前三后四), sensitive answers not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.case_file.outline import Asked
from workflows.errors import N_

#: What stands in place of a sensitive answer.
WITHHELD = N_("（不予显示）")


def masked_text(text: str) -> str:
    """The first three and the last four characters; a short text keeps only its first."""
    if "@" in text:
        name, _, host = text.partition("@")
        return f"{name[:1]}***@{host}"
    if len(text) < 8:
        return text[:1] + "*" * max(0, len(text) - 1)
    return text[:3] + "*" * (len(text) - 7) + text[-4:]


def masked_data(data: Any, asked: Mapping[str, Asked], above: tuple[str, ...] = ()) -> Any:
    """The same data with what the outline marks as personal masked; keys and shapes stay."""
    field = asked.get(".".join(above))
    if field is not None and data not in (None, "", [], {}):
        if field.sensitive and field.kind not in {"group", "dynamiclist"}:
            return WITHHELD
        if field.partly_shown and isinstance(data, str):
            return masked_text(data)
    if isinstance(data, Mapping):
        return {key: masked_data(value, asked, (*above, *_keys(str(key)))) for key, value in data.items()}
    if isinstance(data, list):
        return [masked_data(value, asked, above) for value in data]
    return data


def _keys(key: str) -> tuple[str, ...]:
    """What a person saw is kept by dotted path with row numbers (``seen``); rows have one rule for all."""
    return tuple(part for part in key.split(".") if not part.isdigit())
