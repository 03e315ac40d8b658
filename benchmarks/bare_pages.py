"""The peer of benchmarks/pages.py: bare Flask with templates, where each page is one indexed SELECT of the rows that ours shows.

Nobody signs in, nothing is asked but that statement, and a page is its rows as a table, every value escaped; a form that is
sent is one version-checked UPDATE. Run as a process of its own, as ours is: ``python -m benchmarks.bare_pages URL PORT``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import waitress
from flask import Flask, redirect, render_template, request
from flask_wtf import CSRFProtect
from jinja2 import DictLoader
from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response

from benchmarks import lists
from workflows.db import Database
from workflows.models import Event, Instance, Organisation, Person, Submission, Task

_actor, _starter = aliased(Person), aliased(Person)
_waiting = (
    select(Task.step_id, Task.due_at)
    .where(text("task.status = 'open' AND task.holder_id IS NULL"), Task.organisation_id == bindparam("organisation"),
           Task.role == bindparam("role"))
    .order_by(Task.due_at).limit(1000).subquery()
)  # fmt: skip
#: Page -> its statement, by the best index there is.
STATEMENTS: Mapping[str, Select[Any]] = {
    "inbox": lists.WAITING,
    # The same rows as our search by a subject finds: the newest cases that have it.
    "search": lists.TERM,
    # 50 lines a page.
    "deadlines": lists.WAITING.limit(None).limit(50),
    # The first figure of it: what waits, by step.
    "overview": select(_waiting.c.step_id, func.count(), func.min(_waiting.c.due_at)).group_by(_waiting.c.step_id),
    # The task, and what was submitted before it.
    "task": (
        select(Task.name, Task.due_at, Task.inputs, Instance.number, Instance.title, Submission.step_id, Submission.at,
               Submission.data, Submission.seen, Person.name)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Submission, Submission.instance_id == Task.instance_id)
        .join(Person, Person.id == Submission.by_id)
        .where(Task.number == bindparam("number")).order_by(Submission.id)
    ),
    # The acts of the case, each with what was submitted by it.
    "case": (
        select(Event.at, Event.kind, Event.outcome, Event.reason, Organisation.name, _actor.name, Submission.step_id, Submission.data)
        .outerjoin(_actor, _actor.number == Event.actor)
        .outerjoin(Organisation, Organisation.code == Event.actor_org)
        .outerjoin(Submission, Submission.event == Event.event_id)
        .where(Event.instance == bindparam("number")).order_by(Event.seq)
    ),
}  # fmt: skip

_LAYOUT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/static/app.css"><script src="/static/app.js" defer></script></head><body>
<main id="main"><h1>{{ self.title() }}</h1>{% block content %}{% endblock %}</main></body></html>"""
_PAGE = """{% extends "layout.html" %}
{% macro told(value) %}{% if value is mapping %}<dl>
{% for key, one in value.items() %}<dt>{{ key }}</dt><dd>{{ told(one) }}</dd>{% endfor %}</dl>
{% elif value is sequence and value is not string %}<ol>{% for one in value %}<li>{{ told(one) }}</li>{% endfor %}</ol>
{% elif value is not none %}{{ value }}{% endif %}{% endmacro %}
{% block title %}{{ title }}{% endblock %}
{% block content %}<table class="table"><thead><tr>{% for name in names %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr>{% for value in row %}<td>{{ told(value) }}</td>{% endfor %}</tr>{% endfor %}</tbody></table>
<form method="post"><input type="hidden" name="csrf_token" value="{{ csrf_token() }}"><button>提交</button></form>{% endblock %}"""


def create(db: Database) -> Flask:
    """The peer over a database."""
    app = Flask("bare", static_folder=None)
    app.config.update(SECRET_KEY="bench", SESSION_COOKIE_NAME="bare")  # noqa: S106 - protects nothing
    app.jinja_env.loader = DictLoader({"layout.html": _LAYOUT, "page.html": _PAGE})
    app.jinja_env.autoescape = True
    CSRFProtect(app)

    @app.get("/<page>")
    def show(page: str) -> str:
        statement = STATEMENTS[page]
        given = {key: int(value) if key == "organisation" else value for key, value in request.args.items()}
        with db.read() as session:
            rows = session.connection().execute(statement, given).all()
        return render_template("page.html", title=page, names=statement.selected_columns.keys(), rows=rows)

    @app.post("/")
    def send() -> Response:
        with db.write() as session:
            version = session.execute(text("SELECT version FROM bare WHERE id = 1")).scalar_one()
            session.execute(
                text("UPDATE bare SET version = version + 1, at = :at WHERE id = 1 AND version = :version"),
                {"at": datetime.now(UTC).isoformat(), "version": version},
            )
        return redirect("/inbox")

    return app


def prepare(db: Database) -> None:
    """The one row that a form of the peer writes."""
    with db.write() as session:
        session.execute(text("CREATE TABLE bare (id INTEGER PRIMARY KEY, version INTEGER, at VARCHAR)"))
        session.execute(text("INSERT INTO bare VALUES (1, 0, '')"))


def main() -> None:
    """Serve the peer until the process is told to end."""
    url, port = sys.argv[1:]
    db = Database(url)
    server = waitress.create_server(create(db), host="127.0.0.1", port=int(port), threads=8, ident=None)
    print(f"bare: {port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
