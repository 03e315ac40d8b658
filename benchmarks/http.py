"""Completions through HTTP: five kinds of tasks of the admission process, each posted as a browser posts it.

What is timed is the request that completes: form post with CSRF, validation, verb, record, redirect, over one kept
connection. Before it the form is opened, its files uploaded and its draft saved, as the page does. The peer is bare Flask
with CSRF and one version-checked UPDATE on the same database and server, and is posted the same fields, since a form post
is read before anything else; both are posted to in turn, so that a machine whose speed drifts drifts for both. Statements
are counted in every other case, and those are not timed: counting takes time, and the peer's are not counted.
"""

from __future__ import annotations

import http.client
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import urlencode

import lxml.html
import waitress
from flask import Flask, redirect, render_template_string, request
from flask_wtf import CSRFProtect
from sqlalchemy import text

from benchmarks.counting import counted
from benchmarks.figures import Figure, beside, percentile
from webapp import composition, create_app
from webapp.demo import papers
from webapp.demo.life import REVIEWERS, Seeding
from webapp.office import Office
from workflows import instances
from workflows.db import Database
from workflows.jobs import Running

#: Cases lived through; each gives one completion of every act below: half are timed, half counted. One more goes before
#: them, unmeasured.
CASES = 20
#: The bar: our median over the peer's, and statements of one completion.
BAR, STATEMENTS = 4, 12
_TEACHER = {
    "unit": "ln-sy-hp-s1", "born": "1985-04-12", "subject": "语文", "stage": "小学", "post": "p1", "title": "一级",
    "history": [["2008-09-01", "", "和平区南湖第三小学", "中小学", "课堂教学"]],
}  # fmt: skip
_SPEECH = "该教师教学功底扎实，课堂教学效果好，所任班级学业质量稳定提升，多次承担区级公开课，主动承担教研组工作，是学校的骨干教师。"


@dataclass(frozen=True)
class Act:
    """One completion: the step, who does it (``None``: the applicant), what is filled in, what is uploaded."""

    step: str
    person: str | None
    given: Mapping[str, str]
    #: Field -> title of the paper.
    files: Mapping[str, str] = field(default_factory=dict)


_JUDGED = {"conflict_declared": "否", ".seen": "是", ".judgement": "符合", ".evidence": "见业绩材料"}
#: The life of one application, every kind of task in it; the review happens twice.
ACTS = (
    Act("adm_u1", "hps1.head", {
        "conflict_declared": "否", "recommend": "推荐", "teaching_performance": _SPEECH,
        "ethics_statement": "师德高尚，为人师表，关爱学生，团结同事，近五年无师德问题。",
        "discipline_record": "无", "months_confirmed": "200", "months_reason": "与人事档案核对后的月数", "release_agreed": "是",
    }, {"seal_file": "单位推荐意见（盖章）"}),
    Act("adm_u1b", "hp.bureau", {"conflict_declared": "否", "consent": "同意"}, {"consent_file": "主管教育局意见（盖章）"}),
    Act("adm_u2", REVIEWERS["liaoning"][0], {
        **_JUDGED, "qualification": "退回补正", "opinion": "请一次性补正以下事项，其他材料已核对无误。",
        "return_items.0._row": "1", "return_items.0.field_key": "school_research_role", "return_items.0.reason": "请核对所任职务",
    }),
    Act("adm_u3", None, {"school_research_role": "教研组长"}),
    Act("adm_u2", REVIEWERS["liaoning"][0], {**_JUDGED, "qualification": "不合格", "opinion": "经核对未达到资格条件，详见规则判定。"}),
    Act("adm_u5", None, {"apply": "申请复核", "review_reason": "此前在支教学校任教的经历应当计入教学经历，恳请复核并核对支教证明材料。"}),
)  # fmt: skip


class Browser:
    """A signed-in browser: one kept connection, its cookies, and forms read from the page as a browser reads them."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> str:
        """A page's text."""
        return self._send("GET", path, None, "")[1]

    def read(self, path: str) -> int:
        """Ask for a page and read all of it; returns the status."""
        return self._send("GET", path, None, "")[0]

    def post(
        self, path: str, fields: Sequence[tuple[str, str]], *, files: Mapping[str, bytes] | None = None
    ) -> tuple[int, str]:
        """Post a form; returns the status and the answer."""
        return self._send("POST", path, *encoded(fields, files or {}))

    def sent(self, path: str, body: bytes, kind: str) -> int:
        """Post what was encoded before; returns the status."""
        return self._send("POST", path, body, kind)[0]

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def form(self, path: str) -> Any:
        """The main form of a page."""
        return main_form(self.get(path))

    def _send(self, method: str, path: str, body: bytes | None, kind: str) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = kind
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = value.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer.status, answer.read().decode()


def main_form(page: str) -> Any:
    """The form of a page with the most fields; what lies in a ``<template>`` is no input of it."""
    document = lxml.html.fromstring(page)
    for template in document.xpath("//template"):
        template.drop_tree()
    return max(document.forms, key=lambda one: len(one.fields))


def encoded(fields: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """(body, content type) as a browser encodes a form; one without files as our page's script has it sent."""
    if not files:
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    border = f"----{secrets.token_hex(16)}"
    parts = [f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    for name, raw in files.items():
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="paper.pdf"\r\nContent-Type: application/pdf'
        parts.append(head.encode() + b"\r\n\r\n" + raw + b"\r\n")
    return b"".join(parts) + f"--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"


def fill(browser: Browser, path: str, act: Act) -> list[tuple[str, str]]:
    """Fill in a task's form as its page does: files uploaded at once, the draft saved, what is asked because of it
    filled too; returns the fields of the post that completes the task."""
    files = {f"_file.{name}": papers.page(f"{title} {secrets.token_hex(4)}") for name, title in act.files.items()}
    for _ in range(3):
        form = browser.form(path)
        given = {name: value for name, value in act.given.items() if not name.startswith(".")}
        for name in form.fields:
            ending = f".{name.rpartition('.')[2]}"
            if ending in act.given:
                given[name] = act.given[ending]
        rest = [(name, value) for name, value in form.form_values() if name not in given]
        fields = [*rest, *given.items()]
        if files:
            browser.post(f"{path}/form", fields, files=files)
            files = {}
        else:
            browser.post(f"{path}/draft", fields)
    form = browser.form(path)
    # An input for a file in which none is chosen is sent by its name.
    fields = [*form.form_values(), *((name, "") for name in form.xpath(".//input[@type='file']/@name"))]
    if form.xpath(".//*[@class='returned-item']"):
        form = main_form(browser.post(path, fields)[1])
        fields = [*form.form_values(), ("_send", "1")]
    return fields


@contextmanager
def listening(app: Flask) -> Iterator[int]:
    """The application, served as it is in earnest; gives its port."""
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


class Desks:
    """The people of the cases, signed in."""

    def __init__(self, office: Office, port: int) -> None:
        running = Running(office.db, 0, {}, {}, office.clock.now)
        self._office, self._port, self._people = office, port, dict[str, Browser]()
        self.seeding = Seeding(office.db, office.clock.now(), office.files, running)
        self.seeding.teachers = {"liaoning": [], "guangxi": []}
        self.seeding.run()

    def teacher(self, number: int) -> dict[str, Any]:
        """A new applicant with an account."""
        teacher = {**_TEACHER, "name": f"测试{number:03d}", "phone": f"139{number:08d}"}
        self.seeding.person(teacher["name"], teacher["phone"], teacher["phone"], [])
        return teacher

    def apply(self, number: int) -> tuple[str, str]:
        """A new applicant's case, started; returns (sign-in name, case number)."""
        teacher = self.teacher(number)
        self.seeding._submit("liaoning", teacher, self.seeding.moment(8, 10))
        with self._office.db.read() as reading:
            person = self.seeding.viewer(teacher["phone"])
            return teacher["phone"], instances.started_by(reading, person.person_id)[0]

    def browser(self, name: str) -> Browser:
        """Somebody's browser, signed in once."""
        if name not in self._people:
            self._people[name] = signed_in(self._port, name)
        return self._people[name]

    def close(self) -> None:
        """End every connection."""
        for browser in self._people.values():
            browser.close()

    def task(self, case: str, step: str) -> str:
        """Address of the task that waits at a step."""
        with self._office.db.read() as reading:
            return f"/tasks/{instances.open_task(reading, case, step)}"


def signed_in(port: int, name: str) -> Browser:
    """One of the demo's people at a server."""
    browser = Browser(port)
    form = browser.form("/sign-in")
    form.fields["sign_in_name"], form.fields["password"] = name, f"yanshi-{name}"
    browser.post("/sign-in", form.form_values())
    return browser


def run() -> list[Figure]:
    """Measure, and then every page (benchmarks/pages.py); takes four minutes."""
    with tempfile.TemporaryDirectory() as folder, composition.opened(Path(folder) / "data") as office:
        bare = _bare(office.db)
        # Definitions are there before a server starts; what it keeps of them is set apart as `serve` does.
        with (
            listening(create_app(office)) as port, listening(bare) as bare_port, closing(Desks(office, port)) as desks,
            closing(Browser(bare_port)) as peer, composition.settled(office),
        ):  # fmt: skip
            ours: dict[str, list[float]] = {act.step: [] for act in ACTS}
            theirs: dict[str, list[float]] = {act.step: [] for act in ACTS}
            statements, commits = [], []
            for number in range(CASES + 1):
                applicant, case = desks.apply(number)
                for act in ACTS:
                    browser, path = desks.browser(act.person or applicant), desks.task(case, act.step)
                    fields = fill(browser, path, act)
                    if number % 2:
                        with counted(office.db.engine) as found:
                            milliseconds(browser, path, fields)
                        statements.append(len(found.statements))
                        commits.append(found.commits)
                        continue
                    took = milliseconds(browser, path, fields)
                    same = [(name, value) for name, value in fields if name != "csrf_token"]
                    bare_took = milliseconds(peer, "/", [*same, *peer.form("/").form_values()])
                    if number:
                        ours[act.step].append(took)
                        theirs[act.step].append(bare_took)
    from benchmarks import pages  # which uses what stands here

    return [*_figures(ours, theirs, statements, commits), *pages.run()]


def _figures(
    ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]], statements: list[int], commits: list[int]
) -> list[Figure]:
    all_ours, all_theirs = [one for took in ours.values() for one in took], [one for took in theirs.values() for one in took]
    peer = "bare Flask with CSRF and one version-checked write"
    return [
        beside("http: one completion, p50 of five kinds of tasks", "ms", all_ours, peer, all_theirs, BAR),
        beside("http: the same, p95", "ms", [percentile(all_ours, 95)], peer, [percentile(all_theirs, 95)]),
        beside("http: completions a second over one connection", "1/s", [1000 / mean(all_ours)], peer, [1000 / mean(all_theirs)]),
        *(beside(f"http: {step}, p50", "ms", ours[step], peer, theirs[step]) for step in ours),
        Figure("http: SQL statements of one completion, most", "statements", max(statements), bar=STATEMENTS),
        Figure("http: SQL statements of one completion, mean", "statements", round(mean(statements), 1)),
        Figure("http: commits of one completion, most", "commits", max(commits), bar=1),
    ]


def milliseconds(browser: Browser, path: str, fields: Sequence[tuple[str, str]]) -> float:
    """How long a post takes that is answered with a redirect; raises ``RuntimeError`` for another answer."""
    body, kind = encoded(fields, {})
    began = time.perf_counter()
    status = browser.sent(path, body, kind)
    took = (time.perf_counter() - began) * 1000
    if status not in {302, 303}:
        raise RuntimeError(f"{path}: the form was answered with {status}, not with a redirect")
    return took


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
