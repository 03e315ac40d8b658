"""The cookie of a signed-in browser: a random token whose row lies on the server, and who is looking because of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session
from werkzeug.wrappers import Response

from webapp.fence import is_loopback
from webapp.moments import now
from webapp.office import office
from workflows import accounts


def is_plain_http(base_url: str) -> bool:
    """Whether the site is served by http on this machine only, where a browser would not send a Secure cookie back."""
    address = urlsplit(base_url)
    return address.scheme == "http" and is_loopback(address.hostname)


def cookie_name() -> str:
    """The cookie's name: with the ``__Host-`` prefix wherever cookies can be Secure (trust.md, check 8)."""
    return "__Host-jiaoyan" if is_secure() else "jiaoyan"


def is_secure() -> bool:
    """Whether cookies are marked Secure."""
    return not is_plain_http(office().settings.base_url)


def secret_key(data: Path) -> bytes:
    """The key that signs form tokens: made once, readable by the owner alone, kept in the data directory."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "secret_key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        key = secrets.token_bytes(32)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def key() -> bytes:
    """The installation's key, for what is sealed with it."""
    return bytes(current_app.config["SECRET_KEY"])


def install(app: Flask) -> None:
    """Find out who is looking before every request."""
    app.before_request(_recognise)


def _recognise() -> None:
    g.viewer = None
    if request.endpoint == "static" or request.endpoint == "health.healthz":
        return
    token = request.cookies.get(cookie_name(), "")
    if not token:
        return
    here, at = office(), now()
    with here.db.glance() as reading:
        g.viewer = accounts.viewer(reading, token, at=at, ip=request.remote_addr, settings=here.settings)
    # A list that renews itself is nobody at work: the sign-in idles out all the same (ASVS V7.3.1).
    if g.viewer is not None and "X-Background" not in request.headers:
        accounts.touch(here.db, token, g.viewer, at=at)


def begin(response: Response, token: str) -> Response:
    """Give the browser its token; everything it carried before, form tokens included, ends (session fixation)."""
    session.clear()
    response.set_cookie(cookie_name(), token, secure=is_secure(), httponly=True, samesite="Lax", path="/")
    return response


def end(response: Response) -> Response:
    """Take the token away and ask the browser to forget what it keeps of the site."""
    session.clear()
    response.delete_cookie(cookie_name(), secure=is_secure(), httponly=True, samesite="Lax", path="/")
    g.clear_site_data = True
    return response


def token() -> str:
    """The token this browser sent, or an empty string."""
    return request.cookies.get(cookie_name(), "")


def same_site_path(target: str | None) -> str | None:
    """``target`` if it is a path of this site, else ``None``: ``//evil``, ``/\\evil`` and ``https:evil`` are not.

    Browsers read a backslash as a slash and drop tabs and line ends, so any of these refuses the target.
    """
    if not target or not target.startswith("/") or target.startswith("//"):
        return None
    if "\\" in target or any(ord(sign) < 33 or ord(sign) == 127 for sign in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None
