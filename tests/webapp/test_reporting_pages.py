"""登记事项: what the page of a case offers to report, the form, and that it is the reporter's own act."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.appointing import Path as Way
from tests.appointing import path
from tests.office import PLACES, Office
from tests.webapp.case_world import Sheet
from tests.webapp.conftest import House, Watch
from webapp.filling import SEND
from workflows.audit import Kind
from workflows.models import Event
from workflows.settings import Settings

Words = Callable[[TestResponse], str]


class Desk:
    """One person of a furnished office at the site's pages."""

    def __init__(self, way: Way, sign_in: str, folder: Path) -> None:
        office = way.office
        house = House(office.db, Settings(folder, str(office.db.engine.url)), Watch(office.at))
        self.browser = house.browser()
        assert self.browser.sign_in(sign_in, f"mima-{sign_in}-mima").status_code == 302

    def get(self, address: str) -> TestResponse:
        return self.browser.get(address)

    def post(self, sheet: Sheet, **buttons: str) -> TestResponse:
        answer: TestResponse = self.browser.client.post(
            sheet.action, data=sheet.data(**buttons), content_type="multipart/form-data", buffered=True
        )
        return answer


@pytest.fixture
def published(new_office: Callable[[], Office]) -> Way:
    """An application whose publicity has begun."""
    way = path(new_office(), PLACES["liaoning"])
    return way.comes_to_inspection().is_inspected().is_decided().is_published()


def test_an_objection_is_typed_read_through_and_entered_once(published: Way, tmp_path: Path, words: Words) -> None:
    hr, case = Desk(published, "sy.hr1", tmp_path), published.case
    assert "登记事项：收到异议，登记受理" in words(hr.get(f"/instances/{case.number}"))
    address = f"/instances/{case.number}/reports/adm_bm2"
    sheet = Sheet(hr.get(address).get_data(as_text=True))
    received = f"{published.office.at:%Y-%m-%dT%H:%M}"
    filled = {"objector_kind": "实名", "received_at": received, "objection_content": "获奖材料与本人实际不符。"}
    refused = hr.post(sheet.fill({"objector_kind": "实名"}))
    assert refused.status_code == 422 and not case.events(Kind.MATTER_REPORTED)
    read = hr.post(sheet.fill(filled))
    assert read.status_code == 200 and "获奖材料与本人实际不符。" in words(read)
    final = Sheet(read.get_data(as_text=True))
    for _ in range(2):
        assert hr.post(final, **{SEND: "1"}).status_code == 303
    [event] = case.events(Kind.MATTER_REPORTED)
    assert (event.actor, event.actor_role) == (published.office.viewer("sy.hr1").number, "bureau_hr")
    page = words(hr.get(f"/instances/{case.number}"))
    assert "登记事项 · 收到异议，登记受理" in page and "获奖材料与本人实际不符。" in page
    applicant = Desk(published, case.applicant.teacher["phone"], tmp_path)
    for one, seen in ((hr, True), (applicant, False)):
        assert ("收到异议，登记受理" in words(one.get("/registers/matters"))) is seen, "whoever has the case in their charge, no applicant"
        assert ("收到异议，登记受理" in words(one.get(f"/registers/matters?q={case.number}"))) is seen
    assert "收到异议，登记受理" not in words(hr.get("/registers/matters?q=没有这样的办件"))
    book = load_workbook(io.BytesIO(hr.get(f"/registers/matters?format=xlsx&q={case.number}").data))
    heads, *rows = book.active.iter_rows(values_only=True)
    assert heads[0] == "登记的事项"
    [row] = [one for one in rows if one[0] == "收到异议，登记受理"]
    assert (row[1], row[5], row[10]) == (case.number, "吴立新", event.event_id)
    with published.office.db.read() as session:
        taken = session.execute(select(Event.kind).where(Event.kind == Kind.REGISTER_EXPORTED)).scalars().all()
    assert len(taken) == 1, "who took the list away stands in the record"


def test_who_may_not_report_is_offered_nothing_and_refused(published: Way, tmp_path: Path, words: Words) -> None:
    address = f"/instances/{published.case.number}"
    for sign_in in ("sy.head", published.case.applicant.teacher["phone"]):
        desk = Desk(published, sign_in, tmp_path)
        assert "登记事项：" not in words(desk.get(address))
        assert desk.get(f"{address}/reports/adm_bm2").status_code == 403
    assert Desk(published, "sy.hr1", tmp_path).get(f"{address}/reports/adm_u9").status_code == 404


def test_an_outside_opinion_reads_as_registered_by_somebody(published: Way, tmp_path: Path, words: Words) -> None:
    page: Any = words(Desk(published, "sy.hr1", tmp_path).get(f"/instances/{published.case.number}"))
    assert "沈阳市第一人民医院、沈阳市纪委监委驻教育局纪检监察组的意见，由苏立群登记" in page
