"""What every test may ask for: an empty database on each engine, the served product, a browser.

Tests that need more than the project holds (``--shared DIR``) or more time than a commit has (``--long``) are not
collected without their option, and the header says so. Nothing is skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ["tests.databases", "tests.offices", "tests.browsing", "tests.serving"]

ROOT = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile("commit", derandomize=True, deadline=None, database=None, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2000, database=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("jiaoyan")
    group.addoption("--long", action="store_true", help="also the long tests: many seeds, every kill point, fuzzing")
    group.addoption("--pictures", action="store_true", help="put a picture of every page and state into screenshots/")
    group.addoption("--shared", metavar="DIR", help="folder with test data that is not part of the project")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "commit")
    shared = config.getoption("--shared")
    if shared and not Path(shared).is_dir():
        raise pytest.UsageError(f"--shared {shared}: no such folder")


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines = [f"databases: SQLite; PostgreSQL {'at JIAOYAN_TEST_POSTGRES' if _given_postgres() else 'of pgserver'}"]
    if not config.getoption("--long"):
        lines.append("not collected: long tests (--long)")
    if not config.getoption("--shared"):
        lines.append("not collected: tests on data outside the project (--shared DIR)")
    return lines


def _given_postgres() -> bool:
    return bool(os.environ.get("JIAOYAN_TEST_POSTGRES"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = [mark for mark in ("long", "shared") if not config.getoption(f"--{mark}")]
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in absent)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Path:
    """The folder given by ``--shared``; for tests marked ``shared`` only."""
    given = request.config.getoption("--shared")
    assert given, "a test that uses `shared` must be marked: pytest.mark.shared"
    return Path(given).resolve()


@pytest.fixture
def screenshots(root: Path) -> Path:
    """Where pictures for looking at are put; the folder is not committed."""
    folder = root / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
