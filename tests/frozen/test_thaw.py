"""Offices frozen by earlier versions: migrated to today's tables, every case of theirs comes to its end (T9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import PLACES, Applicant, Case, Office
from webapp import composition
from workflows import deployment, migrations
from workflows.db import Database
from workflows.models import Account, Definition, Instance, Person

FROZEN = sorted(Path(__file__).parent.glob("*.sqlite3.zst"))


@pytest.fixture(params=FROZEN, ids=lambda path: path.name.removesuffix(".sqlite3.zst"))
def thawed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    path = tmp_path / "office.sqlite3"
    path.write_bytes(zstandard.ZstdDecompressor().decompress(request.param.read_bytes()))
    db = Database(f"sqlite:///{path}", synchronous="NORMAL")
    migrations.upgrade(db)
    yield Office(db, tmp_path / "files")
    db.close()


def cases(office: Office) -> dict[str, Case]:
    """The frozen cases by the step at which they wait; their applicants as far as the way on needs them."""
    found = {}
    with office.db.read() as session:
        rows = session.execute(
            select(Instance.number, Person.name, Account.sign_in_name)
            .join(Person, Person.id == Instance.starter_id)
            .join(Account, Account.person_id == Person.id)
        ).all()
    place = PLACES["liaoning"]
    for number, name, sign_in in rows:
        case = Case(office, Applicant(office, "liaoning", {"name": name, "phone": sign_in, "unit": place.own_school}), number)
        [waiting] = [task.step_id for task in case.tasks() if task.status == "open"]
        found[waiting] = case
    return found


def _from_unit(case: Case) -> None:
    case.task("adm_u1").by(PLACES["liaoning"].own_head).recommends()
    _from_review(case)


def _from_bureau(case: Case) -> None:
    case.task("adm_u1b").by(PLACES["liaoning"].county_bureau).consents()
    _from_review(case)


def _from_review(case: Case) -> None:
    case.task("adm_u2").by(PLACES["liaoning"].reviewer).qualifies()
    case.ended("adm_v0_e")


def _from_correction(case: Case) -> None:
    hand = case.task("adm_u3").by_applicant()
    hand.corrects(statement="补充说明：已按要求更正，内容属实，佐证材料随附，愿意接受核查。" * 12)
    _from_review(case)


def _from_answer(case: Case) -> None:
    hand = case.task("adm_u5").by_applicant()
    hand.accepts()
    case.ended("adm_x1")


WAYS: dict[str, Callable[[Case], None]] = {
    "adm_u1": _from_unit, "adm_u1b": _from_bureau, "adm_u2": _from_review, "adm_u3": _from_correction,
    "adm_u5": _from_answer,
}  # fmt: skip


def test_every_frozen_case_comes_to_its_end(thawed: Office, root: Path) -> None:
    """Also after today's definitions and packs were deployed over the old ones: each case keeps what it started on."""
    deployment.deploy(thawed.db, SETTING_UP, deployment.read_tree(root), composition.check_form, at=thawed.at)
    waiting = cases(thawed)
    assert waiting.keys() == WAYS.keys()
    for step, way in WAYS.items():
        way(waiting[step])
    thawed.check_record()
    with thawed.db.read() as session:
        first = session.execute(
            select(Definition.digest).where(Definition.process_id == "admission", Definition.version == 1)
        ).scalar_one()
        assert set(session.execute(select(Instance.definition)).scalars()) == {first}


def test_a_frozen_case_meets_the_end_of_its_period(thawed: Office) -> None:
    case = cases(thawed)["adm_u3"]
    due = case.task("adm_u3").row().due_at
    assert due is not None
    thawed.time_is(due)
    case.ended("adm_x2")
    thawed.check_record()
