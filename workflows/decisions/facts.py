"""The facts of an evaluation: which of them were read, as deep as they were read, and which clauses were cited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeGuard

from workflows.feel.scope import Run
from workflows.feel.values import known, plain


class Pack(Protocol):
    """What a policy pack offers: itself as a mapping that notes the citation of every value read."""

    def recording(self, note: Callable[[Any], None]) -> Mapping[str, Any]:
        """A view that calls ``note`` for each leaf that is read."""
        ...


def is_pack(value: Any) -> TypeGuard[Pack]:
    """Whether a fact is a policy pack."""
    return hasattr(type(value), "recording")


class DecisionRun(Run):
    """One evaluation of a decision graph. The three collections belong to the decision being worked on."""

    __slots__ = ("_views", "citations", "inputs", "matched")

    def __init__(self, now: Any = None) -> None:
        super().__init__(now)
        self._views: dict[int, tuple[Pack, Mapping[str, Any]]] = {}
        self.begin()

    def begin(self) -> None:
        """Start to note for another decision."""
        self.problems: list[str] = []
        self.citations: list[Any] = []
        self.inputs: dict[str, Any] = {}
        self.matched: list[Any] = []

    def notes(self) -> tuple[Any, ...]:
        """What was noted so far, to be put back with ``restore``."""
        return self.problems, self.citations, self.inputs, self.matched

    def restore(self, notes: tuple[Any, ...]) -> None:
        """Go on noting for a decision that was interrupted by a required one."""
        self.problems, self.citations, self.inputs, self.matched = notes

    def view(self, pack: Pack) -> Mapping[str, Any]:
        """The pack as a mapping that notes its citations here; made once in an evaluation."""
        if id(pack) not in self._views:
            self._views[id(pack)] = (pack, pack.recording(self.cite))
        return self._views[id(pack)][1]

    def cite(self, citation: Any) -> None:
        """Note a citation once."""
        if citation not in self.citations:
            self.citations.append(citation)


class Facts(Mapping[str, Any]):
    """Facts that note what is read of them, under the dotted place where it lies."""

    __slots__ = ("_note", "_run", "_values")

    def __init__(self, values: Mapping[str, Any], run: DecisionRun, place: tuple[str, ...] = ()) -> None:
        self._values = values
        self._run = run
        self._note = place

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if is_pack(value):
            return self._run.view(value)
        place = (*self._note, key)
        if isinstance(value, Mapping):
            return Facts(value, self._run, place)
        if not callable(value):
            note_read(self._run.inputs, place, value)
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def note_read(inputs: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Keep a value that was read under its place."""
    for part in place[:-1]:
        below = inputs.setdefault(part, {})
        if not isinstance(below, dict):
            return
        inputs = below
    inputs[place[-1]] = plain(known(value))


def merge_inputs(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what a required decision read."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge_inputs(into[key], value)
        else:
            into.setdefault(key, value)
