"""The served demo that the tests of one module share, and people who sit down at it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.browser.mailbox import open_mailbox
from tests.browser.town import Town
from tests.serving import PATIENCE, Served, free_port

#: Milliseconds that a page may take to show what is expected; the machine may be busy with other tests.
expect.set_options(timeout=20_000)


def seeded(served: Served) -> Served:
    """Wait until a freshly started demo has its people and cases."""
    until = time.monotonic() + 3 * PATIENCE
    while served.health()["seeding"]:
        assert time.monotonic() < until, f"not seeded within {3 * PATIENCE} s:\n{served.tail()}"
        time.sleep(0.1)
    return served


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that ``make`` fills once in a run of the tests, whichever of their processes comes first; it is only copied."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / name
    with open(base / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = base / f"{name}.making"
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            making.rename(folder)
    return folder


def _seed(data: Path) -> None:
    """Let the product fill a data directory as it does for everybody who serves the demo."""
    served = Served(data)
    seeded(served.start())
    served.stop()


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a demo that nobody has worked in yet, to be copied."""
    return once(tmp_path_factory, "seeded-demo", _seed)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_data: Path) -> Iterator[Served]:
    """The product with its demo data, one for the module: its tests read, or each writes in a case of its own."""
    served = Served(shutil.copytree(demo_data, tmp_path_factory.mktemp("demo") / "data"))
    yield seeded(served.start())
    served.stop()


@pytest.fixture
def sit_down(demo: Served, open_page: Callable[..., Page]) -> Callable[..., Desk]:
    """``sit_down("sy.hr1", width=390)``: one of the demo's people, signed in, in a browser of their own."""

    def at(name: str, **options: object) -> Desk:
        return Desk(open_page(**options), demo.url).sign_in(name)

    return at


@pytest.fixture
def town(tmp_path: Path, demo_data: Path, open_page: Callable[..., Page]) -> Iterator[Town]:
    """An office with its demo data and a mail server."""
    with open_mailbox(free_port()) as mail:
        served = Served(shutil.copytree(demo_data, tmp_path / "data"), environment={"JIAOYAN_SMTP": f"{mail.host}:{mail.port}"})
        seeded(served.start())
        yield Town(served, mail, open_page)
        served.stop()


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest, root: Path) -> Path | None:
    """Where pictures for looking at are put if ``--pictures`` asks for them; the folder is not committed."""
    if not request.config.getoption("--pictures"):
        return None
    folder = root / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
