"""A small site around one form, with the product's own macros, scripts and policy: what a page module does, without the office."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from flask import Flask, Response, g, render_template_string, request, url_for
from flask_babel import Babel
from flask_wtf import CSRFProtect

from forms import build
from forms.spec import FormSpec
from tests.forms.papers import FIND, NOW, ROOT
from webapp import form_page
from webapp.form_page import FormView
from workflows.errors import FileRefused
from workflows.submission import AttachmentRef, Submission

PAGE = """
{% import "macros/fields.html" as fields with context %}
<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{{ view.name }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{{ url_for('static', filename='dist/app.css') }}">
<script src="{{ url_for('static', filename='dist/app.js') }}" defer></script></head>
<body><main id="main"><div class="page-head"><h1>{{ view.name }}</h1></div>
{% if sheet %}{{ fields.paper(sheet) }}
{% elif through %}
{% call fields.read_through(view, url_for("form")) %}
<div class="action-bar"><button class="btn btn-primary" name="_action" value="submit">提交</button>
<button class="btn" name="_refresh" value="1">返回修改</button></div>{% endcall %}
{% else %}
{% call fields.form(view, url_for("form")) %}
<div class="action-bar"><button class="btn btn-primary" name="_action" value="check">核对并提交</button>
{{ fields.saved() }}</div>{% endcall %}
{% endif %}</main></body></html>
"""
POLICY = "default-src 'self'; img-src 'self' data:; font-src 'self' data:"


class Host:
    """The site and what happened on it."""

    def __init__(self, spec: FormSpec, context: dict[str, Any], **more: Any) -> None:
        self.spec, self.context, self.more = spec, context, more
        self.saved: dict[str, Any] | None = more.pop("saved", None)
        self.returned: dict[str, str] = more.pop("returned", {})
        self.draft: dict[str, Any] | None = None
        self.submitted: list[Submission] = []
        self.refused: list[list[tuple[str, str]]] = []
        #: Address while it runs.
        self.url = ""
        self.app = self._app()

    def _app(self) -> Flask:
        app = Flask("host", template_folder=str(ROOT / "webapp" / "templates"), static_folder=str(ROOT / "webapp" / "static"))
        app.config.update(SECRET_KEY="host", TESTING=True, WTF_CSRF_TIME_LIMIT=None)
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
        app.jinja_env.filters.update(iso=lambda at: at.isoformat(), clock_time=lambda at: at.strftime("%H:%M"))
        Babel(app, default_locale="zh_Hans_CN")
        CSRFProtect(app)
        app.add_url_rule("/", "form", self._form, methods=["GET", "POST"])
        app.add_url_rule("/refresh", "refresh", self._refresh, methods=["POST"])
        app.add_url_rule("/draft", "draft", self._draft, methods=["POST"])
        app.add_url_rule("/find", "find", lambda: form_page.lookup_options(FIND))
        app.add_url_rule("/files/<digest>", "file", lambda digest: digest)
        app.add_url_rule("/case", "case", self._case)
        app.after_request(self._headers)
        return app

    @staticmethod
    def _headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    def view(self, bound: build.Bound) -> FormView:
        return FormView(
            bound, refresh_url=url_for("refresh"), draft_url=url_for("draft"), lookup_url=url_for("find"),
            file_url=lambda digest: url_for("file", digest=digest), returned=self.returned,
        )  # fmt: skip

    def _given(self) -> dict[str, Any]:
        return {"context": self.context, "now": NOW, "saved": self.saved, "draft": self.draft, "find": FIND}

    def _form(self) -> Any:
        if request.method == "GET":
            return self._page(form_page.open_form(self.spec, **self._given()))
        received = form_page.receive(self.spec, store=store, **self._given())
        self.draft = received.draft
        if received.pressed:
            return self._page(received.bound)
        if not received.bound.ok:
            self.refused.append([(no.path, no.code) for no in (*received.bound.rejected, *received.bound.errors)])
            return self._page(received.bound), 422
        if request.form.get("_action") == "submit":
            self.submitted.append(build.submission(received.bound))
            return "ok"
        return self._page(received.bound, through=True)

    def _page(self, bound: build.Bound, **more: Any) -> str:
        return render_template_string(PAGE, view=self.view(bound), **more)

    def _refresh(self) -> str:
        received = form_page.receive(self.spec, store=store, judge=False, **self._given())
        self.draft = received.draft
        macros = '{% import "macros/fields.html" as fields with context %}{{ fields.body(view) }}'
        return render_template_string(macros, view=self.view(received.bound))

    def _draft(self) -> str:
        self.draft = form_page.receive(self.spec, judge=False, **self._given()).draft
        g.saved = NOW
        return render_template_string('{% import "macros/fields.html" as fields with context %}{{ fields.saved(g.saved) }}')

    def _case(self) -> str:
        done = self.submitted[-1]
        sheet = form_page.paper_view(
            self.spec, done.data, seen=done.seen, file_url=lambda digest: url_for("file", digest=digest),
            masked="masked" in request.args,
        )  # fmt: skip
        return render_template_string(PAGE, view=self.view(form_page.open_form(self.spec, **self._given())), sheet=sheet)


def store(stream: IO[bytes], name: str, path: str) -> AttachmentRef:
    """Keep nothing, but say what was kept; the first bytes tell the type, an empty file is refused."""
    data = stream.read()
    if not data:
        raise FileRefused
    kinds = {b"%PDF": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
    kind = next((kind for head, kind in kinds.items() if data.startswith(head)), "application/octet-stream")
    return AttachmentRef(hashlib.sha256(data).hexdigest(), Path(name).name, kind, len(data), path)


def opened(host: Host) -> Callable[..., Any]:
    """A client whose posts carry the page's CSRF token."""
    client = host.app.test_client()
    page = client.get("/").get_data(as_text=True)
    csrf = page.split('name="csrf_token" value="')[1].split('"')[0]
    token = page.split('name="_token" value="')[1].split('"')[0]

    def post(data: dict[str, Any], path: str = "/", **more: Any) -> Any:
        return client.post(path, data={"csrf_token": csrf, "_token": token, "_action": "check", **data}, **more)

    return post
