"""One completion through HTTP: the review form posted with CSRF, validation and redirect, on a demo's data.

The peer is bare Flask with CSRF and one version-checked UPDATE on the same database; both are posted to in turn, so that
a machine whose speed drifts drifts for both.
"""

from __future__ import annotations

import http.client
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import lxml.html
import waitress
from flask import Flask, redirect, render_template_string, request
from flask_wtf import CSRFProtect
from sqlalchemy import event, text

from benchmarks.figures import Figure, beside
from webapp import composition, create_app
from webapp.demo.life import REVIEWERS, Seeding
from webapp.office import Office
from workflows.db import Database
from workflows.jobs import Running

#: How many completions are measured.
ROUNDS = 30
_TEACHER = {
    "unit": "ln-sy-hp-s1", "born": "1985-04-12", "subject": "语文", "stage": "小学", "post": "p1", "title": "一级",
    "history": [["2008-09-01", "", "和平区南湖第三小学", "中小学", "课堂教学"]],
}  # fmt: skip


class Browser:
    """A signed-in browser: one kept connection, its cookies, and forms read from the page as a browser reads them."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> str:
        """A page's text."""
        return self._send("GET", path, None)[1]

    def post(self, path: str, fields: list[tuple[str, str]]) -> int:
        """Post a form; returns the status."""
        return self._send("POST", path, urlencode(fields))[0]

    def form(self, path: str, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """The fields of a page's main form as a browser would send them, with ``given`` filled in."""
        page = lxml.html.fromstring(self.get(path))
        form = max(page.forms, key=lambda one: len(one.fields))
        for name, value in given.items():
            form.fields[name] = value
        return [(name, value) for name, value in form.form_values()]

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = value.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer.status, answer.read().decode()


@contextmanager
def _listening(app: Flask) -> Iterator[int]:
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    def serve() -> None:
        with suppress(OSError):  # the socket is closed under it when the measuring is done
            server.run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.task_dispatcher.shutdown()
        server.close()
        thread.join(5)


@contextmanager
def _counted(db: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def run() -> list[Figure]:
    """Measure; takes about half a minute."""
    with tempfile.TemporaryDirectory() as folder, composition.opened(Path(folder) / "data", demo=True) as office:
        tasks = _waiting_reviews(office)
        bare = _bare(office.db)
        with _listening(create_app(office)) as port, _listening(bare) as bare_port:
            browser, peer = Browser(port), Browser(bare_port)
            reviewer = REVIEWERS["liaoning"][0]
            signing = browser.form("/sign-in", {"sign_in_name": reviewer, "password": f"yanshi-{reviewer}"})
            browser.post("/sign-in", signing)
            ours, theirs, statements = [], [], []
            for task in tasks:
                fields = browser.form(f"/tasks/{task}", _judged(browser, task))
                with _counted(office.db) as counted:
                    ours.append(_milliseconds(lambda fields=fields, task=task: browser.post(f"/tasks/{task}", fields)))
                statements.append(float(len([one for one in counted if not one.startswith(("BEGIN", "COMMIT"))])))
                bare_fields = peer.form("/", {})
                theirs.append(_milliseconds(lambda fields=bare_fields: peer.post("/", fields)))
        return [
            beside("one completion through HTTP", "ms", ours, "bare Flask with CSRF and one version-checked write", theirs),
            Figure("SQL statements of that request", "statements", max(statements)),
        ]


def _milliseconds(send: Callable[[], int]) -> float:
    began = time.perf_counter()
    status = send()
    took = (time.perf_counter() - began) * 1000
    if status not in {302, 303}:
        raise RuntimeError(f"the form was answered with {status}, not with a redirect")
    return took


def _judged(browser: Browser, task: str) -> dict[str, str]:
    """The review as it is filled in: everything checked, returned for one correction."""
    page = lxml.html.fromstring(browser.get(f"/tasks/{task}"))
    form = max(page.forms, key=lambda one: len(one.fields))
    given = {"conflict_declared": "否", "qualification": "不合格", "opinion": "经核对未达到本批次的资格条件，详见规则判定。"}
    for name in form.fields:
        if name.endswith(".seen"):
            given[name] = "是"
        elif name.endswith(".judgement"):
            given[name] = "符合"
        elif name.endswith(".evidence"):
            given[name] = "见业绩材料"
    return given


def _waiting_reviews(office: Office) -> list[str]:
    """As many cases as are measured, lived through the verbs until they wait for the review."""
    running = Running(office.db, 0, {}, {}, office.clock.now)
    seeding = Seeding(office.db, office.clock.now(), office.files, running)
    seeding.teachers = {"liaoning": [], "guangxi": []}
    seeding.run()
    tasks = []
    for number in range(ROUNDS):
        teacher = {**_TEACHER, "name": f"测试{number:03d}", "phone": f"139{number:08d}"}
        seeding.person(teacher["name"], teacher["phone"], teacher["phone"], [])
        tasks.append(seeding.until_review("liaoning", teacher))
    return tasks


def _bare(db: Database) -> Flask:
    app = Flask("bare")
    app.config.update(SECRET_KEY="bench", SESSION_COOKIE_NAME="bare")  # noqa: S106 - protects nothing
    CSRFProtect(app)
    with db.write() as session:
        session.execute(text("CREATE TABLE bare (id INTEGER PRIMARY KEY, version INTEGER, at VARCHAR)"))
        session.execute(text("INSERT INTO bare VALUES (1, 0, '')"))

    @app.route("/", methods=["GET", "POST"])
    def page() -> object:
        if request.method == "POST":
            with db.write() as session:
                version = session.execute(text("SELECT version FROM bare WHERE id = 1")).scalar_one()
                session.execute(
                    text("UPDATE bare SET version = version + 1, at = :at WHERE id = 1 AND version = :version"),
                    {"at": datetime.now(UTC).isoformat(), "version": version},
                )
            return redirect("/")
        return render_template_string('<form method="post"><input name="csrf_token" value="{{ csrf_token() }}"></form>')

    return app
