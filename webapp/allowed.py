"""Who may use a route: each one declares it, and a site with an undeclared route does not start (trust.md, check 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.moments import now
from webapp.office import office
from workflows import proving
from workflows.errors import Forbidden
from workflows.people import ROLES

View = TypeVar("View", bound=Callable[..., Any])

#: Anybody, and anybody who has signed in; every other word is a role key of ``workflows.people.ROLES``.
PUBLIC, SIGNED_IN = "public", "signed_in"
#: Pages that a person may still use who has to change the first password before anything else.
BEFORE_CHANGE = frozenset({"sign_in.change_password", "sign_in.sign_out", "sign_in.set_language"})
#: The same for somebody whose role asks for a second factor that they have not set up yet.
BEFORE_SET_UP = BEFORE_CHANGE | {"account.second_factor", "account.prove", "passkeys.add"}


def allowed(*who: str) -> Callable[[View], View]:
    """Declare who may use a view: ``"public"``, ``"signed_in"``, or the roles of which one is enough.

    Stands below the route's decorator. Which case, person or place somebody may see is asked in ``workflows.access``.
    """
    unknown = set(who) - {PUBLIC, SIGNED_IN} - set(ROLES)
    if unknown or not who:
        raise ValueError(f"allowed(): nobody is called {', '.join(sorted(unknown)) or 'nothing'}")

    def declare(view: View) -> View:
        view.allowed = frozenset(who)  # type: ignore[attr-defined]
        return view

    return declare


def proves_identity(view: View) -> View:
    """Ask for password or code once more before the view, unless they were given within the last minutes (trust.md, check 10).

    Stands below ``allowed``. On a page with a form it stands over the page as well as over its post, so that nothing
    that was typed is lost.
    """
    view.proves_identity = True  # type: ignore[attr-defined]
    return view


def declared(app: Flask, endpoint: str) -> frozenset[str] | None:
    """What the endpoint's view declares, or ``None``."""
    return getattr(app.view_functions[endpoint], "allowed", None)


def guard_every_route(app: Flask) -> None:
    """Refuse to start with an undeclared route, and ask the declaration before every request."""
    app.view_functions["static"] = allowed(PUBLIC)(_plain(app.view_functions["static"]))
    undeclared = sorted({rule.endpoint for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None})
    if undeclared:
        raise LookupError(f"these routes do not declare who may use them: {', '.join(undeclared)}")
    app.before_request(_ask)
    app.jinja_env.globals.update(may_open=may_open)


def may_open(endpoint: str) -> bool:
    """Whether the declaration of a page lets whoever is looking in: for the way to it."""
    who = declared(current_app._get_current_object(), endpoint) or frozenset()  # type: ignore[attr-defined]
    viewer = g.get("viewer")
    return PUBLIC in who or (viewer is not None and (SIGNED_IN in who or viewer.has(*who)))


def _plain(view: Callable[..., Any]) -> Callable[..., Any]:
    """A function of our own around Flask's, so that it can carry the declaration."""
    return lambda **values: view(**values)


def _ask() -> Response | None:
    if request.endpoint is None:
        return None  # no such address: answered by 404
    who = declared(current_app._get_current_object(), request.endpoint)  # type: ignore[attr-defined]
    if who is None:
        abort(404)
    if PUBLIC in who:
        return None
    viewer = g.viewer
    if viewer is None:
        abort(401)
    if viewer.must_change and request.endpoint not in BEFORE_CHANGE:
        return redirect(url_for("sign_in.change_password"))
    if viewer.must_set_up and request.endpoint not in BEFORE_SET_UP:
        return redirect(url_for("account.second_factor"))
    if SIGNED_IN not in who and not viewer.has(*who):
        raise Forbidden()
    view = current_app.view_functions[request.endpoint]
    if asks_identity(view) and not proving.is_recent(viewer, now(), office().settings):
        return _to_proof()
    return None


def asks_identity(view: Callable[..., Any]) -> bool:
    """Whether a view is behind ``proves_identity``."""
    return bool(getattr(view, "proves_identity", False))


def _to_proof() -> Response:
    """Off to prove who one is, and back: to the page itself, or to the one whose button was pressed."""
    if request.method == "GET":
        back = request.full_path.rstrip("?")
    else:
        came = urlsplit(request.referrer or "")
        back = f"{came.path}?{came.query}".rstrip("?") if came.netloc == request.host else ""
    address = url_for("account.prove", next=back or None, again=None if request.method == "GET" else 1)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address, 303)
