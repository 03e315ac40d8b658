"""手写签名图样 on pages: kept on one's own account, ticked in a form, shown beside name and time, closed to others."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.signing import LETTER, signature
from tests.webapp.case_world import APPLICANT, AUDITOR, HR1, HR2, PRINCIPAL, ROOT, SYSTEM, Sheet, World, problems
from tests.webapp.test_printing import read
from webapp import composition
from workflows import accounts, deployment, instances
from workflows.models import Attachment
from workflows.submission import Submission

Words = Callable[[TestResponse], str]


@pytest.fixture
def letter(house: Any) -> tuple[World, str, str]:
    """A letter that waits for a signature: (world, number, task)."""
    world = World(house)
    tree = {**deployment.read_tree(ROOT), **LETTER}
    deployment.deploy(house.database, SYSTEM, tree, composition.check_form, at=house.watch())
    with house.database.read() as session:
        person = instances.people.person_by_number(session, world.numbers[APPLICANT]).id
        viewer = accounts.viewer_of(session, person, at=house.watch())
    assert viewer is not None
    paper = Submission("letter.draft", {"title": "通知"}, "t-1")
    moved = instances.start(house.database, viewer, "letter", world.round, paper, at=house.watch())
    return world, moved.instance_number, world.task(moved.instance_number, "issue")


def keeps(world: World, who: str, raw: bytes, name: str = "签名.png") -> TestResponse:
    browser = world.browser(who)
    answer: TestResponse = browser.client.post(
        "/account/signature/", data={"csrf_token": browser.token(), "picture": (io.BytesIO(raw), name)},
        content_type="multipart/form-data", buffered=True,
    )  # fmt: skip
    return answer


def kept(world: World, who: str) -> str:
    """Address of the picture on one's own account."""
    found = re.search(r'src="(/account/signature/[0-9a-f]{64}\.png)"', world.browser(who).get("/account/").get_data(as_text=True))
    assert found
    return found[1]


def test_a_picture_is_kept_on_the_account_replaced_and_withdrawn(letter: tuple[World, str, str], words: Words) -> None:
    world, _, _ = letter
    assert "未留存" in words(world.browser(HR1).get("/account/"))
    assert keeps(world, HR1, b"no picture").status_code == 422 and keeps(world, HR1, b"").status_code == 422
    assert keeps(world, HR1, signature()).status_code == 303
    picture = world.browser(HR1).get(kept(world, HR1))
    assert (picture.mimetype, picture.headers["Cache-Control"]) == ("image/png", "private, max-age=3600")
    assert "sandbox" in picture.headers["Content-Security-Policy"] and picture.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" not in picture.headers.get("Content-Disposition", "")
    assert "已更换" in words(world.browser(HR1).get("/notices/"))
    assert keeps(world, HR2, signature()).status_code == 403, "another's"
    assert keeps(world, HR1, signature("乙", kind="JPEG"), "签名.jpg").status_code == 303
    page = words(world.browser(HR1).get("/account/signature/"))
    assert "使用中" in page and "已停用" in page
    assert world.browser(HR1).post("/account/signature/withdraw").status_code == 303
    assert "未留存" in words(world.browser(HR1).get("/account/"))
    assert world.browser(HR1).post("/account/signature/withdraw").status_code == 303


def test_identity_is_asked_for_before_a_picture_is_kept(letter: tuple[World, str, str]) -> None:
    world, _, _ = letter
    world.browser(HR1).get("/account/")
    world.house.watch.later(minutes=11)
    answer = world.browser(HR1).get("/account/signature/")
    assert answer.status_code == 303 and "/account/proof" in answer.headers["Location"]
    assert "/account/proof" in keeps(world, HR1, signature()).headers["Location"]


def test_one_tick_puts_it_on_the_form_the_paper_and_the_sheet_of_opinions(
    letter: tuple[World, str, str], words: Words
) -> None:
    world, number, task = letter
    assert "留存手写签名图样" in words(world.browser(HR1).get(f"/tasks/{task}"))
    keeps(world, HR1, signature())
    address = kept(world, HR1)
    digest = address[-68:-4]
    empty = world.send(HR1, world.sheet(HR1, f"/tasks/{task}").fill({"words": "同意"}))
    assert empty.status_code == 422 and "手写签名图样" in problems(empty)
    sheet = Sheet(empty.get_data(as_text=True)).fill({"signature": digest})
    assert world.send(HR1, sheet, _save="1").status_code == 302
    again = world.sheet(HR1, f"/tasks/{task}")
    assert again.values.getlist("signature") == [digest], "a draft keeps the tick"
    done = world.send(HR1, again)
    assert done.status_code == 303, problems(done)
    page = world.browser(HR1).get(f"/tasks/{task}").get_data(as_text=True)
    assert f'src="{address}"' in page
    assert world.browser(APPLICANT).get(address).status_code == 200, "whose case it is"
    assert world.browser(HR2).get(address).status_code == 200, "the office whose paper it is"
    assert world.browser(AUDITOR).get(address).status_code == 404 and world.browser(PRINCIPAL).get(address).status_code == 404
    assert pictures(world, HR1, number) == pictures(world, HR2, number) == 1
    assert "签发" in read(world.browser(HR1).get(f"/instances/{number}/signatures.pdf"))
    assert pictures(world, AUDITOR, number) == 0
    assert address not in world.browser(AUDITOR).get(f"/instances/{number}").get_data(as_text=True)


def pictures(world: World, who: str, number: str) -> int:
    """How many pictures stand on the sheet of opinions."""
    answer = world.browser(who).get(f"/instances/{number}/signatures.pdf")
    return sum(len(page.images) for page in PdfReader(io.BytesIO(answer.get_data())).pages)


def test_nobody_posts_anothers_picture(letter: tuple[World, str, str]) -> None:
    world, _, task = letter
    keeps(world, HR1, signature())
    address = kept(world, HR1)
    raw = world.browser(HR1).get(address).get_data()
    sheet = world.sheet(HR2, f"/tasks/{task}").fill({"words": "同意"})
    sheet.values.setlist("signature", [address[-68:-4]])
    answer = world.send(HR2, sheet)
    assert answer.status_code == 422, "its digest alone names no file of theirs"
    answer = world.send(HR2, world.sheet(HR2, f"/tasks/{task}").fill({"words": "同意"}).attach("signature", "抄来的.png", raw))
    assert answer.status_code == 403 and "属于另一人" in answer.get_data(as_text=True)
    assert world.task(letter[1], "issue") == task, "nothing was done"


def test_a_picture_brought_to_one_paper_is_made_anew(letter: tuple[World, str, str]) -> None:
    world, _, task = letter
    raw = signature("丙", (900, 400), "JPEG")
    answer = world.send(HR1, world.sheet(HR1, f"/tasks/{task}").fill({"words": "同意"}).attach("signature", "手签.jpg", raw))
    assert answer.status_code == 303, problems(answer)
    with world.house.database.read() as session:
        [(digest, name)] = session.execute(select(Attachment.sha256, Attachment.name)).tuples()
    stored = (world.house.settings.data / "files" / digest[:2] / digest).read_bytes()
    assert name == "签名.png" and stored.startswith(b"\x89PNG") and b"taken at home" not in stored
