"""How pages look: light, dark, or as the reader's device has it. Each is a style sheet of its own; paper is never dark."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp import sessions
from webapp.allowed import allowed
from workflows.errors import N_

pages = Blueprint("appearance", __name__)

COOKIE = "jiaoyan-appearance"
#: What one may choose -> its words. The first is what holds until somebody chooses.
CHOICES: Mapping[str, str] = {"auto": N_("随系统"), "light": N_("浅色"), "dark": N_("深色")}
#: Choice -> the sheets with the media for which each holds.
_SHEETS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "auto": (
        ("app.css", "print, (prefers-color-scheme: light), (prefers-color-scheme: no-preference)"),
        ("app-dark.css", "screen and (prefers-color-scheme: dark)"),
    ),
    "light": (("app.css", "all"),),
    "dark": (("app.css", "print"), ("app-dark.css", "screen")),
}
#: Choice -> what the browser's own parts (scroll bars, date pickers) go by before the sheets are there.
_SCHEMES = {"auto": "light dark", "light": "light", "dark": "dark"}


def chosen() -> str:
    """What the reader chose."""
    found = request.cookies.get(COOKIE, "")
    return found if found in CHOICES else next(iter(CHOICES))


@pages.post("/appearance")
@allowed("public")
def choose() -> Response:
    """Show the pages as chosen, and remember it in this browser."""
    asked = request.form.get("appearance", "")
    answer = redirect(sessions.same_site_path(request.form.get("next")) or url_for("sign_in.first_page"))
    if asked in CHOICES:
        answer.set_cookie(COOKIE, asked, max_age=365 * 86400, secure=sessions.is_secure(), httponly=True, samesite="Lax")
    return answer


def install(app: Flask) -> None:
    """Give templates ``appearances``, ``appearance()``, ``style_sheets()`` and ``color_scheme()``."""
    app.jinja_env.globals.update(
        appearances=CHOICES, appearance=chosen, style_sheets=lambda: _SHEETS[chosen()], color_scheme=lambda: _SCHEMES[chosen()],
    )  # fmt: skip
