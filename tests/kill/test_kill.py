"""A process is killed with SIGKILL at every call to the database; another one does the act again (T4).

Whatever the moment, the case goes on, nothing has happened twice, the record verifies, and each change of state has
exactly one event. ``--long`` kills at every call on both databases, and whoever does the act again as well; otherwise
processes die around commits, and in the usual acts on SQLite before writes: between two reads nothing changes. Of an act
with many of them some are drawn, always the same ones; the first commit and the last are among them.
``scenes.py`` holds the acts; every verb of a case is in one of them.
"""

from __future__ import annotations

import inspect
import multiprocessing
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.kill import scenes_beside  # noqa: F401 - enters its scenes
from tests.kill.dying import Killing, copied, deaths, run, some
from tests.kill.scenes import SCENES, USUAL
from tests.office import Office
from tests.offices import settle
from workflows import (
    absences,
    assignments,
    bulk,
    control,
    copies,
    deliveries,
    deployment,
    drafts,
    follow_ups,
    handing_over,
    incidents,
    instances,
    jobs,
    proxies,
    remarks,
    reporting,
    retries,
    saved_filters,
    signers,
    timers,
    unstaffed,
    urging,
)
from workflows.control import ending, migrating, pausing, rewinding
from workflows.incidents import raising
from workflows.returning import sending, taking

#: The rooms whose verbs change a case or what is done for it later.
ROOMS = (
    instances, assignments, control, ending, migrating, pausing, rewinding, deliveries, timers, retries, incidents, raising,
    jobs, bulk, copies, follow_ups, remarks, saved_filters, urging, deployment, drafts, reporting, signers, sending, taking,
    proxies, absences, handing_over, unstaffed,
)  # fmt: skip
#: Verbs that may well be done twice, and why.
TWICE = {
    instances.reject_input: "what was refused is recorded as often as it is sent",
    proxies.note_refused: "what is tried is recorded as often as it is tried",
}

#: Deaths of an act without ``--long``, where every call may be one, and where only commits are.
MOST, MOST_COMMITS = 10, 6

Kill = Callable[..., Killing]


@pytest.fixture
def kill(office: Office, office_url: str, tmp_path: Path) -> Kill:
    """Makes the office ready for an act, and leaves its database so that it can be copied."""

    def make(name: str, broken: str = "") -> Killing:
        act = SCENES[name].prepare(office)
        if office.db.is_sqlite:
            settle(office.db)
        office.db.close()
        return Killing(office_url, tmp_path, act, broken=broken)

    return make


def _went_through(killing: Killing, name: str) -> None:
    assert {_named(verb) for verb in SCENES[name].verbs} <= killing.walked


def _named(verb: Callable[..., object]) -> str:
    return f"{verb.__module__}.{verb.__name__}"


@pytest.mark.parametrize("name", USUAL)
def test_killed_at_its_writes(kill: Kill, office_url: str, name: str) -> None:
    killing = kill(name)
    _went_through(killing, name)
    writes = office_url.startswith("sqlite")
    for number in some(killing.calls, deaths(killing.calls, writes=writes), MOST if writes else MOST_COMMITS, name):
        killing.at(number)


@pytest.mark.parametrize("name", [name for name in SCENES if name not in USUAL])
def test_killed_at_its_commits(new_office: Callable[[], Office], tmp_path: Path, name: str) -> None:
    office = new_office()
    act = SCENES[name].prepare(office)
    settle(office.db)
    office.db.close()
    killing = Killing(str(office.db.url), tmp_path, act)
    _went_through(killing, name)
    for number in some(killing.calls, deaths(killing.calls, writes=False), MOST_COMMITS, name):
        killing.at(number)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_call(kill: Kill, name: str) -> None:
    killing = kill(name)
    for number in range(1, len(killing.calls) + 1):
        killing.at(number)
    print(f"{name}: killed at each of {len(killing.calls)} calls")


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SCENES)
def test_whoever_takes_it_up_is_killed_as_well(kill: Kill, name: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    killing = kill(name)
    died = sum(killing.again_and_again(one, times=4) for one in range(seed, seed + 5))
    print(f"{name}: killed {died} times, seeds {seed} to {seed + 4}")
    assert died


def test_every_verb_is_killed_in_some_act() -> None:
    """A new verb needs a scene of its own."""
    killed = {_named(verb) for scene in SCENES.values() for verb in scene.verbs}
    there = {_named(verb) for room in ROOMS for verb in _verbs(room)}
    assert there - killed == {_named(verb) for verb in TWICE}


def _verbs(room: ModuleType) -> list[Callable[..., object]]:
    """Public functions of a module that are handed a database."""
    return [
        one
        for name, one in inspect.getmembers(room, inspect.isfunction)
        if not name.startswith("_")
        and one.__module__ == room.__name__
        and next(iter(inspect.signature(one).parameters), "") == "db"
    ]


@pytest.mark.parametrize(
    ("broken", "name"), [("the record", "decide"), ("the delivery", "return"), ("the timer", "lapse")]
)
def test_a_verb_torn_in_two_is_caught(kill: Kill, broken: str, name: str) -> None:
    """The proof that the tests above can fail: the same act in two transactions, right as long as nobody dies."""
    killing = kill(name, broken)
    caught = [number for number in deaths(killing.calls, writes=False) if not _stands(killing, number)]
    assert caught, "no death between the two transactions was noticed"
    assert killing.calls.index("COMMIT") + 1 < caught[0], "a death before anything was written does no harm"


def _stands(killing: Killing, number: int) -> bool:
    try:
        killing.at(number)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("name", ["submit", "lapse"])
def test_what_the_fork_server_has_read_spares_no_call(
    new_office: Callable[[], Office], tmp_path: Path, name: str
) -> None:
    """Those that die are forked from a process that has read the diagrams: their calls are those of one that has not."""
    office = new_office()
    act = SCENES[name].prepare(office)
    settle(office.db)
    office.db.close()
    forked = Killing(str(office.db.url), tmp_path, act).calls
    with copied(str(office.db.url), tmp_path, 1) as url:
        cold = run(url, act, processes=multiprocessing.get_context("spawn"))
    assert cold is not None and cold.calls == forked
