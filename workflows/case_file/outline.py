"""What a form calls its fields, and which of them are personal: enough of a form file to read a case, without drawing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

#: Words in a label by which health, discipline and family details are known; no handler but those of the step needs them.
_SENSITIVE_WORDS = ("身体状况", "健康", "体检", "处分", "审查情况", "亲属", "签名")
#: Kind of a field that holds the picture of a signature.
SIGN = "sign"
#: Kinds shown in part (前 3 后 4) to whoever has no need of the whole.
_PARTLY_SHOWN = frozenset({"id_card", "phone", "email"})


@dataclass(frozen=True)
class Asked:
    """One field or table of a form."""

    label: str
    #: The office's kind (``id_card``, ``phone``, …) or the form-js type.
    kind: str
    #: Its file says for which purpose it is asked (个人信息).
    personal: bool
    #: Label of the table around it, or empty.
    table: str = ""

    @property
    def partly_shown(self) -> bool:
        """An identity number, a phone number or an address: shown in part."""
        return self.kind in _PARTLY_SHOWN

    @property
    def sensitive(self) -> bool:
        """Health, discipline, family, the picture of a signature: not shown at all to whoever has no need of it."""
        return self.personal and (self.kind == SIGN or any(word in self.label or word in self.table for word in _SENSITIVE_WORDS))


def outline(raw: bytes) -> Mapping[str, Asked]:
    """Dotted keys (without row numbers) -> what the form asks there."""
    return dict(_walk(orjson.loads(raw).get("components", ()), (), ""))


def _walk(components: Any, above: tuple[str, ...], table: str) -> Iterator[tuple[str, Asked]]:
    for one in components:
        kind, own, path = one.get("type"), one.get("properties") or {}, one.get("path") or ""
        label = str(own.get("label") or one.get("label") or one.get("dateLabel") or one.get("timeLabel") or "")
        if kind in {"group", "dynamiclist"}:
            below = (*above, *path.split(".")) if path else above
            if path:
                yield ".".join(below), Asked(label, str(kind), "personal" in own, table)
            yield from _walk(one.get("components", ()), below, label if kind == "dynamiclist" else table)
        elif one.get("key"):
            key = str(one["key"])
            yield ".".join((*above, key)), Asked(label or key, str(own.get("kind") or kind), "personal" in own, table)
