"""A form filled in by program as a browser would: only what the page offers is posted, and the form judges it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson

from forms import build, check
from forms.build import Bound
from forms.spec import FormSpec, Table, dotted
from workflows import people
from workflows.db import Database
from workflows.errors import NotFound
from workflows.instances import FormRequest
from workflows.submission import AttachmentRef, Submission


@lru_cache(maxsize=64)
def spec_of(raw: bytes) -> FormSpec:
    """The form that a definition's file describes; it was checked when it was deployed."""
    form_id = str(orjson.loads(raw)["id"])
    return check.read(raw, file=f"{form_id.replace('.', '/')}.json")


class Organisations:
    """The register of organisations, as forms search it."""

    def __init__(self, db: Database, on: date) -> None:
        self._db, self._on = db, on

    def label(self, code: str) -> str | None:
        """Name of the organisation with that code."""
        with self._db.read() as session:
            found = people.find_organisations(session, code, on=self._on, limit=1)
        return found[0][1] if found and found[0][0] == code else None

    def find(self, text: str) -> list[tuple[str, str]]:
        """(code, name) of the organisations whose name holds the text."""
        with self._db.read() as session:
            return [(code, name) for code, name, _ in people.find_organisations(session, text, on=self._on, limit=10)]


class People:
    """Everybody whom the office knows, as forms search them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def label(self, code: str) -> str | None:
        """Name of the person with that number."""
        with self._db.read() as session:
            try:
                return people.person_by_number(session, code).name
            except NotFound:
                return None

    def find(self, text: str) -> list[tuple[str, str]]:
        """The person with that very number, (number, name)."""
        name = self.label(text)
        return [(text, name)] if name is not None else []


def typed(
    request: FormRequest, data: Mapping[str, Any], *, at: datetime, files: Sequence[AttachmentRef] = (),
    find: Mapping[str, Any] | None = None, token: str | None = None,
) -> Bound:
    """The form with ``data`` (plain values by key) over what is there already, judged."""
    spec = spec_of(request.form)
    base = build.initial(spec, request.context, now=at, saved=request.prefill)
    texts = dict(posted({**base, **data}))
    looser = build.bind(spec, texts, context=request.context, now=at, base=base, known=files, find=find, judge=False)
    offered = {dotted(node.path) for node in looser.state.walk() if node.writable}
    growing = {dotted(node.path) for node in looser.state.walk()
               if node.writable and isinstance(node.item, Table) and not node.item.fixed_rows}
    sent = {name: given for name, given in texts.items() if name in offered or _table_of(name) in growing}
    return build.bind(spec, sent, context=request.context, now=at, base=base, known=files, find=find,
                      token=token or secrets.token_urlsafe(24))


def fill(
    request: FormRequest, data: Mapping[str, Any], *, at: datetime, files: Sequence[AttachmentRef] = (),
    find: Mapping[str, Any] | None = None, token: str | None = None,
) -> Submission:
    """The same as a submission; ``InputRejected`` with every field and code when the form does not accept it."""
    return build.submission(typed(request, data, at=at, files=files, find=find, token=token))


def _table_of(name: str) -> str | None:
    """The table that a row's mark belongs to: ``achievements.0._row`` says that row 0 of ``achievements`` exists."""
    table, number, mark = [*name.rsplit(".", 2), "", ""][:3]
    return table if mark == "_row" and number.isdigit() else None


def posted(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, list[str]]]:
    """Input names and texts for plain values, as a browser posts them."""
    for key, value in data.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from posted(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            if "sha256" in value[0]:
                yield name, [str(row["sha256"]) for row in value]
                continue
            for number, row in enumerate(value):
                yield f"{name}.{number}._row", ["1"]
                yield from posted(row, f"{name}.{number}.")
        elif isinstance(value, list) and value:
            yield name, [str(item) for item in value]
        elif value is not None and value is not False and value != []:
            yield name, ["true" if value is True else str(value)]
