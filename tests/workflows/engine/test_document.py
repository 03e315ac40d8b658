"""A file that would hurt the reader is refused at once; any encoding is welcome."""

from __future__ import annotations

import time

import pytest

from tests.workflows.engine.drawing import begin, drawing, end, flows, user
from workflows.engine import read
from workflows.engine.document import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS
from workflows.errors import DefinitionRefused

PLAIN = drawing(begin(), user("a"), end(), flows("s a e"))


def bomb(levels: int = 12) -> bytes:
    rows = [f'<!ENTITY x0 "{"k" * 100}">']
    rows += [f'<!ENTITY x{n} "{f"&x{n - 1};" * 20}">' for n in range(1, levels)]
    return f"<?xml version='1.0'?><!DOCTYPE d [{''.join(rows)}]><d>&x{levels - 1};</d>".encode()


HOSTILE = {
    "doctype": PLAIN.replace(b"<bpmn:definitions", b"<!DOCTYPE x><bpmn:definitions", 1),
    "billion laughs": bomb(),
    "quadratic": (f'<!DOCTYPE d [<!ENTITY a "{"A" * 100_000}">]><d>' + "&a;" * 1000 + "</d>").encode(),
    "outside file": b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/hostname">]><d>&a;</d>',
    "parameter entity": b'<!DOCTYPE d [<!ENTITY % a SYSTEM "http://127.0.0.1:9/a.dtd"> %a;]><d/>',
    "doctype in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>'.encode(
        "utf-16"
    ),
    "undefined entity": b"<d>&nbsp;</d>",
    "deep": b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    "very deep": b"<a>" * 200_000,
    "many elements": b"<a>" + b"<b/>" * (MAX_ELEMENTS + 1) + b"</a>",
    "long": b"<a>" + b" " * MAX_BYTES + b"</a>",
    "empty": b"",
    "not XML": "流程".encode(),
    "cut off": PLAIN[:-20],
    "null bytes": b"\x00" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_a_second(name: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(DefinitionRefused) as refused:
        read(HOSTILE[name], file="h.bpmn")
    assert time.perf_counter() - begun < 1
    assert refused.value.problems[0].file == "h.bpmn"
    assert refused.value.problems[0].reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_the_encoding_that_a_file_declares_is_read(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{declared}"?>' + PLAIN.decode()
    (found,) = read(text.encode(encoding), file="t.bpmn")
    assert found.name == "流程"


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(DefinitionRefused, match="BPMN"):
        read(b"<html/>", file="t.bpmn")
