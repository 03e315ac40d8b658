"""The pages that people live in, through HTTP, with 100,000 open tasks: at one worker, and at two that are asked at once.

A worker is a process as ``jiaoyan serve`` runs it, with one kept connection to it; two of them share the database. The
peer is served the same way, as many processes of it: bare templated Flask with one indexed SELECT of the rows that our page
shows (benchmarks/bare_pages.py). Both are asked in turn, so that a machine whose speed drifts drifts for both. At two
workers both are asked in the same moment, and both forms are sent in the same moment.

Statements are counted apart from that, of a site in this process.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from benchmarks import bare_pages, lists
from benchmarks.counting import counted
from benchmarks.figures import Figure, beside, percentile
from benchmarks.http import ACTS, Act, Browser, Desks, fill, listening, milliseconds, signed_in
from webapp import composition, create_app
from webapp.demo.life import REVIEWERS
from webapp.office import Office
from workflows import instances

#: Open tasks.
TASKS = 100_000
#: How often a page is asked for by each worker, and how many cases each of them lives through, four forms a case.
TURNS, CASES = 100, 12
#: The bars: our p95 over the peer's, statements of one page.
BAR, STATEMENTS = 6, 6
_PEER = "bare Flask, one indexed SELECT of the rows"
_WRITING = "bare Flask with CSRF and one version-checked write"
#: What is done at each case from its review on.
_FORMS: tuple[Act, ...] = ACTS[2:]


@dataclass(frozen=True)
class Page:
    """One page: our address, and the peer's."""

    name: str
    ours: str
    bare: str


@dataclass(frozen=True)
class World:
    """An office with very many open tasks, and people who look at it."""

    office: Office
    desks: Desks
    pages: Sequence[Page]
    #: Numbers of the applicants to come.
    applicants: Iterator[int]


def run(rows: int = TASKS) -> list[Figure]:
    """Measure with so many open tasks; takes some three minutes, of which one makes the rows."""
    with tempfile.TemporaryDirectory() as folder, composition.opened(Path(folder) / "data") as office:
        return measured(crowded(office, rows))


def crowded(office: Office, rows: int) -> World:
    """Fill an office."""
    desks = Desks(office, 0)
    reviewer, _ = lists.people(desks)
    lists.multiply(office.db, 0, rows, reviewer)
    bare_pages.prepare(office.db)
    case, task = _at_review(desks, 1)
    [mine] = {held for held in reviewer.memberships if held.role == "bureau_hr"}
    waiting = urlencode({"organisation": mine.organisation_id, "role": mine.role})
    return World(office, desks, (
        Page("inbox", "/inbox/", f"/inbox?{waiting}"),
        Page("search", f"/instances/?q={quote('物理')}", f"/search?{urlencode({'term': 'w物理'})}"),
        Page("task", task, f"/task?{urlencode({'number': task.rpartition('/')[2]})}"),
        Page("case", f"/instances/{case}", f"/case?{urlencode({'number': case})}"),
        Page("deadlines", "/deadlines/", f"/deadlines?{waiting}"),
        Page("overview", "/overview/", f"/overview?{waiting}"),
    ), itertools.count(2))  # fmt: skip


def _at_review(desks: Desks, number: int) -> tuple[str, str]:
    """A new case that waits for its review: its number, and the address of that task."""
    seeding, teacher = desks.seeding, desks.teacher(number)
    task = seeding.until_review("liaoning", teacher)
    with seeding.db.read() as reading:
        return instances.started_by(reading, seeding.viewer(teacher["phone"]).person_id)[0], f"/tasks/{task}"


def measured(world: World, *, turns: int = TURNS, cases: int = CASES) -> list[Figure]:
    """Every figure of such an office."""
    figures = _statements(world)
    with ExitStack() as stack:
        office = world.office
        ours = [stack.enter_context(_served(office)) for _ in range(2)]
        theirs = [stack.enter_context(_bare(office)) for _ in range(2)]
        for workers in (1, 2):
            at = f"{workers} worker{'s' if workers > 1 else ''}"
            pairs = [
                (stack.enter_context(closing(signed_in(port, REVIEWERS["liaoning"][0]))),
                 stack.enter_context(closing(Browser(other))))
                for port, other in zip(ours[:workers], theirs[:workers], strict=True)
            ]  # fmt: skip
            for page in world.pages:
                figures += beside_peer(f"pages: {page.name}, {at}", looked(page, pairs, turns), _PEER)
            figures += beside_peer(f"pages: submit, {at}", _sent(world, ours[:workers], pairs, cases), _WRITING)
    return figures


Times = tuple[list[float], list[float]]
#: A signed-in browser at one of our workers, and one at a worker of the peer.
Pair = tuple[Browser, Browser]


def beside_peer(name: str, times: Times, peer: str) -> list[Figure]:
    ours, theirs = times
    return [
        beside(f"{name}, p50", "ms", ours, peer, theirs),
        beside(f"{name}, p95", "ms", [percentile(ours, 95)], peer, [percentile(theirs, 95)], BAR),
    ]


# --- what is timed --------------------------------------------------------------------------------------------------


def _together(acts: Sequence[Callable[[], float]]) -> list[float]:
    """Do every act in the same moment, each in a thread of its own; what each took."""
    if len(acts) == 1:
        return [acts[0]()]
    gate, took, failed = threading.Barrier(len(acts)), [0.0] * len(acts), list[Exception]()

    def do(n: int) -> None:
        gate.wait()
        try:
            took[n] = acts[n]()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=do, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return took


def _asked(browser: Browser, path: str) -> float:
    began = time.perf_counter()
    status = browser.read(path)
    took = (time.perf_counter() - began) * 1000
    if status != 200:
        raise RuntimeError(f"{path}: answered with {status}")
    return took


def looked(page: Page, pairs: Sequence[Pair], turns: int) -> Times:
    ours, theirs = list[float](), list[float]()
    for turn in range(turns + 5):
        own = _together([partial(_asked, at, page.ours) for at, _ in pairs])
        bare = _together([partial(_asked, at, page.bare) for _, at in pairs])
        if turn >= 5:  # the first ones find nothing prepared
            ours += own
            theirs += bare
    return ours, theirs


def _sent(world: World, ports: Sequence[int], pairs: Sequence[Pair], cases: int) -> Times:
    ours, theirs = list[float](), list[float]()
    for turn in range(cases + 1):
        with ExitStack() as stack:
            lived = []
            for port, (reviewer, bare) in zip(ports, pairs, strict=True):
                number = next(world.applicants)
                case, _ = _at_review(world.desks, number)
                applicant = stack.enter_context(closing(signed_in(port, f"139{number:08d}")))
                lived.append((case, reviewer, applicant, bare))
            for act in _FORMS:
                ready = []
                for case, reviewer, applicant, bare in lived:
                    browser, path = reviewer if act.person else applicant, world.desks.task(case, act.step)
                    ready.append((browser, path, fill(browser, path, act), bare))
                own = _together([partial(milliseconds, browser, path, fields) for browser, path, fields, _ in ready])
                same = [
                    (bare, [*((n, v) for n, v in fields if n != "csrf_token"), *_token(bare)]) for _, _, fields, bare in ready
                ]
                other = _together([partial(milliseconds, bare, "/", fields) for bare, fields in same])
                if turn:
                    ours += own
                    theirs += other
    return ours, theirs


def _token(bare: Browser) -> list[tuple[str, str]]:
    return list(bare.form("/overview?organisation=0&role=none").form_values())


# --- what is counted ------------------------------------------------------------------------------------------------


def _statements(world: World) -> list[Figure]:
    """What each page asks of the database once the process knows its diagrams."""
    figures = []
    with (
        composition.settled(world.office), listening(create_app(world.office)) as port,
        closing(signed_in(port, REVIEWERS["liaoning"][0])) as browser,
    ):  # fmt: skip
        for page in world.pages:
            browser.read(page.ours)
            with counted(world.office.db.engine) as found:
                browser.read(page.ours)
            figures.append(Figure(f"pages: {page.name}, SQL statements", "statements", len(found.statements), bar=STATEMENTS))
    return figures


# --- servers --------------------------------------------------------------------------------------------------------


@contextmanager
def _process(*command: str) -> Iterator[None]:
    """A server, up and listening; ended afterwards."""
    server = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        if server.stdout is None or not server.stdout.readline():
            raise RuntimeError(f"{' '.join(command)}: did not start")
        yield
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _served(office: Office) -> Iterator[int]:
    port = _free_port()
    serve = "from webapp.commands import main; main()"
    with _process("-c", serve, "serve", "--data", str(office.settings.data), "--port", str(port), "--no-worker"):
        yield port


@contextmanager
def _bare(office: Office) -> Iterator[int]:
    port = _free_port()
    url = office.db.url.render_as_string(hide_password=False)
    with _process("-m", "benchmarks.bare_pages", url, str(port)):
        yield port
