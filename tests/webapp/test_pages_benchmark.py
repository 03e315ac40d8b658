"""The benchmark of the pages: what it times, in which order, and that its peer shows the rows that our page shows."""

from __future__ import annotations

from typing import Any, cast

import lxml.html
import pytest
from sqlalchemy import text

from benchmarks import bare_pages, pages
from benchmarks.http import Browser
from tests.webapp.case_world import HR1, World, problems


class Asked:
    """Stands for a connection: notes what is asked of it, and answers as told."""

    def __init__(self, notes: list[str], status: int = 200) -> None:
        self.notes, self.status = notes, status

    def read(self, path: str) -> int:
        self.notes.append(path)
        return self.status


def pair(notes: list[str], status: int = 200) -> pages.Pair:
    return cast(Browser, Asked(notes, status)), cast(Browser, Asked(notes))


PAGE = pages.Page("inbox", "/inbox/", "/bare")


def test_ours_and_the_peers_are_asked_in_turn_and_the_first_turns_do_not_count() -> None:
    notes: list[str] = []
    ours, theirs = pages.looked(PAGE, [pair(notes)], 3)
    assert notes == ["/inbox/", "/bare"] * 8
    assert (len(ours), len(theirs)) == (3, 3)


def test_two_workers_are_asked_at_once_and_each_answer_counts() -> None:
    notes: list[str] = []
    ours, theirs = pages.looked(PAGE, [pair(notes), pair(notes)], 2)
    assert (len(ours), len(theirs)) == (4, 4)
    assert notes[:4] == ["/inbox/", "/inbox/", "/bare", "/bare"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_page_that_fails_ends_the_measuring(workers: int) -> None:
    with pytest.raises(RuntimeError, match="/inbox/: answered with 500"):
        pages.looked(PAGE, [pair([], 500), *[pair([])] * (workers - 1)], 1)


def test_each_page_gives_a_median_and_a_p95_with_the_bar() -> None:
    times = ([float(n) for n in range(1, 101)], [0.25 * n for n in range(1, 101)])
    half, most = pages.beside_peer("pages: inbox, 1 worker", times, "peer")
    assert (half.name, half.ours, half.peer_value, half.bar) == ("pages: inbox, 1 worker, p50", 50.5, 12.625, None)
    assert (most.name, most.ours, most.peer_value, most.ratio) == ("pages: inbox, 1 worker, p95", 95.0, 23.75, 4.0)
    assert (most.bar, most.holds) == (6, True)
    assert pages.beside_peer("slow", ([7.0], [1.0]), "peer")[1].holds is False


def test_the_peer_shows_the_rows_that_our_pages_show(house: Any) -> None:
    world = World(house)
    number = world.start()
    answer = world.recommend(world.task(number, "adm_u1"))
    assert answer.status_code == 303, problems(answer)
    task, db = world.task(number, "adm_u2"), world.house.database
    with db.read() as session:
        organisation, role = session.execute(text("SELECT organisation_id, role FROM task WHERE status = 'open'")).one()
    bare_pages.prepare(db)
    app = bare_pages.create(db)
    browser = app.test_client()
    waiting = {"organisation": organisation, "role": role}
    given: dict[str, dict[str, Any]] = {
        "inbox": waiting, "deadlines": waiting, "overview": waiting, "search": {"term": "w申报"}, "task": {"number": task},
        "case": {"number": number},
    }  # fmt: skip
    assert set(given) == set(bare_pages.STATEMENTS)
    shown = {}
    for page, values in given.items():
        answer = browser.get(f"/{page}", query_string=values)
        assert answer.status_code == 200
        shown[page] = lxml.html.fromstring(answer.get_data(as_text=True))
    rows = {page: found.xpath("count(/html/body/main/table/tbody/tr)") for page, found in shown.items()}
    assert (rows["inbox"], rows["deadlines"], rows["overview"], rows["search"]) == (1, 1, 1, 1)
    assert rows["task"] == 2, "the application and the recommendation"
    assert rows["case"] >= 2
    said = [one.strip() for one in shown["task"].xpath("//dd/text()") if len(one.strip()) > 12 and not one.strip().isascii()]
    ours = world.browser(HR1).get(f"/tasks/{task}").get_data(as_text=True)
    assert said and all(one in ours for one in said)


def test_the_peer_writes_one_row_that_nobody_changed_before(house: Any) -> None:
    db = house.database
    bare_pages.prepare(db)
    app = bare_pages.create(db)
    app.config["WTF_CSRF_ENABLED"] = False
    assert app.test_client().post("/").status_code == 302
    with db.read() as session:
        assert session.execute(text("SELECT version FROM bare")).scalar_one() == 1
