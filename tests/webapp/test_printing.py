"""Papers as PDF: what stands on them, who may have them, that nothing is fetched, and that a code tells a true one."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import orjson
import pytest
from PIL import Image
from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HR1, ID_CARD, PRINCIPAL, STRANGER, World
from webapp import pdf
from workflows.errors import PaperUnavailable


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> tuple[World, str]:
    """A case that waits for its qualification review."""
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number


def read(answer: TestResponse) -> str:
    """The text of every page, without the line ends that the width of the paper makes."""
    assert answer.status_code == 200, answer.status_code
    assert answer.mimetype == "application/pdf"
    pages = PdfReader(BytesIO(answer.get_data())).pages
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in pages))


def code_of(text: str) -> str:
    found = re.search(r"校验码(\d+-[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})", text)
    assert found
    return found[1]


def test_a_receipt_says_what_was_taken_in_and_what_comes_next(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    answer = world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")
    text = read(answer)
    assert f"您申报的“教研员申报”已于2026-09-0109:00受理，办件编号为{number}" in text
    assert "林书豪" in text
    assert "资格审查" in text, "what comes next"
    assert "第1页，共" in text, "n of m"
    assert answer.headers["Content-Disposition"].startswith("attachment"), "never shown in place"
    (event, payload), = world.events("record:exported")
    said = orjson.loads(payload)
    assert (event.instance, said["paper"], said["code"]) == (number, "receipt", code_of(text))


def test_the_letters_of_a_paper_lie_in_its_file(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    answer = world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")
    reader = PdfReader(BytesIO(answer.get_data()))
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    assert all("+" in font["/BaseFont"] for font in fonts), "every font is embedded, and only the letters used"
    assert reader.trailer["/Root"]["/Lang"] == "zh-CN"  # type: ignore[index]


def test_the_case_is_printed_as_its_reader_sees_it(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    own = read(world.browser(APPLICANT).get(f"/instances/{number}/case.pdf"))
    assert ID_CARD in own
    assert "流转记录" in own
    assert "教学功底扎实" not in own, "the recommendation is not the applicant's to read"
    handled = read(world.browser(PRINCIPAL).get(f"/instances/{number}/case.pdf"))
    assert ID_CARD not in handled, "they have no need of it any more"
    assert "教学功底扎实" in handled
    assert "个人信息已部分隐去" in handled


def test_the_sheet_of_opinions_names_who_signed_at_which_step(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    text = read(world.browser(HR1).get(f"/instances/{number}/signatures.pdf"))
    assert "签批单" in text
    assert "褚明远" in text
    assert "教学功底扎实" in text
    assert "沈阳市浑河高级中学" in text
    assert world.browser(APPLICANT).get(f"/instances/{number}/signatures.pdf").status_code == 404, "the office's own paper"


def test_the_auditor_prints_the_record_masked_until_a_purpose_is_stated(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    browser = world.browser(AUDITOR)
    text = read(browser.get(f"/audit/cases/{number}/record.pdf"))
    assert ID_CARD not in text
    assert "完整性校验通过" in text
    page = browser.post(f"/audit/cases/{number}", {"purpose": "核查投诉件第 12 号"}).get_data(as_text=True)
    link = re.search(r'href="([^"]+record\.pdf\?opened=[^"]+)"', page)
    assert link, "the page with personal data leads to the print with them"
    assert ID_CARD in read(browser.get(link[1]))
    assert [orjson.loads(payload)["masked"] for _, payload in world.events("record:exported")] == [True, False]
    assert world.browser(HR1).get(f"/audit/cases/{number}/record.pdf").status_code == 403


@pytest.mark.parametrize("paper", ["receipt", "case", "signatures", "admission-card"])
def test_a_paper_of_a_case_of_others_is_not_there(reviewing: tuple[World, str], paper: str) -> None:
    world, number = reviewing
    assert world.browser(STRANGER).get(f"/instances/{number}/{paper}.pdf").status_code == 404
    assert [event.instance for event, _ in world.events("access:refused")] == [number]


def test_a_receipt_is_the_applicant_s_and_the_office_s(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    assert world.browser(PRINCIPAL).get(f"/instances/{number}/receipt.pdf").status_code == 404
    assert world.browser(HR1).get(f"/instances/{number}/receipt.pdf").status_code == 200


def test_a_code_tells_a_true_paper_and_says_that_the_case_has_moved_since(
    reviewing: tuple[World, str], words: Any
) -> None:
    world, number = reviewing
    code = code_of(read(world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")))
    nobody = world.house.browser()
    page = words(nobody.get("/public/check", query_string={"number": number, "code": code.lower()}))
    assert "核对相符" in page
    assert "受理回执" in page
    assert "林书豪" not in page, "the check names nobody"
    assert "此后办件又有" not in page
    world.browser(HR1).post(f"/tasks/{world.task(number, 'adm_u2')}/claim")
    later = words(nobody.get("/public/check", query_string={"number": number, "code": code}))
    assert "此后办件又有 1 次办理" in later


@pytest.mark.parametrize("spoil", [
    lambda number, code: (number, code[:-1] + ("A" if code[-1] != "A" else "B")),
    lambda number, code: (number[:-1] + "9", code),
    lambda number, code: (number, "1" + code[1:] if code[0] != "1" else "2" + code[1:]),
    lambda number, code: (number, "0-AAAA-BBBB-CCCC"),
    lambda number, code: ("' OR 1=1 --", "\u202e"),
])
def test_no_other_code_case_or_state_of_the_record_fits(reviewing: tuple[World, str], words: Any, spoil: Any) -> None:
    world, number = reviewing
    code = code_of(read(world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")))
    given_number, given_code = spoil(number, code)
    page = words(world.house.browser().get("/public/check", query_string={"number": given_number, "code": given_code}))
    assert "核对不符" in page
    assert "核对相符" not in page


def test_a_paper_in_english_says_its_words_in_english(reviewing: tuple[World, str]) -> None:
    world, number = reviewing
    world.browser(APPLICANT).post("/language", {"language": "en"})
    answer = world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")
    assert PdfReader(BytesIO(answer.get_data())).trailer["/Root"]["/Lang"] == "en"  # type: ignore[index]


def test_a_paper_fetches_nothing(house: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    import socket

    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a paper went out to the network"))
    hostile = """<html><link rel=stylesheet href="http://127.0.0.1:9/a.css"><link rel=attachment href="file:///etc/passwd">
      <style>@import url(file:///etc/hostname); @font-face {font-family: x; src: url(http://127.0.0.1:9/f.woff)}</style>
      <img src="http://127.0.0.1:9/x.png"><img src="file:///etc/passwd"><object data="file:///etc/passwd"></object>
      <svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="file:///etc/passwd"/></svg>正文</html>"""
    with house.app.test_request_context():
        monkeypatch.setattr(pdf, "render_template", lambda name, **_: "" if name.endswith(".css") else hostile)
        made = pdf.pdf("print/receipt.html")
    whole = PdfReader(BytesIO(made))
    assert "正文" in whole.pages[0].extract_text()
    assert not whole.attachments
    assert b"root:" not in made


def test_only_pictures_that_are_pictures_and_not_too_large_go_on_paper() -> None:
    kept = BytesIO()
    Image.new("RGB", (3000, 4000), "white").save(kept, "JPEG", comment=b"who took it and where")
    small = pdf.picture(kept.getvalue())
    assert small is not None
    assert Image.open(BytesIO(small)).size == (900, 1200)
    assert b"who took it" not in small
    assert pdf.picture(b"<svg onload='alert(1)'/>") is None
    assert pdf.picture(kept.getvalue()[:400]) is None
    bomb = BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    assert pdf.picture(bomb.getvalue()) is None


def test_a_machine_without_the_library_says_so_and_what_to_do(
    reviewing: tuple[World, str], words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, number = reviewing

    def missing(*_: Any, **__: Any) -> bytes:
        raise PaperUnavailable()

    monkeypatch.setattr("webapp.printing.pdf", missing)
    answer = world.browser(APPLICANT).get(f"/instances/{number}/receipt.pdf")
    assert answer.status_code == 409
    assert "请用浏览器的打印" in words(answer)
    assert not world.events("record:exported"), "nothing was printed"
