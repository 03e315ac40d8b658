"""Refuses a bad form file, with its place and reason, every defect at once; gives back the ``FormSpec`` of a good one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator

from workflows import feel
from workflows.errors import DefinitionRefused

from . import templates
from . import vocabulary as words
from .reading import Reader
from .spec import Field, FormSpec, Item, Note, Rule, Section, Table

#: A form file is a few dozen kilobytes; a megabyte is a mistake.
MAX_BYTES = 1_000_000


def read(raw: bytes, *, file: str) -> FormSpec:
    """Return the form that ``raw`` (UTF-8 JSON) describes. ``file`` is its path as the author knows it.

    Raises ``DefinitionRefused`` with every defect found, each with component and line.
    """
    text, schema = _parse(raw, file)
    names = _read_names(schema)
    keys = frozenset(_top_names(schema.get("components")))
    reader = Reader(file, text, keys | names)
    _root(schema, reader)
    spec = FormSpec(
        id=str(schema.get("id", "")),
        name=str(_properties(schema).get("name", "")),
        items=reader.items(schema.get("components", []), ""),
        digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        documentation=str(_properties(schema).get("documentation", "")),
    )
    _cross_check(spec, reader)
    if reader.problems:
        raise DefinitionRefused(reader.problems)
    return spec


def _parse(raw: bytes, file: str) -> tuple[str, dict[str, object]]:
    reader = Reader(file, "", ())
    if len(raw) > MAX_BYTES:
        reader.refuse("", f"the file has {len(raw)} bytes; a form has at most {MAX_BYTES}")
        raise DefinitionRefused(reader.problems)
    try:
        text = raw.decode("utf-8")
        schema = json.loads(text, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        reader.refuse("", f"is no JSON text in UTF-8: {error}")
        raise DefinitionRefused(reader.problems) from None
    if not isinstance(schema, dict):
        reader.refuse("", "a form file holds one JSON object")
        raise DefinitionRefused(reader.problems)
    return text, schema


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands twice in one object")
    return dict(pairs)


def _properties(schema: dict[str, object]) -> dict[str, object]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _read_names(schema: dict[str, object]) -> frozenset[str]:
    """Names of instance data that the form says it reads (root property ``reads``)."""
    return frozenset(name.strip() for name in str(_properties(schema).get("reads", "")).split(",") if name.strip())


def _top_names(components: object) -> Iterator[str]:
    """Names at the first level of the form's data, read before the components are, so that FEEL can be parsed."""
    for component in components if isinstance(components, list) else ():
        if not isinstance(component, dict):
            continue
        if component.get("type") == "group" and not component.get("path"):
            yield from _top_names(component.get("components"))
        else:
            for attribute in ("key", "path"):
                if isinstance(name := component.get(attribute), str) and name:
                    yield name.split(".")[0]


def _root(schema: dict[str, object], reader: Reader) -> None:
    if schema.get("type") != "default":
        reader.refuse("", "the root's type must be 'default'")
    for name in sorted(set(schema) - words.ROOT_ATTRIBUTES):
        reader.refuse("", f"attribute {name!r} of the form is not executed here; remove it")
    for name in sorted(set(_properties(schema)) - words.ROOT_PROPERTIES):
        reader.refuse("", f"property {name!r} of the form is not executed here; remove it")
    identity = schema.get("id")
    if not isinstance(identity, str) or not words.FORM_ID.match(identity):
        reader.refuse("", f"id {identity!r} must be <process>.<form>, e.g. admission.application")
    elif not reader.file.replace("\\", "/").endswith(identity.replace(".", "/") + ".json"):
        reader.refuse("", f"a form with id {identity!r} lies in {identity.replace('.', '/')}.json")
    if not str(_properties(schema).get("name", "")).strip():
        reader.refuse("", "properties.name is missing: the form's title as people read it")
    version = schema.get("schemaVersion")
    if not isinstance(version, int) or version not in words.SCHEMA_VERSIONS:
        low, high = words.SCHEMA_VERSIONS[0], words.SCHEMA_VERSIONS[-1]
        reader.refuse("", f"schemaVersion {version!r} is not known; {low} to {high} are")


def _cross_check(spec: FormSpec, reader: Reader) -> None:
    """Check what no component shows alone: equal keys, names that nothing defines, dates that belong to numbers."""
    places = Counter(path for path, _ in _places(spec.items, ()))
    for path, count in places.items():
        if count > 1:
            reader.refuse(path[-1], f"key {'.'.join(path)} stands {count} times")
    if not places:
        reader.refuse("", "the form asks nothing")
    for row, item in _with_row(spec.items, None):
        for what, expression in _expressions(item):
            _names_known(expression, what, item, row, reader)
        if isinstance(item, Field) and item.birth_date is not None:
            beside = {entry.key: entry for _, entry in _beside(spec, row)}
            if item.birth_date not in beside or beside[item.birth_date].kind != "date":
                reader.refuse(item.key, f"birth_date names {item.birth_date!r}, which is no date field beside it")
        if isinstance(item, Table) and any(isinstance(entry, Table) for entry in item.items):
            reader.refuse(item.key, "a table inside a table cannot be shown on a page; use a second table")
        if isinstance(item, Field) and row is not None and item.readonly is not False and not row.fixed_rows:
            reader.refuse(item.key, "a read-only field in a row needs rows that stay (allowAddRemove = false)")
        if isinstance(item, Section) and row is not None:
            reader.refuse(item.id, "a section inside a row is not drawn; put its fields into the row")


def _places(items: tuple[Item, ...], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Item]]:
    for item in items:
        match item:
            case Field():
                yield (*above, item.key), item
            case Table():
                yield (*above, item.key), item
                yield from _places(item.items, (*above, item.key))
            case Section():
                yield from _places(item.items, (*above, item.path) if item.path else above)
            case Note():
                pass


def _with_row(items: tuple[Item, ...], row: Table | None) -> Iterator[tuple[Table | None, Item]]:
    """Yield every item with the table whose row it stands in."""
    for item in items:
        yield row, item
        if isinstance(item, Section):
            yield from _with_row(item.items, row)
        elif isinstance(item, Table):
            yield from _with_row(item.items, item)


def _beside(spec: FormSpec, row: Table | None) -> Iterator[tuple[tuple[str, ...], Field]]:
    if row is None:
        return spec.fields()
    return ((("",), entry) for entry in row.fields)


def _expressions(item: Item) -> Iterator[tuple[str, feel.Expression]]:
    """Yield every expression that an item carries, with what it is."""
    if item.hide is not None:
        yield "conditional.hide", item.hide
    texts: list[str] = []
    rules: tuple[Rule, ...] = ()
    if isinstance(item, Field):
        limits = item.limits
        for what, value in (
            ("readonly", item.readonly), ("required_when", item.required_when), ("prefill", item.prefill),
            ("expression", item.expression), ("valuesExpression", item.options_from), ("min", limits.min),
            ("max", limits.max), ("minLength", limits.min_length), ("maxLength", limits.max_length),
        ):  # fmt: skip
            if isinstance(value, feel.Expression):
                yield what, value
        texts, rules = [item.description], item.rules
    elif isinstance(item, Table):
        for what, value in (("readonly", item.readonly), ("prefill", item.prefill)):
            if isinstance(value, feel.Expression):
                yield what, value
        texts, rules = [item.description], item.rules
    elif isinstance(item, Note):
        texts = [item.text]
    for rule in rules:
        yield "rule", rule.expression
    for text in texts:
        try:
            parts = templates.parse(text)
        except templates.TemplateError:
            continue  # already refused where it was read
        for part in parts:
            if not isinstance(part, str):
                yield "text", part


def _names_known(expression: feel.Expression, what: str, item: Item, row: Table | None, reader: Reader) -> None:
    element = item.key if isinstance(item, Field | Table) else item.id
    known = reader.names | words.HOUSE_FUNCTIONS
    for name in sorted(set(expression.names) - known):
        hint = ""
        if row is not None and name in {entry.key for entry in row.fields}:
            hint = f"; a field of the same row is read as this.{name}"
        reader.refuse(element, f"{what} reads {name!r}, which nothing defines{hint}")
    if row is None or not isinstance(item, Field | Note):
        return
    keys = {entry.key for entry in row.fields}
    for path in sorted(expression.paths):
        head, _, rest = path.partition(".")
        if head == "this" and rest and rest.split(".")[0] not in keys:
            reader.refuse(element, f"{what} reads {path!r}, but a row of {row.key} has no such field")
