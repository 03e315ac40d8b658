"""手写签名图样: kept by its owner, made anew, never used by another, ended but never overwritten."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import select

from tests import reviewing
from tests.office import Office, Place
from tests.signing import LETTER, signature
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_verbs import recorded
from workflows import assignments, drafts, instances, proxies, signature_images
from workflows.access import Viewer, office_day
from workflows.audit import Kind
from workflows.errors import NoSignature, SignatureEnded, SignatureOfAnother, SignatureUnreadable
from workflows.models import Attachment, SignatureImage
from workflows.registers.evidence import FileStore
from workflows.signature_images import Kept
from workflows.submission import AttachmentRef, Submission


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def keeps(office: Office, store: FileStore, who: Viewer, word: str = "甲") -> Kept:
    return signature_images.keep(office.db, who, store, io.BytesIO(signature(word)), at=office.at)


class Letter:
    """A letter that waits to be signed by either of two reviewers."""

    def __init__(self, office: Office, place: Place, root: Path) -> None:
        reviewing.deploy(office, root, letter=LETTER)
        self.office, self.desk = office, reviewing.Desk(office)
        applicant = office.applicant(place.own_school)
        moved = instances.start(
            office.db, applicant.viewer, "letter", office.round(applicant.place), Submission("letter.draft", {"title": "通知"}, "t-1"),
            at=office.at,
        )  # fmt: skip
        self.number = moved.instance_number
        with office.db.read() as session:
            self.task = str(instances.open_task(session, self.number, "issue"))

    def signs(self, who: Viewer, image: Kept, page: int = 2) -> None:
        file = {"sha256": image.sha256, "name": signature_images.NAME, "media_type": "image/png", "size": image.size}
        paper = Submission("letter.issue", {"words": "同意", "signature": [file]}, f"t-{page}", (AttachmentRef(**file, field="signature"),))
        instances.complete_task(self.office.db, who, self.task, paper, at=self.office.at)

    def files(self) -> list[tuple[str, int]]:
        with self.office.db.read() as session:
            return [(one.sha256, one.uploaded_by_id) for one in session.execute(
                select(Attachment).where(Attachment.instance_id.is_not(None))
            ).scalars()]  # fmt: skip


@pytest.fixture
def letter(office: Office, liaoning: Place, root: Path) -> Letter:
    return Letter(office, liaoning, root)


# --- the picture ----------------------------------------------------------------------------------------------------


def test_a_picture_is_made_anew_without_what_else_its_file_held() -> None:
    raw = signature("林", (2000, 900), "JPEG")
    assert b"taken at home" in raw
    made = signature_images.redrawn(io.BytesIO(raw))
    with Image.open(io.BytesIO(made)) as found:
        assert found.format == "PNG" and found.width <= 720 and found.height <= 320 and not found.info
    assert b"taken" not in made and signature_images.redrawn(io.BytesIO(made)) == made, "what is copied from a paper is the same"


@pytest.mark.parametrize(
    "raw",
    [b"", b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", signature() + bytes(200 * 1024),
     signature("甲", (30, 10)), signature()[:200]],
    ids=["empty", "text", "svg", "too large", "too small", "cut off"],
)  # fmt: skip
def test_what_is_no_signature_is_refused(raw: bytes) -> None:
    with pytest.raises(SignatureUnreadable):
        signature_images.redrawn(io.BytesIO(raw))


def test_an_empty_sheet_and_a_bomb_are_refused() -> None:
    for drawn in (Image.new("L", (300, 100), 255), Image.new("1", (30000, 30000))):
        made = io.BytesIO()
        drawn.save(made, "PNG")
        assert len(made.getvalue()) < 200 * 1024
        with pytest.raises(SignatureUnreadable):
            signature_images.redrawn(io.BytesIO(made.getvalue()))


def test_ink_on_nothing_comes_out_on_white() -> None:
    clear = Image.new("RGBA", (300, 100), (0, 0, 0, 0))
    ImageDraw.Draw(clear).line((10, 10, 290, 90), fill=(0, 0, 80, 255), width=5)
    made = io.BytesIO()
    clear.save(made, "PNG")
    with Image.open(io.BytesIO(signature_images.redrawn(io.BytesIO(made.getvalue())))) as found:
        assert found.getpixel((0, 99)) == 255 and found.getextrema()[0] < 60


# --- kept and ended -------------------------------------------------------------------------------------------------


def test_one_is_kept_another_takes_its_place_and_is_withdrawn_and_all_is_recorded(
    office: Office, liaoning: Place, store: FileStore
) -> None:
    who = office.viewer(liaoning.reviewer)
    with recorded(office, (f"person:{who.number}", Kind.SIGNATURE_KEPT)):
        first = keeps(office, store, who)
    assert store.path(first.sha256).is_file() and keeps(office, store, who).sha256 == first.sha256, "the same again is no act"
    with recorded(office, (f"person:{who.number}", Kind.SIGNATURE_KEPT)):
        second = keeps(office, store, who, "乙")
    with recorded(office, (f"person:{who.number}", Kind.SIGNATURE_WITHDRAWN)):
        signature_images.withdraw(office.db, who, at=office.at)
    with office.db.read() as session:
        found = signature_images.history(session, who.person_id)
        assert signature_images.in_use(session, who.person_id) is None
    assert [one.sha256 for one in found] == [second.sha256, first.sha256] and all(one.ended_at for one in found)
    with pytest.raises(NoSignature):
        signature_images.withdraw(office.db, who, at=office.at)


def test_nobody_keeps_anothers_picture_also_after_it_was_withdrawn(office: Office, liaoning: Place, store: FileStore) -> None:
    keeps(office, store, office.viewer(liaoning.reviewer))
    signature_images.withdraw(office.db, office.viewer(liaoning.reviewer), at=office.at)
    with pytest.raises(SignatureOfAnother):
        keeps(office, store, office.viewer(liaoning.second_reviewer))
    with office.db.read() as session:
        assert len(session.execute(select(SignatureImage)).all()) == 1


@pytest.mark.parametrize("order", ORDERS)
def test_two_windows_keep_one_after_the_other(office: Office, liaoning: Place, store: FileStore, order: str) -> None:
    who = office.viewer(liaoning.reviewer)
    done = race(
        office, *(
            lambda db, word=word: signature_images.keep(db, who, store, io.BytesIO(signature(word)), at=office.at)  # type: ignore[misc]
            for word in ("甲", "乙")
        ), order=order,
    )  # fmt: skip
    assert all(isinstance(one, Kept) for one in done)
    with office.db.read() as session:
        found = signature_images.history(session, who.person_id)
    assert len(found) == 2 and [one.ended_at is None for one in found] == [True, False]


# --- on papers ------------------------------------------------------------------------------------------------------


def test_ones_own_picture_goes_onto_a_paper_and_belongs_to_the_case(
    office: Office, liaoning: Place, letter: Letter, store: FileStore
) -> None:
    who = office.viewer(liaoning.reviewer)
    image = keeps(office, store, who)
    letter.signs(who, image)
    assert letter.files() == [(image.sha256, who.person_id)]


def test_nobody_signs_with_anothers_picture(office: Office, liaoning: Place, letter: Letter, store: FileStore) -> None:
    image = keeps(office, store, office.viewer(liaoning.reviewer))
    with pytest.raises(SignatureOfAnother):
        letter.signs(office.viewer(liaoning.second_reviewer), image)
    assert letter.files() == []


def test_a_proxy_signs_with_their_own_picture_and_never_with_the_others(
    office: Office, liaoning: Place, letter: Letter, store: FileStore
) -> None:
    holder, proxy = office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    theirs, own = keeps(office, store, holder), keeps(office, store, proxy, "乙")
    assignments.claim(office.db, holder, letter.task, at=office.at)
    day = office_day(office.at)
    proxies.grant(office.db, holder, proxy.number, from_on=day, to_on=day, processes=(), reason="外出培训一天", at=office.at, days=30)
    with pytest.raises(SignatureOfAnother):
        letter.signs(proxy, theirs)
    letter.signs(proxy, own, 3)
    assert letter.files() == [(own.sha256, proxy.person_id)]


def test_a_withdrawn_picture_goes_onto_no_new_paper(office: Office, liaoning: Place, letter: Letter, store: FileStore) -> None:
    who = office.viewer(liaoning.reviewer)
    image = keeps(office, store, who)
    signature_images.withdraw(office.db, who, at=office.at)
    with pytest.raises(SignatureEnded):
        letter.signs(who, image)


def test_a_signature_goes_along_with_no_delegated_draft_neither_there_nor_back(
    office: Office, liaoning: Place, letter: Letter, store: FileStore
) -> None:
    holder, worker = office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    subject = f"task:{letter.task}"

    def typed(image: Kept) -> dict[str, object]:
        file = {"sha256": image.sha256, "name": signature_images.NAME, "media_type": "image/png", "size": image.size}
        return {"typed": {"words": ["先看附件"], "signature": [image.sha256]}, "files": [{**file, "field": "signature"}], "token": "t" * 20}

    def draft(who: Viewer) -> dict[str, object]:
        with office.db.read() as session:
            found = drafts.draft(session, who.person_id, subject)
        assert found is not None
        return dict(found.data)

    assignments.claim(office.db, holder, letter.task, at=office.at)
    drafts.save_draft(office.db, holder.person_id, subject, typed(keeps(office, store, holder)), None, at=office.at)
    assignments.delegate(office.db, holder, letter.task, worker.number, "外出培训一周，请先核对", at=office.at)
    assert draft(worker) == {"typed": {"words": ["先看附件"]}, "files": []}
    assignments.hand_back(
        office.db, worker, letter.task, "已经核对，没有问题", typed(keeps(office, store, worker, "乙")), at=office.at
    )
    assert draft(holder) == {"typed": {"words": ["先看附件"]}, "files": []}
