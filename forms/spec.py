"""What a form asks, as immutable values: sections, fields, tables, their rules and who may see or change them.

A form file is form-js 1.23 JSON (``forms/library/README.md`` says how one is written); ``check.read`` turns its bytes
into a ``FormSpec``. Nothing here knows a browser, a request or a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from workflows import feel

from .templates import parse

#: A dotted place in the data: keys and row indexes from 0, e.g. ``("teaching_history", 0, "start")``.
Path: TypeAlias = tuple[str | int, ...]

#: What a field is to the office; the form-js type says only how it is drawn.
KINDS = frozenset(
    {
        "text", "textarea", "number", "money", "date", "datetime", "select", "radio", "checkbox", "checklist",
        "id_card", "phone", "email", "person", "organisation", "attachment", "photo", "sign", "computed",
    }
)  # fmt: skip
#: Kinds whose value is a list of stored files.
FILE_KINDS = frozenset({"attachment", "photo", "sign"})
#: Kinds whose value is one of given options.
CHOICE_KINDS = frozenset({"select", "radio", "checklist"})
#: Kinds whose value is text that a person types.
TEXT_KINDS = frozenset({"text", "textarea", "id_card", "phone", "email"})
#: Last part of the name of the mark that says a row exists, though nothing in it may be ticked or filled.
ROW_MARK = "_row"


@dataclass(frozen=True)
class Option:
    """One choice: what is stored (the Chinese term) and what is shown."""

    value: str
    label: str


@dataclass(frozen=True)
class Personal:
    """Why a personal field is asked and how long it is kept (个人信息保护法 art. 6 and 19)."""

    purpose: str
    retention: str


@dataclass(frozen=True)
class Rule:
    """A condition across fields. It is broken when the expression is false; null means that something is not filled in yet."""

    expression: feel.Expression
    #: Chinese sentence, a message id.
    message: str
    #: The office's code (domain.md 3.0.3).
    code: str
    #: A warning is shown and recorded but does not stop the person.
    warning: bool = False


@dataclass(frozen=True)
class Limits:
    """Bounds of one value. Lengths count UTF-16 units, as browsers and form-js do; a bound may be FEEL."""

    min: Decimal | feel.Expression | None = None
    max: Decimal | feel.Expression | None = None
    min_length: int | feel.Expression | None = None
    max_length: int | feel.Expression | None = None
    pattern: str | None = None
    pattern_message: str | None = None
    #: Digits after the point; None sets no bound.
    decimals: int | None = None
    #: Media types a file may have.
    media_types: tuple[str, ...] = ()
    #: Greatest size of one file in bytes.
    max_bytes: int | None = None
    #: How many files.
    min_files: int = 0
    max_files: int = 1


@dataclass(frozen=True)
class Field:
    """One question, or one computed value."""

    id: str
    key: str
    kind: str
    #: The form-js component type.
    type: str
    label: str
    description: str = ""
    required: bool = False
    #: Required only while this is true (our own property; form-js knows no such rule).
    required_when: feel.Expression | None = None
    limits: Limits = field(default_factory=Limits)
    options: tuple[Option, ...] = ()
    #: FEEL giving the options, instead of ``options``.
    options_from: feel.Expression | None = None
    hide: feel.Expression | None = None
    readonly: bool | feel.Expression = False
    #: FEEL of a computed value.
    expression: feel.Expression | None = None
    #: FEEL of the value the field starts with (server only).
    prefill: feel.Expression | None = None
    personal: Personal | None = None
    rules: tuple[Rule, ...] = ()
    #: Pack keys whose clause stands beside the field.
    policy_keys: tuple[str, ...] = ()
    #: Key of the date that an identity number must agree with.
    birth_date: str | None = None
    #: Share of the row's width, 1–16, or None for a whole row.
    columns: int | None = None

    @property
    def takes_files(self) -> bool:
        """Whether the value is a list of stored files."""
        return self.kind in FILE_KINDS


@dataclass(frozen=True)
class Note:
    """A passage of plain-language help; ``{{…}}`` holds FEEL."""

    id: str
    text: str
    hide: feel.Expression | None = None
    policy_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with the fields under it. With a ``path``, their values lie in a context of that name."""

    id: str
    label: str
    path: str = ""
    hide: feel.Expression | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows of the same fields; the value is a list of contexts under ``key``."""

    id: str
    key: str
    label: str
    description: str = ""
    hide: feel.Expression | None = None
    readonly: bool | feel.Expression = False
    items: tuple[Item, ...] = ()
    min_rows: int = 0
    max_rows: int = 50
    #: Rows shown at the start.
    default_rows: int = 1
    #: The rows are given by ``prefill``: nobody adds or removes one.
    fixed_rows: bool = False
    prefill: feel.Expression | None = None
    rules: tuple[Rule, ...] = ()
    policy_keys: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of one row, in order."""
        return tuple(entry for _, entry in walk_fields(self.items))


Item: TypeAlias = Field | Note | Section | Table


@dataclass(frozen=True)
class FormSpec:
    """One form file, checked."""

    id: str
    name: str
    items: tuple[Item, ...] = field(repr=False)
    #: ``sha256:`` digest of the file's bytes.
    digest: str
    documentation: str = ""

    @property
    def variable(self) -> str:
        """Name of the instance variable that a submission is stored under."""
        return self.id.rpartition(".")[2]

    def fields(self) -> Iterator[tuple[tuple[str, ...], Field]]:
        """Yield (keys from the root, field) of every field, rows' fields under their table's key."""
        yield from walk_fields(self.items)

    def top_keys(self) -> tuple[str, ...]:
        """Keys of the first level of the data, in order: what a return for correction can name."""
        keys: dict[str, None] = {}
        for item in _flat(self.items):
            match item:
                case Field():
                    keys.setdefault(item.key.split(".")[0])
                case Table():
                    keys.setdefault(item.key)
                case Section():
                    keys.setdefault(item.path)
                case Note():
                    pass
        return tuple(keys)

    @cached_property
    def read_keys(self) -> frozenset[str]:
        """Keys of the first level that an expression for showing, rights, choices, bounds or texts reads.

        A change of one of these can change the rest of the page. Keys of rows count under their table.
        """
        tops = set(self.top_keys())
        return frozenset(_read_keys(self.items, None)) & tops

    @cached_property
    def shapes(self) -> Mapping[tuple[str | int, ...], bool]:
        """Every input that the form has, by the parts of its name, 0 standing for a row's number: whether it is the mark of a row.

        What is asked for every name that a browser posts is looked up here, not searched for.
        """
        return dict(_shapes(self.items, ()))

    @cached_property
    def computes(self) -> bool:
        """Whether any of its values is computed."""
        return any(asked.kind == "computed" for _, asked in self.fields())

    @cached_property
    def signs(self) -> frozenset[str]:
        """Keys of the fields that ask for a signature, those in rows too."""
        return frozenset(asked.key for _, asked in self.fields() if asked.kind == "sign")

    @cached_property
    def rights(self) -> tuple[bool | feel.Expression, ...]:
        """Everything that says who may change what."""
        return tuple(item.readonly for item in _every(self.items) if isinstance(item, Field | Table))

    def label(self, path: Path) -> str:
        """Return the Chinese label of the field, table or section at ``path`` (row indexes are skipped)."""
        keys = tuple(part for part in path if isinstance(part, str))
        return _labels(self.items, ()).get(keys, keys[-1] if keys else self.name)


def _shapes(items: tuple[Item, ...], above: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], bool]]:
    for item in items:
        match item:
            case Field():
                if item.kind != "computed":
                    yield (*above, item.key), False
            case Table():
                yield (*above, item.key, 0, ROW_MARK), True
                yield from _shapes(item.items, (*above, item.key, 0))
            case Section():
                yield from _shapes(item.items, (*above, item.path) if item.path else above)
            case Note():
                pass


def _read_keys(items: tuple[Item, ...], row: str | None) -> Iterator[str]:
    """Yield the names that expressions read; ``this`` inside a row is its table."""
    for item in items:
        for expression in steering(item):
            for name in expression.names:
                if name in {"this", "_this_"} and row is not None:
                    yield row
                else:
                    yield name
        if isinstance(item, Section):
            yield from _read_keys(item.items, row)
        elif isinstance(item, Table):
            yield from _read_keys(item.items, item.key)


def steering(item: Item) -> Iterator[feel.Expression]:
    """Yield the expressions of an item that steer how it looks (not its rules, which are asked on sending)."""
    values: list[object] = [item.hide]
    texts: list[str] = []
    if isinstance(item, Field):
        values += [item.readonly, item.required_when, item.options_from, item.expression]
        texts = [item.description]
    elif isinstance(item, Table):
        values.append(item.readonly)
        texts = [item.description]
    elif isinstance(item, Note):
        texts = [item.text]
    values += [part for text in texts for part in parse(text)]
    yield from (value for value in values if isinstance(value, feel.Expression))


def _flat(items: tuple[Item, ...]) -> Iterator[Item]:
    """Yield items with sections that have no path of their own opened up."""
    for item in items:
        if isinstance(item, Section) and not item.path:
            yield from _flat(item.items)
        else:
            yield item


def _every(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        if isinstance(item, Section | Table):
            yield from _every(item.items)


def walk_fields(items: tuple[Item, ...], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Yield (keys, field) below ``items``, depth first, in the order of the page."""
    for item in items:
        match item:
            case Field():
                yield (*above, item.key), item
            case Section():
                yield from walk_fields(item.items, (*above, item.path) if item.path else above)
            case Table():
                yield from walk_fields(item.items, (*above, item.key))
            case Note():
                pass


def _labels(items: tuple[Item, ...], above: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for item in items:
        match item:
            case Field():
                found[(*above, item.key)] = item.label
            case Section():
                below = (*above, item.path) if item.path else above
                if item.path:
                    found[below] = item.label
                found |= _labels(item.items, below)
            case Table():
                found[(*above, item.key)] = item.label
                found |= _labels(item.items, (*above, item.key))
            case Note():
                pass
    return found


def dotted(path: Path) -> str:
    """Write a path as ``teaching_history.0.start``: the form of errors, of input names and of audit entries."""
    return ".".join(map(str, path))
