"""The scenario language from the qualified applicant to the appointment: the round's messages, and everybody who acts then."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tests.office import Case, Office, Place
from webapp.demo import papers
from workflows import deliveries, reporting
from workflows.deliveries import Sent
from workflows.models import Delivery, PublicNotice
from workflows.submission import Submission
from workflows.transitions import Moved

_origins = itertools.count(1)


@dataclass(frozen=True)
class Offices:
    """Who acts after the qualification in one province: sign-in names, and codes of bodies outside."""

    panel: str
    inspector: str
    second_inspector: str
    meeting: str
    hospital: str
    discipline: str
    hrss: str


OFFICES = {
    "liaoning": Offices("sy.panel1", "sy.insp1", "sy.insp2", "sy.meeting", "ln-sy-hos", "ln-sy-dis", "ln-sy-hrss"),
    "guangxi": Offices("nn.panel1", "nn.insp1", "nn.insp2", "nn.meeting", "gx-nn-hos", "gx-nn-dis", "gx-nn-hrss"),
}


def person(office: Office, sign_in: str) -> str:
    """Number of somebody of the office."""
    return office.viewer(sign_in).number


def qualified(office: Office, place: Place, **more: Any) -> Case:
    """An application that waits for its round: qualified, with an admission number."""
    case = office.applicant(place.own_school, **more).applies().is_recommended()
    case.task("adm_u2").by(place.reviewer).qualifies()
    return case


@dataclass(frozen=True)
class Path:
    """One application on its way from the admission number on; each word is one act."""

    office: Office
    place: Place
    case: Case

    @property
    def who(self) -> Offices:
        """Who acts."""
        return OFFICES[self.place.key]

    @property
    def name(self) -> str:
        """The applicant's name."""
        return str(self.case.applicant.teacher["name"])

    def hears(self, message: str, **carried: Any) -> Sent:
        """The round says something to the application."""
        by = self.office.viewer(self.place.reviewer)
        return deliveries.send_message(
            self.office.db, by, message, self.case.number, carried, origin=f"story-{next(_origins)}", at=self.office.at
        )

    def comes_to_inspection(self) -> Path:
        """Shortlisted, ranked within the headcount."""
        self.hears("入围", sessions=[])
        self.hears("进入考察", total="86.30", rank=1)
        self.case.waits_at("adm_u7")
        return self

    def is_inspected(self, **more: Any) -> Path:
        """The inspection team finds for or against appointment."""
        team = [person(self.office, one) for one in (self.who.inspector, self.who.second_inspector)]
        self.case.task("adm_u7").by(self.who.inspector).submits(lambda folder, had: papers.inspection(
            self.name, folder, had, team=team, hospital=self.who.hospital, discipline=self.who.discipline, **more
        ))
        return self

    def is_checked(self, step: str, sign_in: str, *, right: bool = True) -> Path:
        """Somebody else compares what was entered of an outside opinion with the original."""
        self.case.task(step).by(sign_in).submits(lambda folder, had: {
            "check_result": "与原件一致" if right else "登记有误", **({} if right else {"check_note": "结论栏与原件不一致，请更正登记。"}),
        })
        return self

    def is_decided(self, result: str = "拟聘", **votes: Any) -> Path:
        """The meeting decides by ballot."""
        self.case.task("adm_u8").by(self.who.meeting).submits(
            lambda folder, had: papers.collective_decision(self.name, folder, result=result, **votes)
        )
        return self

    def is_published(self, **more: Any) -> Path:
        """The bureau publishes the publicity."""
        self.case.task("adm_u9").by(self.place.reviewer).submits(lambda folder, had: papers.publicity(**more))
        return self

    def publicity_ends(self) -> Path:
        """The publicity period runs out, and its trace is entered."""
        self.office.time_is(self.until())
        self.case.task("adm_u9_c").by(self.place.reviewer).submits(
            lambda folder, had: papers.publicity_closing(self.name, folder)
        )
        return self

    def until(self) -> Any:
        """When the publicity period ends."""
        return self.notice().until_at

    def notice(self) -> Any:
        """The publicity of this application."""
        with self.office.db.read() as session:
            return session.execute(select(PublicNotice).where(PublicNotice.instance == self.case.number)).scalar_one()

    def objects(self, *, token: str | None = None, **more: Any) -> Submission:
        """The bureau enters an objection that came in during the publicity period; returns the form that was sent."""
        viewer = self.office.viewer(self.place.reviewer)
        with self.office.db.read() as session:
            request = reporting.report_form(session, viewer, self.case.number, "adm_bm2", self.office.at)
        filled = self.office.fill(request, viewer, lambda folder, had: papers.objection(folder, **more), token)
        self.enters(filled)
        return filled

    def enters(self, filled: Submission) -> Moved:
        """An objection that is filled in is sent."""
        viewer = self.office.viewer(self.place.reviewer)
        return reporting.report(self.office.db, viewer, self.case.number, "adm_bm2", filled, at=self.office.at)

    def is_investigated(self, effect: str = "维持", result: str = "不属实", **more: Any) -> Moved:
        """The bureau looks into the objections."""
        return self.case.task("adm_u10").by(self.place.reviewer).submits(
            lambda folder, had: papers.objection_finding(self.name, folder, effect=effect, result=result, **more)
        )

    def is_queried(self, result: str = "无记录") -> Path:
        """The entry query (准入查询) is registered."""
        self.case.task("adm_u12").by(self.place.reviewer).submits(
            lambda folder, had: papers.entry_query(self.name, folder, result=result)
        )
        return self

    def is_filed(self, result: str = "已备案") -> Path:
        """The filing of the appointment with the personnel department is registered."""
        self.case.task("adm_u13").by(self.place.reviewer).submits(
            lambda folder, had: papers.external(self.who.hrss, result, folder, "external_file")
        )
        return self

    def signs(self, result: str = "签约", order_no: str = "教任〔2026〕1号") -> Path:
        """The document of appointment is issued and the contract signed, or not."""
        self.case.task("adm_u11").by(self.place.reviewer).submits(
            lambda folder, had: papers.appointment(self.name, folder, order_no=order_no, result=result)
        )
        return self

    def sent(self) -> list[tuple[str, str]]:
        """(name, key) of the messages that the application has sent to its round, in order."""
        with self.office.db.read() as session:
            rows = session.execute(
                select(Delivery.name, Delivery.key)
                .where(Delivery.kind == "message", Delivery.from_instance_id == self.case.row().id).order_by(Delivery.id)
            )
            return [(name, key) for name, key in rows]


def path(office: Office, place: Place, **more: Any) -> Path:
    """A qualified application that waits for its round."""
    return Path(office, place, qualified(office, place, **more))
