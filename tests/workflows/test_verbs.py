"""Each verb is one act: exactly one event in the stream it belongs to, and no more statements than promised (36)."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import event, func, select

from tests import factories
from tests.factories import SETTING_UP
from tests.office import Case, Hand, Office, Place, open_round
from tests.passkey_device import Device
from webapp import composition
from workflows import (
    accounts,
    assignments,
    deployment,
    instances,
    own_account,
    passkeys,
    people,
    proving,
    second_factor,
    timers,
)
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import (
    AccountExists,
    CodeRefused,
    DuplicateCase,
    HeldByAnother,
    IdentityRefused,
    LinkExpired,
    NoSecondFactor,
    NotFound,
    PasskeyNameNeeded,
    PasskeyRefused,
    Refusal,
    SecondFactorStands,
    SignInRefused,
    TaskAlreadyDone,
    TaskNotOpen,
)
from workflows.models import Event, Notice
from workflows.registers import evidence
from workflows.settings import Settings
from workflows.submission import Submission

PASSWORD = "Xinyuan-7391-hetao"


def _events(office: Office) -> Counter[tuple[str, str]]:
    with office.db.read() as session:
        rows = session.execute(select(Event.stream, Event.kind, func.count()).group_by(Event.stream, Event.kind))
        return Counter({(stream, kind): count for stream, kind, count in rows})


@contextmanager
def recorded(office: Office, *expected: tuple[str, Kind]) -> Iterator[None]:
    """Exactly these events are written inside the block, each once."""
    before = _events(office)
    yield
    assert _events(office) - before == Counter(expected)


@pytest.fixture
def settings(tmp_path: Path, office: Office) -> Settings:
    return Settings(tmp_path, office.db.url.render_as_string(hide_password=False))


# --- cases ----------------------------------------------------------------------------------------------------------


def test_each_verb_on_a_case_is_one_event(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    filled = applicant.fills()
    stream = "instance:LN-2026-00001"
    with recorded(office, (stream, Kind.INSTANCE_STARTED)):
        applicant.sends(filled)
    case = Case(office, applicant, "LN-2026-00001")
    with recorded(office):
        assert applicant.sends(filled).repeated
    with recorded(office), pytest.raises(DuplicateCase):
        applicant.fills()
    unit = case.task("adm_u1").by(liaoning.own_head)
    paper = unit.fills(unit.recommendation())
    with recorded(office, (stream, Kind.TASK_COMPLETED)):
        unit.sends(paper)
    with recorded(office):
        assert unit.sends(paper).repeated
    waiting = case.task("adm_u2")
    first, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    with recorded(office, (stream, Kind.TASK_CLAIMED)):
        assignments.claim(office.db, first, waiting.number, at=office.at)
    with recorded(office), pytest.raises(HeldByAnother):
        assignments.claim(office.db, second, waiting.number, at=office.at)
    with recorded(office, (stream, Kind.TASK_UNCLAIMED)):
        assignments.unclaim(office.db, first, waiting.number, at=office.at)
    other = waiting.by(liaoning.second_reviewer)
    conflict = other.fills(
        lambda folder, had: {"conflict_declared": "是", "conflict_reason": "申请人是本人亲属，应当回避。"}
    )
    with recorded(office, (stream, Kind.TASK_REASSIGNED)):
        other.sends(conflict)
    with recorded(office, (f"person:{first.number}", Kind.INPUT_REJECTED)):
        instances.reject_input(
            office.db, first, subject=f"task:{waiting.number}", instance_number=case.number,
            fields=[("qualification", "E_RULE")], at=office.at,
        )  # fmt: skip
    with recorded(office, (stream, Kind.TASK_REMINDED), (stream, Kind.TASK_REMINDED)):
        office.days_pass(4)
    with recorded(office, (stream, Kind.TASK_ESCALATED)):
        timers.fire_due(office.db, at=office.end_of(office.at.date() + timedelta(days=3)))
    with recorded(office, (stream, Kind.TASK_COMPLETED)):
        waiting.by(liaoning.reviewer).returns("phone")
    due = case.task("adm_u3").row().due_at
    assert due is not None
    office.time_is(due - timedelta(seconds=1))
    with recorded(office, (stream, Kind.TIMER_FIRED)):
        timers.fire_due(office.db, at=due)
    case.ended("adm_x2")


def test_a_refused_post_names_fields_and_codes_and_never_what_was_typed(office: Office, liaoning: Place) -> None:
    viewer = office.viewer(liaoning.reviewer)
    instances.reject_input(
        office.db, viewer, subject="task:x", instance_number=None, fields=[("id_card", "E_IDCARD")], at=office.at
    )
    [found] = [one for one in office.events(f"person:{viewer.number}") if one.kind == Kind.INPUT_REJECTED]
    assert office.payload(found) == {"subject": "task:x", "fields": [{"field": "id_card", "code": "E_IDCARD"}]}
    assert (found.reason, found.actor) == ("E_IDCARD", viewer.number)


# --- people, accounts, rounds, definitions --------------------------------------------------------------------------


def test_each_verb_of_administration_is_one_event(office: Office, root: Path) -> None:
    db, at = office.db, office.at
    with recorded(office, ("office:configuration", Kind.ORGANISATION_CREATED)):
        people.create_organisation(
            db, SETTING_UP, code="ln-x", name="某校", org_type="school", level="school", parent_code="ln-sy",
            place="liaoning", from_on=date(2026, 1, 1), at=at,
        )  # fmt: skip
    number = people.create_person(db, SETTING_UP, name="李晓岚", phone=None, email=None, at=at)
    stream = f"person:{number}"
    assert [one.kind for one in office.events(stream)] == [Kind.PERSON_CREATED]
    steps: Mapping[Kind, Callable[[], object]] = {
        Kind.ROLE_GRANTED: lambda: people.grant(db, SETTING_UP, number, "ln-x", "home_principal", at.date(), at=at),
        Kind.ROLE_REVOKED: lambda: people.revoke(db, SETTING_UP, _membership(office, number), at.date(), at=at),
        Kind.ACCOUNT_CREATED: lambda: accounts.create_account(db, SETTING_UP, number, "li", at=at),
        Kind.ACCOUNT_DISABLED: lambda: accounts.disable_account(db, SETTING_UP, number, at=at),
        Kind.ACCOUNT_ENABLED: lambda: accounts.enable_account(db, SETTING_UP, number, at=at),
        Kind.ACCOUNT_UNLOCKED: lambda: accounts.unlock_account(db, SETTING_UP, number, at=at),
        Kind.PASSWORD_CHANGED: lambda: accounts.reset_password(db, SETTING_UP, number, at=at),
    }
    for kind, step in steps.items():
        with recorded(office, (stream, kind)):
            step()
    with recorded(office), pytest.raises(AccountExists):
        accounts.create_account(db, SETTING_UP, number, "li", at=at)
    with recorded(office, ("office:rounds", Kind.ROUND_OPENED)):
        open_round(db, "liaoning", at=at)
    tree = deployment.read_tree(root)
    with recorded(office):
        deployment.deploy(db, SETTING_UP, tree, composition.check_form, at=at)
    path = "bpmn/admission/admission.bpmn"
    with recorded(office, ("office:definitions", Kind.DEFINITION_DEPLOYED)):
        changed = {**tree, path: tree[path].replace('"资格审查"'.encode(), '"资格审核"'.encode())}
        deployment.deploy(db, SETTING_UP, changed, composition.check_form, at=at)


def _membership(office: Office, number: str) -> int:
    with office.db.read() as session:
        return people.person_card(session, number).roles[-1][0]


def test_each_verb_of_an_account_is_one_event(office: Office, settings: Settings) -> None:
    db, at, ip = office.db, office.at, "10.0.0.7"
    made = accounts.register_applicant(
        db, name="李晓岚", phone="13900000001", email="li@example.org", password=PASSWORD, at=at, ip=ip
    )
    stream = f"person:{made.person_number}"
    assert [one.kind for one in office.events(stream)] == [Kind.PERSON_REGISTERED]
    assert made.link_token is not None
    with recorded(office, (stream, Kind.EMAIL_CONFIRMED)):
        accounts.confirm_email(db, made.link_token, at=at, ip=ip)
    with recorded(office), pytest.raises(LinkExpired):
        accounts.confirm_email(db, made.link_token, at=at, ip=ip)
    cookie = ""
    with recorded(office, (stream, Kind.SIGN_IN_SUCCEEDED)):
        cookie = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=ip, settings=settings)
    before = _events(office)
    with pytest.raises(SignInRefused):
        accounts.sign_in(db, "13900000001", "wrong", at=at, ip=ip, settings=settings)
    assert [kind for _stream, kind in (_events(office) - before).elements()] == [Kind.SIGN_IN_FAILED]
    with db.glance() as reading:
        viewer = accounts.viewer(reading, cookie, at=at, ip=ip, settings=settings)
    assert viewer is not None
    with recorded(office, (stream, Kind.PASSWORD_CHANGED)):
        cookie = accounts.change_password(db, viewer, PASSWORD, PASSWORD + "-2", at=at, settings=settings)
    with recorded(office, (stream, Kind.CONTACT_CHANGED)):
        own_account.change_contact(db, viewer, phone="13900000002", email="li@example.org", at=at)
    with recorded(office):
        own_account.change_contact(db, viewer, phone="13900000002", email="li@example.org", at=at)
    with recorded(office, (stream, Kind.SIGN_IN_ENDED)):
        own_account.end_others(db, viewer, cookie, at=at)
    with recorded(office, (stream, Kind.SIGN_IN_ENDED)):
        accounts.sign_out(db, cookie, at=at, ip=ip)
    with recorded(office):
        accounts.sign_out(db, cookie, at=at, ip=ip)


def test_each_verb_of_a_second_factor_is_one_event(office: Office, settings: Settings) -> None:
    db, at, ip, key = office.db, office.at, "10.0.0.7", b"k" * 32
    made = accounts.register_applicant(db, name="李晓岚", phone="13900000001", email=None, password=PASSWORD, at=at, ip=ip)
    stream = f"person:{made.person_number}"
    cookie = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=ip, settings=settings)
    with db.glance() as reading:
        viewer = accounts.viewer(reading, cookie, at=at, ip=ip, settings=settings)
    assert viewer is not None
    with recorded(office):
        device = pyotp.TOTP(second_factor.offer(db, viewer, key, at=at).secret)
    with recorded(office), pytest.raises(CodeRefused):
        second_factor.confirm(db, viewer, "000000", key, cookie, at=at, clock=at)
    with recorded(office, (stream, Kind.SECOND_FACTOR_ADDED)):
        second_factor.confirm(db, viewer, device.at(at), key, cookie, at=at, clock=at)
    with recorded(office), pytest.raises(SecondFactorStands):
        second_factor.offer(db, viewer, key, at=at)
    with recorded(office, (stream, Kind.RECOVERY_CODES_RENEWED)):
        codes = second_factor.renew_codes(db, viewer, at=at)
    with recorded(office):
        half = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=ip, settings=settings)
    code = {"at": at, "clock": at, "ip": ip, "settings": settings}
    with recorded(office, (stream, Kind.SECOND_FACTOR_REFUSED)), pytest.raises(CodeRefused):
        proving.enter(db, half, device.at(at), key, **code)  # it was accepted before
    with recorded(office, (stream, Kind.RECOVERY_CODE_USED), (stream, Kind.SIGN_IN_SUCCEEDED)):
        proving.enter(db, half, codes[0], key, **code)
    proof = {"at": at, "clock": at, "settings": settings}
    with recorded(office, (stream, Kind.IDENTITY_DOUBTED)), pytest.raises(IdentityRefused):
        proving.prove(db, viewer, cookie, key, password="wrong", code="", **proof)
    with recorded(office, (stream, Kind.IDENTITY_PROVED)):
        proving.prove(db, viewer, cookie, key, password=PASSWORD, code="", **proof)
    with recorded(office, (stream, Kind.SECOND_FACTOR_REMOVED)):
        second_factor.remove(db, viewer, at=at, settings=settings)
    with recorded(office), pytest.raises(NoSecondFactor):
        second_factor.reset(db, SETTING_UP, made.person_number, at=at)


def test_each_verb_of_a_passkey_is_one_event(office: Office, settings: Settings) -> None:
    db, at, key, device = office.db, office.at, b"k" * 32, Device()
    made = accounts.register_applicant(db, name="李晓岚", phone="13900000001", email=None, password=PASSWORD, at=at, ip=None)
    stream = f"person:{made.person_number}"
    cookie = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=None, settings=settings)
    with db.glance() as reading:
        viewer = accounts.viewer(reading, cookie, at=at, ip=None, settings=settings)
    assert viewer is not None

    def asked(purpose: str, account_id: int | None = None) -> str:
        with db.read() as session:
            return passkeys.to_show(session, key, purpose, account_id, clock=at, settings=settings)

    with db.read() as session:
        offer = passkeys.to_add(session, viewer, key, clock=at, settings=settings)
    moments = {"at": at, "clock": at, "settings": settings}
    with recorded(office), pytest.raises(PasskeyNameNeeded):
        passkeys.add(db, viewer, device.create(offer), " ", key, cookie, **moments)
    with recorded(office), pytest.raises(PasskeyRefused):
        passkeys.add(db, viewer, Device(origin="https://evil.example").create(offer), "手机", key, cookie, **moments)
    with recorded(office, (stream, Kind.PASSKEY_ADDED)):
        assert len(passkeys.add(db, viewer, device.create(offer), "手机", key, cookie, **moments)) == 10
    with recorded(office), pytest.raises(PasskeyRefused):
        passkeys.add(db, viewer, device.create(offer), "手机", key, cookie, **moments)
    with recorded(office, (stream, Kind.SIGN_IN_SUCCEEDED)):
        proving.enter_by_passkey(db, device.get(asked(passkeys.SIGN_IN)), key, ip=None, **moments)
    with recorded(office, (stream, Kind.SIGN_IN_FAILED)), pytest.raises(PasskeyRefused):
        proving.enter_by_passkey(db, device.get(asked(passkeys.CODE)), key, ip=None, **moments)
    with recorded(office):
        half = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=None, settings=settings)
    copied = replace(device, used=0)
    with recorded(office, (stream, Kind.PASSKEY_DOUBTED)), pytest.raises(PasskeyRefused):
        proving.enter(db, half, "", key, ip=None, passkey=copied.get(asked(passkeys.CODE, viewer.account_id)), **moments)
    with recorded(office, (stream, Kind.SIGN_IN_SUCCEEDED)):
        proving.enter(db, half, "", key, ip=None, passkey=device.get(asked(passkeys.CODE, viewer.account_id)), **moments)
    with recorded(office, (stream, Kind.IDENTITY_PROVED)):
        shown = device.get(asked(passkeys.PROOF, viewer.account_id))
        proving.prove(db, viewer, cookie, key, password="", code="", passkey=shown, **moments)
    with db.read() as session:
        [own] = passkeys.own(session, viewer.account_id)
    assert (own.name, own.used_at, own.synced) == ("手机", at, False)
    with recorded(office, (stream, Kind.PASSKEY_REMOVED)):
        passkeys.remove(db, viewer, own.credential_id, at=at, settings=settings)
    with recorded(office), pytest.raises(NotFound):
        passkeys.remove(db, viewer, own.credential_id, at=at, settings=settings)


def test_two_browsers_with_one_answer_of_a_passkey_are_one_sign_in(office: Office, settings: Settings) -> None:
    """An answer counts once, also when both come at the same moment, and also for a key that does not count its uses."""
    db, at, key, device = office.db, office.at, b"k" * 32, Device(counts=False)
    accounts.register_applicant(db, name="李晓岚", phone="13900000001", email=None, password=PASSWORD, at=at, ip=None)
    cookie = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=None, settings=settings)
    with db.glance() as reading:
        viewer = accounts.viewer(reading, cookie, at=at, ip=None, settings=settings)
    assert viewer is not None
    moments = {"at": at, "clock": at, "settings": settings}
    with db.read() as session:
        offer = passkeys.to_add(session, viewer, key, clock=at, settings=settings)
    passkeys.add(db, viewer, device.create(offer), "手机", key, cookie, **moments)
    with db.read() as session:
        answer = device.get(passkeys.to_show(session, key, passkeys.SIGN_IN, None, clock=at, settings=settings))

    def enter(_: int) -> bool:
        try:
            return bool(proving.enter_by_passkey(db, answer, key, ip=None, **moments))
        except PasskeyRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(enter, range(4))) == [False, False, False, True]


def test_two_browsers_with_one_code_are_one_sign_in(office: Office, settings: Settings) -> None:
    """A code counts once, also when both come at the same moment."""
    db, at, key = office.db, office.at, b"k" * 32
    accounts.register_applicant(db, name="李晓岚", phone="13900000001", email=None, password=PASSWORD, at=at, ip=None)
    cookie = accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=None, settings=settings)
    with db.glance() as reading:
        viewer = accounts.viewer(reading, cookie, at=at, ip=None, settings=settings)
    assert viewer is not None
    device = pyotp.TOTP(second_factor.offer(db, viewer, key, at=at).secret)
    second_factor.confirm(db, viewer, device.at(at), key, cookie, at=at, clock=at)
    later = at + timedelta(minutes=1)
    halves = [accounts.sign_in(db, "13900000001", PASSWORD, at=at, ip=None, settings=settings) for _ in range(4)]

    def enter(half: str) -> bool:
        try:
            return bool(proving.enter(db, half, device.at(later), key, at=at, clock=later, ip=None, settings=settings))
        except CodeRefused:
            return False

    with ThreadPoolExecutor(4) as crowd:
        assert sorted(crowd.map(enter, halves)) == [False, False, False, True]


# --- how many statements --------------------------------------------------------------------------------------------


class Statements:
    """The statements that a database is asked, in order; a batch is one, BEGIN and COMMIT are none."""

    def __init__(self, db: Database) -> None:
        self.seen: list[str] = []
        event.listen(db.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        if not re.match("BEGIN", statement):
            self.seen.append(" ".join(statement.split()))


#: What a completion writes or reads besides: files bound to their case, rulings, number series, whose bureau a school's is.
BESIDES = re.compile("UPDATE attachment|INSERT INTO ruling|INSERT INTO series|WITH RECURSIVE .* ORDER BY line.depth$")


def _hand(office: Office, place: Place, step: str, name: str) -> tuple[Hand, Submission]:
    """Somebody with a task of that step before them, and its form filled in."""
    case = office.applicant(place.county_school, name=name).applies()
    match step:
        case "adm_u1":
            hand = case.task(step).by(place.county_head)
            return hand, hand.fills(hand.recommendation())
        case "adm_u1b":
            case.task("adm_u1").by(place.county_head).recommends()
            hand = case.task(step).by(place.county_bureau)
            return hand, hand.fills(hand.opinion())
        case "adm_u2":
            hand = case.is_recommended().task(step).by(place.reviewer)
            return hand, hand.fills(hand.conclusion("合格"))
        case "adm_u3":
            hand = case.is_recommended().is_returned("phone").task(step).by_applicant()
            return hand, hand.fills(lambda folder, had: {"phone": "13900000009"})
        case _:
            hand = case.is_recommended().is_refused().task(step).by_applicant()
            return hand, hand.fills(lambda folder, had: {"apply": "申请复核", "review_reason": "复核理由" * 10})


@pytest.mark.parametrize(
    ("step", "statements"), [("adm_u1", 9), ("adm_u1b", 9), ("adm_u2", 17), ("adm_u3", 10), ("adm_u5", 10)]
)
def test_a_completion_takes_few_statements(office: Office, liaoning: Place, step: str, statements: int) -> None:
    """Issue 2, 4: a plain completion, which opens the next task and tells its people, takes at most ten.

    A batch is one; each register written adds one; one more where history decides who may act, or a timer is called off,
    or a diagram asks who holds a role. Who qualifies is entered in the round besides: it is locked and read, the number is
    looked for and taken, the blind numbers are read, the entry is read and written, and the case waits for five messages.
    """
    asked: list[str] = []
    for name in ("高雨桐", "林书豪"):  # the first parses what is parsed once a process
        hand, filled = _hand(office, liaoning, step, name)
        viewer, counted = hand.viewer, Statements(office.db)
        instances.complete_task(office.db, viewer, hand.task, filled, at=office.at)
        asked = list(counted.seen)
    # SQLite has one writer: nothing is locked there, where PostgreSQL locks the case before it enters who qualifies.
    locks = step == "adm_u2" and office.db.is_sqlite
    assert len([one for one in asked if not BESIDES.match(one)]) == statements - locks, asked


# --- notices --------------------------------------------------------------------------------------------------------


def test_a_notice_is_queued_for_mail_only_where_an_address_is_confirmed(office: Office, liaoning: Place) -> None:
    db, at = office.db, office.at
    made = accounts.register_applicant(
        db, name="李晓岚", phone="13900000001", email="li@example.org", password=PASSWORD, at=at, ip=None
    )
    assert made.link_token is not None
    accounts.confirm_email(db, made.link_token, at=at, ip=None)
    people.grant(db, SETTING_UP, made.person_number, liaoning.own_school, "home_principal", date(2026, 1, 1), at=at)
    office.applicant(liaoning.own_school).applies()
    with db.read() as session:
        states = session.execute(
            select(Notice.mail_state, func.count()).where(Notice.kind == "task_opened").group_by(Notice.mail_state)
        ).all()
    assert sorted((state, count) for state, count in states) == [("none", 1), ("queued", 1)]


def test_an_act_that_fails_tells_nobody(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    first, second = (case.task("adm_u2").by(one) for one in (liaoning.reviewer, liaoning.second_reviewer))
    late = second.fills(second.conclusion("不合格"))
    first.qualifies()
    with office.db.read() as session:
        before = session.execute(select(func.count()).select_from(Notice)).scalar_one()
    with pytest.raises(TaskAlreadyDone) as refused:
        second.sends(late)
    assert refused.value.params == {"name": first.viewer.name, "time": "2026-11-02 09:00"}
    with office.db.read() as session:
        assert session.execute(select(func.count()).select_from(Notice)).scalar_one() == before


def test_a_step_that_was_called_off_cannot_be_done(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended().is_returned("phone")
    hand = case.task("adm_u3").by_applicant()
    filled = hand.fills(lambda folder, had: {"phone": "13900000009"})
    office.days_pass(6)
    case.ended("adm_x2")
    with pytest.raises(TaskNotOpen):
        hand.sends(filled)


def test_a_token_belongs_to_who_sent_it(office: Office, liaoning: Place) -> None:
    applicant, other = (office.applicant(liaoning.own_school, name=name) for name in ("林书豪", "高雨桐"))
    filled = applicant.fills()
    applicant.sends(filled)
    with pytest.raises(Refusal) as refused:
        other.sends(filled)
    assert refused.value.status == 403


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_read_by_who_brought_it_and_who_sees_its_case(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies()
    digest = case.row_of("application")["photo"][0]["sha256"]
    readers = (case.applicant.teacher["phone"], liaoning.own_head, liaoning.auditor)
    strangers = ("qxs1.head", liaoning.county_head, "gx.audit")
    with office.db.read() as session:
        for reader in readers:
            assert evidence.for_viewer(session, office.viewer(reader), digest, office.at).sha256 == digest
        for stranger in strangers:
            with pytest.raises(NotFound):
                evidence.for_viewer(session, office.viewer(stranger), digest, office.at)


def test_an_unsent_file_is_nobody_elses(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    ref = evidence.add(
        office.db, applicant.viewer, office.store, io.BytesIO(b"%PDF-1.5\n1"), "../a\u202eb.pdf", "x", at=office.at
    )
    assert ref.name == "ab.pdf" and office.store.path(ref.sha256).read_bytes() == b"%PDF-1.5\n1"
    with office.db.read() as session, pytest.raises(NotFound):
        evidence.for_viewer(session, office.viewer(liaoning.auditor), ref.sha256, office.at)


# --- who a rule means -----------------------------------------------------------------------------------------------


def test_a_role_is_found_at_the_place_and_day_of_the_case(office: Office, liaoning: Place) -> None:
    """A head of yesterday, a head of tomorrow and a head of another school are no candidates."""
    school, today = liaoning.own_school, office.at.date()
    for name, start in (("将来", today + timedelta(days=1)), ("今天", today)):
        factories.make_person(office.db, name, roles=[("home_principal", school)], at=office.at, since=start)
    past = factories.make_person(office.db, "从前", at=office.at)
    people.grant(
        office.db, SETTING_UP, office.viewer(past).number, school, "home_principal", date(2024, 1, 1), at=office.at,
        to_on=today - timedelta(days=1),
    )  # fmt: skip
    case = office.applicant(school).applies()
    explained = case.task("adm_u1").row().explanation
    assert [one["name"] for one in explained["result"]] == [office.viewer(liaoning.own_head).name, "今天"]
    assert explained["steps"][0]["organisation"]["code"] == school and explained["on"] == today.isoformat()


def test_the_hiring_bureau_is_that_of_the_institutions_own_level(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies().is_recommended()
    [step] = case.task("adm_u2").row().explanation["steps"]
    assert step["organisation"]["code"] == place.own_school.rpartition("-")[0]
