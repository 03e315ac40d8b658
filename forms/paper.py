"""A filled form in words: for reading through before submitting, for the case file, for paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .spec import Field, FormSpec, Item, Note, Path, Section, Table, dotted
from .state import Node, State, options_of
from .templates import in_words


@dataclass(frozen=True)
class Entry:
    """One answer."""

    #: Dotted path.
    path: str
    #: Chinese label, a message id.
    label: str
    kind: str
    #: The answer in words; empty when nothing was filled in.
    text: str
    #: Stored files, each {sha256, name, media_type, size}.
    files: tuple[Mapping[str, Any], ...] = ()
    #: Whether auditors see it only after saying why (domain.md 3.0.9).
    personal: bool = False
    #: The stored values behind ``text`` where they are terms of an option list: message ids.
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table of rows."""

    path: str
    label: str
    #: Labels of the columns.
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True)
class Part:
    """A section; the label is empty for what stands outside sections."""

    label: str
    entries: tuple[Entry | Grid, ...]


def parts(spec: FormSpec, data: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> tuple[Part, ...]:
    """Return what stands in ``data`` (a submission's), section by section; keys that are not there were not shown.

    ``labels`` gives the words for values that are codes (posts, organisations), by dotted path: a submission keeps
    them in ``seen["_labels"]``.
    """
    found = list(_parts(spec.items, data, (), labels or {}))
    return tuple(part for part in found if part.entries)


def _parts(items: tuple[Item, ...], data: Mapping[str, Any], above: Path, labels: Mapping[str, str]) -> Iterator[Part]:
    loose: list[Entry | Grid] = []
    for item in items:
        match item:
            case Section():
                if loose:
                    yield Part("", tuple(loose))
                    loose = []
                below = (*above, item.path) if item.path else above
                inside = data.get(item.path) if item.path else data
                if isinstance(inside, Mapping):
                    inner = list(_parts(item.items, inside, below, labels))
                    yield Part(item.label, tuple(entry for part in inner for entry in part.entries))
            case Field() if item.key in data:
                loose.append(_entry(item, data[item.key], (*above, item.key), labels))
            case Table() if isinstance(data.get(item.key), list):
                loose.append(_grid(item, data[item.key], (*above, item.key), labels))
            case Note() | _:
                pass
    if loose:
        yield Part("", tuple(loose))


def _grid(table: Table, rows: list[Mapping[str, Any]], path: Path, labels: Mapping[str, str]) -> Grid:
    return Grid(
        path=dotted(path),
        label=table.label,
        columns=tuple(asked.label for asked in table.fields),
        rows=tuple(
            tuple(_entry(asked, row.get(asked.key), (*path, n, asked.key), labels) for asked in table.fields)
            for n, row in enumerate(rows)
        ),
    )


def _entry(asked: Field, value: Any, path: Path, labels: Mapping[str, str]) -> Entry:
    name = dotted(path)
    files = tuple(value) if asked.takes_files and isinstance(value, list) else ()
    terms: tuple[str, ...] = ()
    if asked.takes_files:
        text = "、".join(str(entry["name"]) for entry in files)
    elif name in labels:
        text = labels[name]
    elif asked.kind in {"select", "radio", "checklist"}:
        named = {option.value: option.label for option in asked.options}
        values = value if isinstance(value, list) else [value] if value else []
        terms = tuple(named.get(entry, str(entry)) for entry in values)
        text = "、".join(terms)
    elif asked.kind == "datetime" and isinstance(value, str):
        text = value[:16].replace("T", " ")
    elif asked.kind == "money" and value is not None:
        text = f"{value:,.2f}"
    else:
        text = in_words(value)
    return Entry(name, asked.label, asked.kind, text, files, asked.personal is not None, terms)


def entry(node: Node, words: Mapping[str, str]) -> Entry:
    """Return one shown field in words."""
    if not isinstance(node.item, Field):
        raise TypeError("only a field has an answer")
    return _entry(node.item, node.value, node.path, words)


def labels(state: State, names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the words for every value that is a code, by dotted path: options given by data, and look-ups.

    ``names`` gives, by kind, code -> name of organisations and people that occur.
    """
    words: dict[str, str] = {}
    for node in state.fields():
        asked = node.item
        if not node.visible or not isinstance(asked, Field) or not node.value:
            continue
        if asked.options_from is not None:
            named = {option.value: option.label for option in options_of(node, state.now)}
            values = node.value if isinstance(node.value, list) else [node.value]
            if any(named.get(value, value) != value for value in values):
                words[dotted(node.path)] = "、".join(named.get(value, str(value)) for value in values)
        elif asked.kind in names and node.value in names[asked.kind]:
            words[dotted(node.path)] = names[asked.kind][node.value]
    return words


def masked(entry: Entry) -> str:
    """Return the answer with personal data covered: an identity number keeps its ends, a name its first character."""
    if not entry.personal or not entry.text:
        return entry.text
    if entry.kind == "id_card":
        return f"{entry.text[:3]}***********{entry.text[-4:]}"
    if entry.kind == "phone":
        return f"{entry.text[:3]}****{entry.text[-4:]}"
    return f"{entry.text[0]}**"
