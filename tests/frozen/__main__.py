"""``python -m tests.frozen NAME``: freeze an office of today's software as ``tests/frozen/NAME.sqlite3.zst``.

To be run once for each released version, with its own code. The file holds a furnished office with one case waiting at
each step of the admission, so that every later version has to bring all of them to their ends (T9).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import zstandard

from tests.databases import make_schema
from tests.office import PLACES, Office
from tests.offices import _furnish, settle
from workflows.db import Database


def freeze(name: str) -> Path:
    """Make the office, let each case come to another step, and pack the database."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "office.sqlite3"
        db = Database(f"sqlite:///{path}", synchronous="NORMAL")
        make_schema(db)
        _furnish(db, here.parent.parent)
        office = Office(db, Path(folder) / "files")
        place = PLACES["liaoning"]
        waiting = {
            "adm_u1": lambda name: office.applicant(place.own_school, name=name).applies(),
            "adm_u1b": lambda name: _recommended(office, name),
            "adm_u2": lambda name: office.applicant(place.own_school, name=name).applies().is_recommended(),
            "adm_u3": lambda name: office.applicant(place.own_school, name=name).applies().is_recommended().is_returned(),
            "adm_u5": lambda name: office.applicant(place.own_school, name=name).applies().is_recommended().is_refused(),
        }
        for step, comes in waiting.items():
            comes(f"冻结{step.removeprefix('adm_')}").waits_at(step)
        settle(db)
        db.close()
        packed = zstandard.ZstdCompressor(level=19).compress(path.read_bytes())
    target = here / f"{name}.sqlite3.zst"
    target.write_bytes(packed)
    return target


def _recommended(office: Office, name: str):  # type: ignore[no-untyped-def]
    place = PLACES["liaoning"]
    case = office.applicant(place.county_school, name=name).applies()
    case.task("adm_u1").by(place.county_head).recommends()
    return case


if __name__ == "__main__":
    made = freeze(sys.argv[1])
    print(f"{made}: {made.stat().st_size:,} bytes")
