"""The one spelling of a value that digests are taken over: RFC 8785, restricted.

Only strings, integers, booleans, null, lists and maps with string keys. Decimals become strings, moments UTC strings
with microseconds, days ISO strings; a float is refused, because two machines may spell it differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

#: RFC 8785 numbers are IEEE doubles; beyond this an integer has no single spelling there.
_LARGEST = 2**53 - 1


def moment(value: datetime) -> str:
    """Spell an aware moment: ``2026-11-21T01:02:03.000004Z``."""
    if value.tzinfo is None:
        raise ValueError("a moment must carry its zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Any) -> Any:
    """Return the value as restricted JSON data; raises ``TypeError`` on what has no single spelling."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    # Nearly everything is one of these; asking for them first saves asking what a value is not.
    if kind is dict and all(type(key) is str for key in value):
        return {key: plain(item) for key, item in value.items()}
    if kind is list:
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise TypeError(f"integer out of range: {value}")
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("map keys must be strings")
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"no canonical form for {type(value).__name__}")


#: With these begins, in UTF-8, every sign beyond the basic plane and nothing else.
_BEYOND = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")


def _ordered(value: Any) -> Any:
    """RFC 8785 orders keys by UTF-16 code units, orjson by code points; they differ only by signs beyond the basic plane."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """Canonical UTF-8 bytes of a value; raises ``TypeError`` or ``ValueError`` on what cannot be spelt."""
    ready = plain(value)
    spelt = orjson.dumps(ready, option=orjson.OPT_SORT_KEYS)  # spells strings and whole numbers as RFC 8785 does
    return orjson.dumps(_ordered(ready)) if any(sign in spelt for sign in _BEYOND) else spelt
