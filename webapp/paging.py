"""Addresses of the page one is on: page by page, and back here after a change of language."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for

#: Nobody turns so many pages: what lies further is found by a filter. A page costs as much as all pages before it, so a larger
#: number, which is a slip or a probe, shows this one.
LAST_PAGE = 500


def page_number() -> int:
    """``page`` of the address, from 1; anything else that stands there is page 1."""
    given = request.args.get("page", "")
    return min(max(int(given), 1), LAST_PAGE) if given.isascii() and given.isdigit() and len(given) < 10 else 1


def words(name: str, longest: int = 100) -> str:
    """A search word of the address, without blanks at its ends and no longer than anybody would type."""
    return request.args.get(name, "").strip()[:longest]


def this_page(**changed: Any) -> str:
    """The address of this page with some words of it changed; ``None`` takes a word away."""
    values: dict[str, Any] = {**request.args.to_dict(), **(request.view_args or {}), **changed}
    return url_for(
        request.endpoint or "sign_in.first_page", **{key: value for key, value in values.items() if value is not None}
    )


def here() -> str:
    """The path of the page shown, to come back to; the first page when this one answers a post or an error."""
    if request.method == "GET" and request.endpoint is not None:
        return request.full_path.rstrip("?")
    return url_for("sign_in.first_page")


def install(app: Flask) -> None:
    """Give templates ``this_page`` and ``here``."""
    app.jinja_env.globals.update(this_page=this_page, here=here)
