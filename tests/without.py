"""pytest without one guard: ``-p tests.without --without workflows.assignments:require_back`` runs tests as if it were not there.

A guard that refuses by raising then never refuses; one that answers a question is given its answer: ``module:name=True``.
Whoever imported the guard by name has it replaced too.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest

_ANSWERS: dict[str, object] = {"": None, "True": True, "False": False, "()": ()}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("jiaoyan").addoption("--without", metavar="MODULE:NAME[=ANSWER]", help="take one guard out")


def pytest_collection_finish(session: pytest.Session) -> None:
    given = session.config.getoption("--without")
    if given:
        take_out(given)


def take_out(guard: str) -> None:
    """Replace the guard everywhere; ``LookupError`` if there is none of that name, or no such answer."""
    path, _, answer = guard.partition("=")
    module_name, _, name = path.partition(":")
    module: Any = importlib.import_module(module_name)
    *owners, last = name.split(".")
    for owner in owners:
        module = getattr(module, owner)
    original = getattr(module, last, None)
    if not callable(original):
        raise LookupError(f"no guard is called {guard}")

    answered = _ANSWERS[answer]

    def open_door(*_given: object, **_named: object) -> object:
        return answered

    setattr(module, last, open_door)
    for known in list(sys.modules.values()):
        if isinstance(known, ModuleType) and known.__name__.partition(".")[0] in {"workflows", "forms", "webapp"}:
            for held, value in list(vars(known).items()):
                if value is original:
                    setattr(known, held, open_door)
