"""``url_for`` of templates: a list asks for the addresses of a hundred rows, which differ in a number only.

What Flask writes for an endpoint and the names of its values is kept as a pattern, and filled for the next one.
"""

from __future__ import annotations

import re
from typing import Any

import flask
from flask import Flask, current_app, request

#: What stands in an address as it is, in its path as well as in its query; anything else Flask writes anew.
_PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PLACE = "jyPLACEjy{}jy"
_PATTERNS = "jiaoyan-addresses"


def url_for(endpoint: str, /, **values: Any) -> str:
    """As ``flask.url_for``."""
    for name, value in values.items():
        if name[0] == "_" or type(value) is not str or _PLAIN.fullmatch(value) is None:
            return flask.url_for(endpoint, **values)
    if endpoint[0] == ".":  # said from the page shown
        return flask.url_for(endpoint, **values)
    patterns: dict[tuple[str, ...], str] = current_app.extensions[_PATTERNS]
    # In front of every address stands where a proxy has put the site.
    key = (request.script_root, endpoint, *values)
    pattern = patterns.get(key)
    if pattern is None:
        pattern = patterns[key] = _pattern(endpoint, list(values))
    return pattern % values


def _pattern(endpoint: str, names: list[str]) -> str:
    places: dict[str, Any] = {name: _PLACE.format(n) for n, name in enumerate(names)}
    written = flask.url_for(endpoint, **places).replace("%", "%%")
    for n, name in enumerate(names):
        written = written.replace(_PLACE.format(n), f"%({name})s")
    return written


def install(app: Flask) -> None:
    """Let templates ask here."""
    app.extensions[_PATTERNS] = {}
    app.jinja_env.globals["url_for"] = url_for
