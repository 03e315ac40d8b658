"""Addresses in templates: what is kept as a pattern is what Flask writes."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from webapp import addresses

GIVEN: list[tuple[str, dict[str, Any]]] = [
    ("inbox.index", {}), ("inbox.index", {"tab": "done"}), ("tasks.show", {"number": "3c522936d631685e"}),
    ("instances.show", {"number": "LN-2026-00001"}), ("deadlines.index", {"whose": "mine", "when": "late"}),
    ("deadlines.index", {"whose": "mine", "when": None}), ("inbox.index", {"q": "物理 & 50%"}), ("inbox.index", {"q": ""}),
    ("tasks.show", {"number": "a/b?c"}), ("tasks.show", {"number": "x", "_anchor": "remarks"}), ("inbox.index", {"page": 2}),
    ("instances.start", {"process_id": "admission", "round_number": "@ln-sy-tri"}), ("static", {"filename": "mark.svg"}),
    ("instances.show", {"number": "X", "q": "jyPLACEjy0jy"}), ("tasks.show", {"number": "１２"}),
]  # fmt: skip


@pytest.mark.parametrize("root", ["", "/jiaoyan"])
def test_a_kept_pattern_gives_what_flask_writes(house: Any, root: str) -> None:
    app = house.app
    for turn in range(2):  # written, then filled
        for endpoint, values in GIVEN:
            with app.test_request_context("/deadlines/", environ_overrides={"SCRIPT_NAME": root}):
                assert addresses.url_for(endpoint, **values) == flask.url_for(endpoint, **values), (turn, endpoint, values)
                assert addresses.url_for(endpoint, **values).startswith(f"{root}/")


def test_what_flask_refuses_is_refused(house: Any) -> None:
    with house.app.test_request_context("/"), pytest.raises(Exception, match=r"nothing\.here"):
        addresses.url_for("nothing.here", number="1")


def test_an_address_said_from_the_page_shown_is_not_kept(house: Any) -> None:
    for path, expected in (("/deadlines/", "/deadlines/"), ("/inbox/", "/inbox/")):
        with house.app.test_request_context(path):
            assert addresses.url_for(".index") == expected
