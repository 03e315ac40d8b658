"""What is only read from bytes is read once in a test process, whoever asks: diagrams, tables, packs and forms.

Deploying a whole office means to read and check all of it, a second of a processor, and hundreds of tests deploy it with one
drawing of their own beside. Here each file is remembered by its bytes, and what was refused is read again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

import pytest

import forms.check
from workflows import decisions, deployment, engine, manners, policies
from workflows.rulebook import Rulebook, book

#: Files of one kind, and sets of files, that are remembered; the oldest are dropped.
FILES, SETS = 256, 24


def remembered(function: Callable[..., Any], key: Callable[..., Hashable], kept: int = FILES) -> Callable[..., Any]:
    """The function, asked once for each key; what has the key ``None`` is not remembered."""
    known: OrderedDict[Hashable, Any] = OrderedDict()

    def ask(*given: Any, **more: Any) -> Any:
        this = key(*given, **more)
        if this is None:
            return function(*given, **more)
        if this not in known:
            known[this] = function(*given, **more)
            if len(known) > kept:
                known.popitem(last=False)
        return known[this]

    return ask


def read_once(patch: pytest.MonkeyPatch) -> None:
    """From now on this process reads each file once."""
    patch.setattr(engine, "read", remembered(engine.read, _diagram))
    patch.setattr(decisions, "load", remembered(decisions.load, _tables))
    patch.setattr(book, "unknown_policy_keys", remembered(_in_full(book.unknown_policy_keys), _keys))
    patch.setattr(deployment, "table_doubts", remembered(deployment.table_doubts, lambda raw, name: (raw, name)))
    patch.setattr(policies, "load", remembered(policies.load, _set, SETS))
    patch.setattr(Rulebook, "from_files", staticmethod(remembered(Rulebook.from_files, _set, SETS)))
    patch.setattr(forms.check, "read", remembered(forms.check.read, lambda raw, *, file: (raw, file)))


def _in_full(function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    return lambda *given: tuple(function(*given))


def _diagram(xml: bytes, *, file: str, names: Collection[str] = ()) -> Hashable:
    return (xml, file) if names is manners.HOUSE_NAMES else None


def _tables(xml: bytes | list[bytes], *, names: Collection[str] = (), files: Collection[str] = ()) -> Hashable:
    return (xml, *files) if isinstance(xml, bytes) and names is policies.FUNCTION_NAMES else None


def _keys(name: str, raw: bytes, keys: Collection[str]) -> Hashable:
    return name, raw, frozenset(keys)


def _set(files: Mapping[str, bytes]) -> Hashable:
    return deployment.digest_of(files)
