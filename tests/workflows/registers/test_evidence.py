"""R11 佐证材料: what is accepted, how it is named and stored, and that a crash leaves no half file (27, 28)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from webapp.demo import papers
from workflows.errors import FileRefused, NotFound
from workflows.registers.evidence import LARGEST, FileStore, clean_name

PDF = papers.page("资格证")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def files(store: FileStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()] if store.root.exists() else []


def test_the_same_bytes_are_stored_once_under_their_digest(store: FileStore) -> None:
    answers = {store.put(io.BytesIO(PDF), name) for name in ("a.pdf", "b.PDF")}
    digest = hashlib.sha256(PDF).hexdigest()
    assert answers == {(digest, len(PDF), "application/pdf")}
    assert files(store) == [store.path(digest)] and store.path(digest).read_bytes() == PDF


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("empty.pdf", b""),
        ("picture.pdf", papers.picture()),
        ("page.jpg", PDF),
        ("page.html", b"<html><script>alert(1)</script>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("archive.pdf", b"PK\x03\x04" + b"0" * 64),
        ("noending", PDF),
        ("page.pdf.exe", PDF),
    ],
)
def test_content_and_ending_must_be_an_accepted_pair(store: FileStore, name: str, raw: bytes) -> None:
    with pytest.raises(FileRefused):
        store.put(io.BytesIO(raw), name)
    assert files(store) == []


def test_twenty_megabytes_are_the_most(store: FileStore) -> None:
    full = PDF + b"\n" * (LARGEST - len(PDF))
    assert store.put(io.BytesIO(full), "full.pdf")[1] == LARGEST
    with pytest.raises(FileRefused):
        store.put(io.BytesIO(full + b"\n"), "more.pdf")
    assert len(files(store)) == 1


def test_an_upload_that_breaks_off_leaves_nothing(store: FileStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionResetError
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        store.put(Broken(PDF + b"\n" * (1 << 17)), "a.pdf")
    assert files(store) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\证书.pdf", "证书.pdf"),
        ("a\x00b\r\nSet-Cookie: x.pdf", "abSet-Cookie: x.pdf"),
        ("fdp.\u202egpj.pdf", "fdp.gpj.pdf"),
        ("...", "file"),
        ("", "file"),
    ],
)
def test_names_are_cleaned_and_never_paths(given: str, kept: str) -> None:
    assert clean_name(given) == kept


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_name("证" * 300 + ".pdf") == "证" * 116 + ".pdf"


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_what_is_no_digest_names_no_file(store: FileStore, digest: str) -> None:
    with pytest.raises(NotFound):
        store.path(digest)
