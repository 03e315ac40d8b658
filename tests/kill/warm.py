"""The process from which those that die are forked: what is only read from bytes is read once, whoever asks.

A cold process spends most of its time on reading diagrams, tables and packs, and on putting statements into words. Here
the former are remembered by their bytes, the latter by what they ask, so that a fork makes exactly the calls to the
database that a cold process makes, and is done sooner. Imported by the fork server alone, before any test has a database;
those that it looks at itself are closed again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.dialects.postgresql import psycopg as dialect

from benchmarks import annual
from tests import reviewing
from tests.databases import make_schema, share_compiled
from tests.factories import SETTING_UP
from tests.kill import acts
from tests.kill.scenes import SCENES
from tests.office import BEGAN, Office
from tests.offices import _furnish
from tests.remembering import read_once
from webapp import composition
from workflows import deployment
from workflows.db import Database


def _read_once() -> None:
    """Read all that the acts read, with nothing left on the shelf of what is stored."""
    read_once(pytest.MonkeyPatch())
    tree = {**deployment.read_tree(composition.SOURCE), **reviewing.TREE, **annual.FILES}
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'read.sqlite3'}", synchronous="NORMAL")
        make_schema(db)
        for files in (deployment.read_tree(composition.SOURCE), tree):
            deployment.deploy(db, SETTING_UP, files, composition.check_form, at=BEGAN)
            with db.read() as session:
                for loaded in deployment.current(session):
                    deployment.rulebook(session, loaded, deployment.newest_pack_set(session))
                deployment.packs(session, deployment.newest_pack_set(session))
        db.close()


def _say_once() -> None:
    """Do some acts, so that what nearly every act asks of SQLite has been put into words."""
    share_compiled(pytest.MonkeyPatch())
    for name in ("submit", "correct", "lapse"):
        with tempfile.TemporaryDirectory() as folder:
            db = Database(f"sqlite:///{Path(folder) / 'office.sqlite3'}", synchronous="NORMAL")
            make_schema(db)
            _furnish(db, composition.SOURCE)
            SCENES[name].prepare(Office(db, Path(folder)))(db)
            db.close()


_read_once()
_say_once()
deployment._shelf = deployment._Shelf()
#: Imported here once instead of in every fork.
THERE = (psycopg, dialect, acts)
