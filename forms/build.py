"""``FormSpec`` -> a WTForms class, and one filled form -> values, errors, refused inputs. Knows no Flask.

``bind`` is the whole way of a post: name by name it is decided what the form offered, what was typed becomes values,
visibility and rights are worked out from those values, and only then is anything judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import FieldList, Form, FormField

from workflows.errors import InputRejected
from workflows.submission import AttachmentRef, Submission

from . import fields, lookups, paper, posting, validation
from .filling import Reader, Rejected, Store, Upload, fixed_rows, settle, stored, take
from .filling import rejected as find_rejected
from .messages import FieldError
from .posting import Posted
from .spec import Field, FormSpec, Item, Note, Path, Section, Table, dotted
from .state import Node, State, Tests, empty, empty_row, fresh, plain


@dataclass(frozen=True)
class Bound:
    """One filled form, understood."""

    spec: FormSpec
    state: State
    #: What is submitted: the values of everything that shows, read-only and computed ones included.
    values: Mapping[str, Any]
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]
    rejected: tuple[Rejected, ...]
    token: str
    #: What was typed, by input name: a draft. ``bind`` takes it back as ``data``.
    typed: Mapping[str, list[str]]
    #: Stored files that the form names, by digest.
    files: Mapping[str, AttachmentRef]
    lookups: Mapping[str, lookups.Lookup] = field(repr=False, default_factory=dict)
    #: The data that the form started with, where nothing was typed yet.
    start: Mapping[str, Any] | None = field(repr=False, default=None)

    @property
    def ok(self) -> bool:
        """Whether it may be submitted."""
        return not (self.errors or self.rejected)

    def refuse(self) -> None:
        """Raise ``InputRejected`` (fields and codes, never values) unless everything is right."""
        if self.ok:
            return
        places = [(no.path, no.code) for no in self.rejected] + [(no.path, no.code) for no in self.errors]
        raise InputRejected(count=len(places), fields=places)

    def labels(self) -> dict[str, str]:
        """Return the words shown for values that are codes (posts, organisations, people), by dotted path."""
        return self._labels

    @cached_property
    def _labels(self) -> dict[str, str]:
        # Asked for every read-only field of a page, while a look-up may cost a query.
        names: dict[str, dict[str, str]] = {}
        for node in self.state.fields():
            asked = node.item
            if isinstance(asked, Field) and asked.kind in self.lookups and node.value:
                label = self.lookups[asked.kind].label(node.value)
                if label is not None:
                    names.setdefault(asked.kind, {})[node.value] = label
        return paper.labels(self.state, names)

    def errors_at(self, path: Path) -> tuple[FieldError, ...]:
        """Return the errors of the field or table at ``path``."""
        name = dotted(path)
        return tuple(entry for entry in self.errors if entry.path == name)

    @cached_property
    def form(self) -> Form:
        """The WTForms form, with what was typed: made when it is asked for, since a post that stands is never drawn."""
        if self.start is not None:
            return form_class(self.spec)(data=dict(self.start))
        # The mark keeps an empty post a post: WTForms would read an empty one as none at all.
        posted = MultiDict([("_posted", "1"), *((name, text) for name, texts in self.typed.items() for text in texts)])
        return form_class(self.spec)(formdata=posted)

    def input(self, path: Path) -> Any:
        """Return the WTForms field at ``path``, or None (computed values have none)."""
        return _input(self.form, path)


# -- the WTForms class ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def form_class(spec: FormSpec) -> type[Form]:
    """Return the WTForms class of a form: its inputs by key, sections with a path and rows as forms inside it."""
    name = "".join(part.title() for part in spec.variable.split("_")) + "Form"
    return type(name, (Form,), _inputs(spec.items))


def _inputs(items: tuple[Item, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in items:
        match item:
            case Field():
                if (unbound := fields.make(item)) is not None:
                    made[item.key] = unbound
            case Table():
                row = type(f"{item.key.title()}Row", (Form,), _inputs(item.items))
                made[item.key] = FieldList(FormField(row, separator="."), label=item.label, separator=".")
            case Section() if item.path:
                inside = type(f"{item.path.title()}Part", (Form,), _inputs(item.items))
                made[item.path] = FormField(inside, label=item.label, separator=".")
            case Section():
                made |= _inputs(item.items)
            case Note():
                pass
    return made


def _input(form: Form, path: Path) -> Any:
    at: Any = form
    for part in path:
        if isinstance(at, FormField):
            at = at.form
        if isinstance(at, FieldList):
            if not isinstance(part, int) or part >= len(at.entries):
                return None
            at = at.entries[part]
        elif isinstance(at, Form):
            at = at._fields.get(str(part))
        if at is None:
            return None
    return at


# -- starting values --------------------------------------------------------------------------------------------------


def initial(
    spec: FormSpec, context: Mapping[str, Any], *, now: datetime, saved: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the data a form starts with: ``saved`` (an earlier submission) where given, else each field's ``prefill``.

    Read-only prefilled values are taken afresh from ``context`` even when ``saved`` holds others: they are not the
    person's to keep.
    """
    return _initial(spec.items, saved or {}, dict(context), now)


def _initial(
    items: tuple[Item, ...], saved: Mapping[str, Any], names: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for item in items:
        match item:
            case Field():
                # A signature is given anew with every paper, by whoever sends it; where it is only shown, it stays.
                given = saved.get(item.key) if item.kind != "sign" or item.readonly is not False else None
                if item.prefill is not None and (given is None or item.readonly is True):
                    given = plain(item.prefill.evaluate(names, now=now))
                data[item.key] = empty(item) if given is None else fresh(given)
            case Table():
                rows = saved.get(item.key)
                if item.prefill is not None and (rows is None or item.readonly is True):
                    rows = plain(item.prefill.evaluate(names, now=now))
                if isinstance(rows, list):
                    data[item.key] = [{**empty_row(item), **fresh(dict(row))} for row in rows if isinstance(row, Mapping)]
                else:
                    data[item.key] = [] if item.fixed_rows else [empty_row(item) for _ in range(item.default_rows)]
            case Section() if item.path:
                inside = saved.get(item.path)
                data[item.path] = _initial(item.items, inside if isinstance(inside, Mapping) else {}, names, now)
            case Section():
                data |= _initial(item.items, saved, names, now)
            case Note():
                pass
    return data


# -- one filled form --------------------------------------------------------------------------------------------------


def bind(
    spec: FormSpec,
    data: Posted | None,
    *,
    context: Mapping[str, Any],
    now: datetime,
    base: Mapping[str, Any] | None = None,
    uploads: Mapping[str, Sequence[Upload]] | None = None,
    store: Store | None = None,
    known: Sequence[AttachmentRef] = (),
    find: Mapping[str, lookups.Lookup] | None = None,
    token: str = "",
    judge: bool = True,
) -> Bound:
    """Understand what was posted.

    ``data``: posted texts by input name (``MultiDict.to_dict(flat=False)``), or a draft's ``typed``; None shows the
    form as it starts. ``base``: the values before this post (``initial``), of which the read-only ones stay.
    ``known``: files that this person already stored for this form; a digest outside it is refused, whoever else has
    such a file. ``find``: look-ups by kind (``organisation``, ``person``). ``judge=False`` neither judges nor refuses:
    for a form just opened, a draft, or a re-rendering.
    """
    start = dict(base) if base is not None else initial(spec, context, now=now)
    files = {ref.sha256: ref for ref in known} | {ref.sha256: ref for ref in stored(spec.items, start, ())}
    given = uploads or {}
    inputs = posting.sort_out(spec, data or {}, given, dict(fixed_rows(spec.items, start)))
    tests = Tests(spec.top_keys(), context, now)

    def understood() -> tuple[State, dict[str, Any], dict[str, FieldError]]:
        reader = Reader(inputs.typed, posting.rows(inputs.typed), files, find or {})
        return (*settle(spec, reader.read(spec.items), start, context, tests), reader.refused)

    refused: dict[str, FieldError] = {}
    if data is None:
        state, current = settle(spec, fresh(start), start, context, tests)
    else:
        state, current, refused = understood()
    rejected: list[Rejected] = []
    if data is not None:
        rejected = list(find_rejected(state, inputs)) if judge else []
    if given and store is not None:
        # Only what the page offers is stored at all, so rights are worked out before the files are taken.
        refusals, not_offered = take(spec, given, store, inputs, state, files)
        rejected += not_offered
        state, current, refused = understood()
        refused |= refusals
    return Bound(
        spec=spec,
        state=state,
        values=_submitted(state.nodes),
        errors=validation.errors(state, refused) if judge else (),
        warnings=validation.warnings(state),
        rejected=tuple(rejected),
        token=token,
        typed=inputs.typed,
        files={ref.sha256: ref for ref in stored(spec.items, current, ())},
        lookups=dict(find or {}),
        start=start if data is None else None,
    )


def _submitted(nodes: tuple[Node, ...]) -> dict[str, Any]:
    """Return the values of everything that shows."""
    values: dict[str, Any] = {}
    for node in nodes:
        if not node.visible:
            continue
        match node.item:
            case Field(key=key):
                values[key] = fresh(node.value)
            case Table(key=key):
                values[key] = [_submitted(row) for row in node.rows]
            case Section(path=path) if path:
                values[path] = _submitted(node.children)
            case Section():
                values |= _submitted(node.children)
            case _:
                pass
    return values


def submission(bound: Bound) -> Submission:
    """Return the filled form as the frozen value that the verbs take; ``InputRejected`` when it is not right.

    ``seen`` holds what stood beside the person's own entries: read-only and computed values by dotted path, the words
    shown for codes under ``_labels`` (for ``paper.parts``), and the warnings shown under ``_warnings``.
    """
    bound.refuse()
    seen: dict[str, Any] = {
        dotted(node.path): fresh(node.value)
        for node in bound.state.fields()
        if node.visible and not node.writable
    }
    if words := bound.labels():
        seen["_labels"] = words
    if bound.warnings:
        seen["_warnings"] = [entry.message for entry in bound.warnings]
    return Submission(
        form_id=bound.spec.id,
        data=dict(bound.values),
        token=bound.token,
        attachments=tuple(stored(bound.spec.items, bound.values, ())),
        seen=seen,
    )
