"""From what was posted to values: reading inputs, storing files, keeping the rights of the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

from workflows.errors import FileRefused
from workflows.submission import AttachmentRef

from . import fields, lookups, messages, posting
from .messages import FieldError
from .spec import ROW_MARK, Field, FormSpec, Item, Note, Path, Section, Table, dotted
from .state import Node, State, Tests, empty, fresh, resolve, rights

#: Stores one uploaded file: (stream, file name, dotted path) -> what is kept. Raises ``FileRefused``.
Store: TypeAlias = Callable[[IO[bytes], str, str], AttachmentRef]


@dataclass(frozen=True)
class Upload:
    """One file as it came in."""

    name: str
    stream: IO[bytes]


@dataclass(frozen=True)
class Rejected:
    """An input that the page never offered: its name (no value) and why."""

    path: str
    code: str


def settle(
    spec: FormSpec, entered: dict[str, Any], start: Mapping[str, Any], context: Mapping[str, Any], tests: Tests
) -> tuple[State, dict[str, Any]]:
    """Work out what shows and can be changed, with the read-only values put back to what they were.

    The rights of a step mostly rest on data that the person cannot write (``task``): then they are known beforehand.
    Where they rest on what is typed, putting one value back can change what else is read-only, so it is repeated.
    """
    if all(tests.is_steady(right) for right in spec.rights):
        current = _put_back(rights(spec.items, entered, context, False, tests), entered, start)
        return resolve(spec, current, context, tests=tests), current
    current = entered
    state = resolve(spec, current, context, tests=tests)
    for _ in range(4):
        fixed = _put_back(state.nodes, current, start)
        if fixed == current:
            break
        current = fixed
        state = resolve(spec, current, context, tests=tests)
    return state, current


def _put_back(nodes: tuple[Node, ...], current: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``current`` with every read-only value replaced by the one it had before the post."""
    data = dict(current)
    for node in nodes:
        match node.item:
            case Field(key=key) if node.readonly:
                data[key] = fresh(start.get(key, empty(node.item)))
            case Table(key=key) as table if node.readonly:
                data[key] = fresh(start.get(key, []))
            case Table(key=key) as table:
                before = start.get(key) or []
                data[key] = [
                    _put_back(row, current[key][n], before[n] if table.fixed_rows and n < len(before) else {})
                    for n, row in enumerate(node.rows)
                ]
                if table.fixed_rows:
                    data[key] = data[key][: len(before)] + fresh(before[len(data[key]) :])
            case Section(path=path) if path:
                data[path] = _put_back(node.children, current[path], start.get(path) or {})
            case Section():
                data |= _put_back(node.children, {**current, **data}, start)
            case _:
                pass
    return data


@dataclass(frozen=True)
class Reader:
    """Reads the values out of what was typed."""

    typed: posting.Posted
    #: How many rows each table has, by its dotted path.
    rows: Mapping[str, int]
    files: Mapping[str, AttachmentRef]
    find: Mapping[str, lookups.Lookup]
    #: Dotted path -> why the text there is no value.
    refused: dict[str, FieldError] = field(default_factory=dict)

    def read(self, items: tuple[Item, ...], above: str = "") -> dict[str, Any]:
        """Read the values of items; ``above`` begins the names of their inputs."""
        data: dict[str, Any] = {}
        for item in items:
            match item:
                case Field(kind="computed"):
                    data[item.key] = None
                case Field():
                    data[item.key] = self._value(item, above + item.key)
                case Table():
                    name = above + item.key
                    data[item.key] = [self.read(item.items, f"{name}.{n}.") for n in range(self.rows.get(name, 0))]
                case Section() if item.path:
                    data[item.path] = self.read(item.items, f"{above}{item.path}.")
                case Section():
                    data |= self.read(item.items, above)
                case Note():
                    pass
        return data

    def _value(self, asked: Field, path: str) -> Any:
        def refuse(kind: tuple[str, str], **params: Any) -> None:
            self.refused.setdefault(path, messages.error(path, kind, label=asked.label, **params))

        value, refusal = fields.value(asked, self.typed.get(path, ()))
        if refusal is not None:
            refuse(refusal)
            return empty(asked)
        if asked.takes_files:
            if any(digest not in self.files for digest in value):
                refuse(messages.FILE_UNKNOWN)
            return [file_value(self.files[digest]) for digest in value if digest in self.files]
        if asked.kind in {"person", "organisation"} and value:
            try:
                code = lookups.resolve(self.find[asked.kind], value) if asked.kind in self.find else None
            except lookups.Ambiguous as several:
                refuse(messages.AMBIGUOUS, found="、".join(label for _, label in several.found[:5]))
                return empty(asked)
            if code is None:
                refuse(messages.UNKNOWN)
                return empty(asked)
            return code
        return value


def file_value(ref: AttachmentRef) -> dict[str, Any]:
    """Write a stored file as form data."""
    return {"sha256": ref.sha256, "name": ref.name, "media_type": ref.media_type, "size": ref.size}


def stored(items: tuple[Item, ...], data: Mapping[str, Any], above: Path) -> Iterator[AttachmentRef]:
    """Yield the files that form data names, each with its place."""
    for item in items:
        match item:
            case Field() if item.takes_files:
                for entry in data.get(item.key) or ():
                    yield AttachmentRef(
                        sha256=entry["sha256"], name=entry["name"], media_type=entry["media_type"],
                        size=int(entry["size"]), field=dotted((*above, item.key)),
                    )  # fmt: skip
            case Table():
                for n, row in enumerate(data.get(item.key) or ()):
                    yield from stored(item.items, row, (*above, item.key, n))
            case Section() if item.path:
                yield from stored(item.items, data.get(item.path) or {}, (*above, item.path))
            case Section():
                yield from stored(item.items, data, above)
            case _:
                pass


def take(
    spec: FormSpec, uploads: Mapping[str, Sequence[Upload]], store: Store, inputs: posting.Inputs, state: State,
    files: dict[str, AttachmentRef],
) -> tuple[dict[str, FieldError], list[Rejected]]:  # fmt: skip
    """Store the uploaded files that the page offered a place for; add their digests to what was typed."""
    refusals: dict[str, FieldError] = {}
    not_offered: list[Rejected] = []
    for name, sent in uploads.items():
        path = posting.path_of(spec, name)
        where = inputs.renamed(path) if path is not None else name
        node = next((node for node in state.fields() if dotted(node.path) == where), None)
        asked = node.item if node is not None else None
        if node is None or not isinstance(asked, Field) or not asked.takes_files:
            not_offered.append(Rejected(name, messages.UNDECLARED))
            continue
        if not node.writable:
            not_offered.append(Rejected(where, messages.READONLY if node.visible else messages.HIDDEN))
            continue
        for upload in sent:
            try:
                ref = store(upload.stream, upload.name, where)
            except FileRefused as refusal:
                refusals[where] = FieldError(where, refusal.code, refusal.message, {"label": asked.label})
                continue
            files[ref.sha256] = ref
            # A field for one file takes the new one instead of the old.
            held = inputs.typed.get(where, []) if asked.limits.max_files > 1 else []
            inputs.typed[where] = [*held, ref.sha256]
    return refusals, not_offered


def rejected(state: State, inputs: posting.Inputs) -> Iterator[Rejected]:
    """Yield every posted input that the page did not offer for these values, with the reason."""
    nodes = {dotted(node.path): node for node in state.walk() if isinstance(node.item, Field | Table)}
    for name in inputs.unknown:
        yield Rejected(name, messages.UNDECLARED)
    for name in sorted(inputs.sent):
        marked = name.endswith(f".{ROW_MARK}")
        node = nodes.get(_table_of(name) if marked else name) or nodes.get(_table_of(name))
        if node is None or (isinstance(node.item, Table) and not marked and node.visible and not node.readonly):
            yield Rejected(name, messages.UNDECLARED)
        elif not node.visible:
            yield Rejected(name, messages.HIDDEN)
        elif node.readonly:
            yield Rejected(name, messages.READONLY)


def _table_of(name: str) -> str:
    """Return the dotted path of the table that an input of a row belongs to; the name itself outside tables."""
    parts = name.split(".")
    return ".".join(parts[:-2]) if len(parts) >= 3 and parts[-2].isdigit() else name


def fixed_rows(items: tuple[Item, ...], start: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, int]]:
    """Yield how many rows each table has whose rows nobody adds or removes."""
    for item in items:
        match item:
            case Table(fixed_rows=True):
                yield (*above, item.key), len(start.get(item.key) or ())
            case Section() if item.path:
                yield from fixed_rows(item.items, start.get(item.path) or {}, (*above, item.path))
            case Section():
                yield from fixed_rows(item.items, start, above)
            case _:
                pass
