"""What holds for every request and answer: security headers, known hosts, and the demo's walls."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request

from webapp.office import office
from workflows.settings import Settings

#: No inline style or script, nothing from elsewhere, no frame around us.
POLICY = (
    "default-src 'self'; img-src 'self' data:; font-src 'self' data:; object-src 'none';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
#: Headers by which a proxy says whom it speaks for: a demo, which shows passwords, stands behind none.
FORWARDED = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Real-IP",
    "Via",
)


def is_loopback(host: str | None) -> bool:
    """Whether the host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def trusted_hosts(settings: Settings) -> list[str] | None:
    """Names under which the site answers: a demo only under this machine's (DNS rebinding), else under its own address."""
    here = ["127.0.0.1", "localhost", "[::1]"]
    named = urlsplit(settings.base_url).hostname
    if settings.demo or is_loopback(named):
        return here
    return [named, *here] if named else here


def install(app: Flask) -> None:
    """Put the fence around the application."""
    app.before_request(_refuse_strangers)
    app.before_request(_limit_fields)
    app.before_request(_refuse_json)
    app.before_request(_refuse_nul)
    app.after_request(_headers)


def _refuse_strangers() -> None:
    if not office().settings.demo:
        return
    if not is_loopback(request.remote_addr) or any(name in request.headers for name in FORWARDED):
        abort(403)


def _limit_fields() -> None:
    """Only a form with files may be large; Werkzeug itself holds plain forms to no limit but the request's."""
    if request.mimetype != "multipart/form-data":
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]


def _refuse_json() -> None:
    """Every page sends a form; what nobody sends is not read, however deep it is nested."""
    if request.is_json:
        abort(400)


def _refuse_nul() -> None:
    """No person types a NUL, no page of ours sends one, and PostgreSQL stores none."""
    given = [request.path, *request.args, *request.form]
    given += [value for values in (request.args, request.form) for _, value in values.items(multi=True)]
    if any("\0" in value for value in given):
        abort(400)


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != "static" and "Cache-Control" not in headers:
        # A sign-in, a form's token or a person's data may stand on any page of ours: none is kept by the browser.
        headers["Cache-Control"] = "no-store"
    if getattr(g, "clear_site_data", False):
        headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
