"""Notices leave after the commit, once as their reader sees it, and try again for a while when the mail server is away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Office, Place
from workflows import accounts, notices, people
from workflows.models import Notice
from workflows.settings import Settings


class Postman:
    """A mail server that keeps what it gets, or refuses it."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 later"
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 OK"


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def settings(postman: Postman, tmp_path: Path, office: Office) -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(postman, hostname="127.0.0.1", port=port)
    server.start()
    yield replace(
        Settings(tmp_path, str(office.db.url)), smtp=f"127.0.0.1:{port}", base_url="https://jiaoyan.example",
        mail_from="office@jiaoyan.example",
    )  # fmt: skip
    server.stop()


@pytest.fixture
def head(office: Office, liaoning: Place) -> str:
    """A head of the school with a confirmed address; the office's mail so far has been sent."""
    made = accounts.register_applicant(
        office.db, name="李晓岚", phone="13900000001", email="li@example.org", password="Xinyuan-7391-hetao",
        at=office.at, ip=None,
    )  # fmt: skip
    assert made.link_token is not None
    accounts.confirm_email(office.db, made.link_token, at=office.at, ip=None)
    with office.db.write() as session:
        for notice in session.execute(select(Notice)).scalars():
            notice.mail_state = "sent"
    people.grant(
        office.db, SETTING_UP, made.person_number, liaoning.own_school, "home_principal", date(2026, 1, 1), at=office.at
    )
    return made.person_number


def chinese(_language: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda text, params: text % params


def test_every_kind_has_words_for_a_title_and_a_body() -> None:
    params = dict.fromkeys(
        ("title", "number", "step", "due", "items", "reasons", "next", "outcome", "admission_no", "office", "token",
         "base_url", "incident", "cause", "reason", "by", "appointment_no", "close_at", "count", "name", "notice",
         "organisation", "report_on", "stage", "subject", "term_end", "until", "words", "from", "from_on", "to_on", "opinion",
         "to", "giver"), "甲",
    )  # fmt: skip
    for kind, worded in notices.KINDS.items():
        title, body = worded(params)
        assert "%" not in title % params and len(body % params) > 10, kind


def test_mail_is_sent_once_and_says_where_to_look(
    office: Office, liaoning: Place, head: str, settings: Settings, postman: Postman
) -> None:
    case = office.applicant(liaoning.own_school).applies()
    assert postman.got == [], "nothing leaves before it is delivered"
    assert notices.deliver(office.db, settings, chinese, at=office.at) == 1
    assert notices.deliver(office.db, settings, chinese, at=office.at + timedelta(days=1)) == 0
    [mail] = postman.got
    assert (mail["To"], mail["Subject"]) == ("li@example.org", "新的待办任务：单位推荐")
    assert f"https://jiaoyan.example/instances/{case.number}" in mail.get_content()


def test_a_server_that_is_away_is_tried_again_under_the_same_message_id(
    office: Office, liaoning: Place, head: str, settings: Settings, postman: Postman
) -> None:
    office.applicant(liaoning.own_school).applies()
    postman.refuses = True
    assert notices.deliver(office.db, settings, chinese, at=office.at) == 0
    assert notices.deliver(office.db, settings, chinese, at=office.at) == 0, "not again at once"
    with office.db.read() as session:
        waiting = session.execute(select(Notice).where(Notice.mail_state == "queued")).scalar_one()
    assert waiting.tries == 1 and waiting.error and "451" in waiting.error
    postman.refuses = False
    assert notices.deliver(office.db, settings, chinese, at=office.at + timedelta(minutes=1)) == 1
    assert postman.got[0]["Message-ID"] == waiting.message_id


def test_after_five_retries_it_is_given_up_and_shown(
    office: Office, liaoning: Place, head: str, settings: Settings, postman: Postman
) -> None:
    office.applicant(liaoning.own_school).applies()
    postman.refuses = True
    at = office.at
    for _ in range(8):
        notices.deliver(office.db, settings, chinese, at=at)
        at += timedelta(days=1)
    with office.db.read() as session:
        failed = session.execute(select(Notice).where(Notice.mail_state == "failed")).scalar_one()
    assert failed.tries == 6


def test_a_line_break_in_a_title_adds_no_header(
    office: Office, liaoning: Place, head: str, settings: Settings, postman: Postman
) -> None:
    with office.db.write() as session:
        person = people.person_by_number(session, head)
        message = notices.Message({person.id: True}, "task_opened", {"step": "x\r\nBcc: a@b.c", "title": "t",
                                                                     "number": "n", "due": "d"})  # fmt: skip
        notices.queue(session, [message], at=office.at)
    notices.deliver(office.db, settings, chinese, at=office.at)
    [mail] = postman.got
    assert mail["Bcc"] is None and "Bcc" in mail["Subject"]


def test_a_person_reads_their_own_notices_and_marks_only_them(office: Office, liaoning: Place) -> None:
    office.applicant(liaoning.own_school).applies().is_recommended()
    first, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    with office.db.read() as session:
        views, total = notices.inbox_notices(session, first.person_id)
        assert total == 1 and views[0].params["step"] == "资格审查"
    notices.mark_read(office.db, second.person_id, views[0].id, at=office.at)
    with office.db.read() as session:
        assert [notices.unread_count(session, one.person_id) for one in (first, second)] == [1, 1]
    notices.mark_read(office.db, first.person_id, views[0].id, at=office.at)
    with office.db.read() as session:
        assert [notices.unread_count(session, one.person_id) for one in (first, second)] == [0, 1]
