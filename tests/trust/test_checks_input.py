"""Checks 25–35 of ``design/trust.md``: what comes in from outside, as text, as a file, as an expression; and what goes out."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import load_workbook
from werkzeug.test import TestResponse

from forms import patterns
from tests.trust.conftest import Standing
from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, JPEG, PDF, Sheet
from tests.webapp.conftest import PASSWORD, House
from tests.webapp.test_fence import NAUGHTY, filled, rules
from tests.workflows.engine.test_document import HOSTILE
from tests.workflows.registers.test_importing import AT, BOMBS, BY
from tests.workflows.test_escapes import escapes
from webapp.allowed import declared
from webapp.case_pages import handed_over
from webapp.sessions import same_site_path
from workflows import decisions, engine, feel
from workflows.audit.export import Sheet as Page
from workflows.audit.export import as_workbook
from workflows.db import Database
from workflows.errors import DefinitionRefused, FileRefused, ImportRefused
from workflows.registers import importing
from workflows.registers.evidence import FileStore, clean_name

Words = Callable[[TestResponse], str]
SCRIPTS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<svg/onload=alert(1)>", "javascript:alert(1)",
    "'-alert(1)-'", "</textarea><script>alert(1)</script>", "<a href=javascript:alert(1)>x</a>", "{{7*7}}", "${7*7}",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_check_25_hostile_xml_is_refused_at_once(name: str) -> None:
    """Diagrams here, tables below; workbooks in check 26. SVG and Word files are not accepted at all (check 27)."""
    began = time.perf_counter()
    with pytest.raises(DefinitionRefused):
        engine.read(HOSTILE[name], file="x.bpmn")
    with pytest.raises(DefinitionRefused):
        decisions.load(HOSTILE[name])
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("bomb", ["far cell", "not a zip", "entities", "entities in UTF-16", "unpacks to 60 MB", "too large"])
def test_check_26_archives_are_judged_before_they_are_opened(database: Database, bomb: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ImportRefused):
        importing.import_workbook(database, BY, "places", BOMBS[bomb], at=AT)
    assert time.perf_counter() - began < 2


def test_check_27_a_file_is_what_its_bytes_and_its_ending_both_say_and_is_never_shown_in_place(standing: Standing) -> None:
    store = FileStore(standing.house.settings.data)
    for name, content in (
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("a.html", b"<html>"), ("a.pdf", b"<html><script>"), ("a.jpg", PDF),
        ("a.exe", JPEG), ("a.xml", b"<?xml version='1.0'?><a/>"), ("a.docx", b"PK\x03\x04"), ("a.jpg", b""), ("a", PDF),
    ):  # fmt: skip
        with pytest.raises(FileRefused):
            store.put(io.BytesIO(content), name)
    page = standing.world.browser(HR1).get(f"/tasks/{standing.task}").get_data(as_text=True)
    for path in sorted(set(re.findall(r'href="(/files/[0-9a-f]{64})"', page)))[:3]:
        answer = standing.world.browser(HR1).get(path)
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert answer.mimetype in {"application/pdf", "image/jpeg", "image/png"}


@pytest.mark.parametrize(
    "given",
    [
        "../../etc/passwd.pdf", "..\\..\\win.pdf", "a\x00b.pdf", "a\r\nSet-Cookie: x=1.pdf", "\u202efdp.exe.pdf",
        "证书" * 200 + ".pdf", "/", ".pdf",
    ],
)  # fmt: skip
def test_check_28_a_file_name_is_a_label_never_a_path(standing: Standing, given: str) -> None:
    kept = clean_name(given)
    assert not set(kept) & set("/\\\x00\r\n\u202e")
    assert 0 < len(kept) <= 120
    store = FileStore(standing.house.settings.data)
    digest, _, _ = store.put(io.BytesIO(PDF + given.encode()), "x.pdf")
    assert store.path(digest).parent.parent == store.root, "stored under its digest, whatever it is called"
    with standing.house.app.test_request_context():
        header = handed_over(PDF, kept, "application/pdf").headers["Content-Disposition"]
    assert "\n" not in header and "\r" not in header
    assert header.isascii()


def test_check_29_what_people_type_is_never_markup(standing: Standing, words: Words) -> None:
    """In every text input of the largest form, in names, in searches; in a real browser: tests/browser/test_office_pages.py."""
    world = standing.world
    standing.house.person("typist", name='<img src=x onerror="alert(1)">')
    browser = standing.house.browser()
    browser.sign_in("typist")
    for script in SCRIPTS:
        sheet = Sheet(browser.get(world.start_path).get_data(as_text=True))
        for name in sheet.names():
            if not name.startswith("_") and name != "csrf_token" and "_file" not in name:
                sheet.values.setlist(name, [script])
        answer = browser.client.post(sheet.action, data=sheet.data(), content_type="multipart/form-data", buffered=True)
        page = answer.get_data(as_text=True)
        assert answer.status_code in {200, 422}
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        if "<" in script:
            assert script not in page, script
        assert "49" not in re.sub(r"\d{3,}|[\d-]+49|49[\d-]+", "", words(answer)) or "{{" not in script
        for path in ("/instances/", "/inbox/", "/registers/researchers", "/registers/evidence"):
            found = browser.get(path, query_string={"q": script}).get_data(as_text=True)
            assert script not in found or "<" not in script, f"{path} {script}"
    assert '<img src=x onerror="alert(1)">' not in browser.get("/account/").get_data(as_text=True), "a display name"


def test_check_30_no_exported_cell_is_a_formula(standing: Standing) -> None:
    signs = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0", '=HYPERLINK("http://example.org")']
    book = load_workbook(io.BytesIO(as_workbook([Page("表", ["列"], [[one] for one in signs])]).content))
    assert [cell.data_type for cell in book.worksheets[0]["A"]] == ["s"] * (len(signs) + 1)
    auditor = standing.world.browser(AUDITOR)
    for path in (f"/audit/cases/{standing.number}/export.xlsx", "/audit/export.xlsx"):
        answer = auditor.get(path)
        assert answer.status_code == 200
        whole = load_workbook(io.BytesIO(answer.data))
        assert not [cell.coordinate for page in whole.worksheets for row in page.iter_rows() for cell in row if cell.data_type == "f"]
    for path in ("/registers/researchers", "/registers/evidence", "/registers/publicity"):
        answer = standing.world.browser(HEAD).get(f"{path}?format=xlsx")
        whole = load_workbook(io.BytesIO(answer.data))
        assert not [cell.coordinate for page in whole.worksheets for row in page.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*a){20}$", r"^(\w+\s?)*$", "(x+x+)+y"])
def test_check_31_no_pattern_takes_long(pattern: str) -> None:
    text = "a" * 40 + "!" if "x" not in pattern else "x" * 40
    began = time.perf_counter()
    if patterns.refusal(pattern) is None:
        patterns.matches(pattern, text)
    feel.compile(f'matches("{text}", "{pattern}")'.replace("\\", "\\\\")).evaluate({})
    assert time.perf_counter() - began < 1


def test_check_32_no_foreign_form_changes_anything(standing: Standing) -> None:
    """Every changing address: without the page's token, with another's, as text that looks like JSON, from another site."""
    house, tried = standing.house, 0
    browser = standing.world.browser(HR1)
    for rule in rules(house):
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            for body in (
                {"data": {}}, {"data": {"csrf_token": "made-up"}},
                {"data": json.dumps({"csrf_token": "x"}), "content_type": "text/plain"},
            ):  # fmt: skip
                answer = browser.client.open(filled(rule), method=method, headers={"Origin": "https://evil.example"}, **body)
                assert answer.status_code == 400, f"{method} {rule.rule} {answer.status}"
                tried += 1
    assert tried > 150
    assert browser.get("/notices/").status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https:evil.example", "\\\\evil", "/\t/evil", "javascript:x", " //e", ""]
)
def test_check_33_next_stays_within_the_site(house: House, target: str) -> None:
    assert same_site_path(target) is None
    house.person("li")
    browser = house.browser()
    assert browser.sign_in("li", next=target).headers["Location"] == "/instances/start"
    assert browser.post("/account/proof", {"password": "x", "next": target}).status_code == 401
    assert browser.post("/account/proof", {"password": PASSWORD, "next": target}).headers["Location"] == "/account/"


def test_check_34_an_expression_is_of_our_grammar_or_is_refused(tmp_path: Any) -> None:
    """Each escape through each place of diagram, table and form: ``tests/workflows/test_escapes.py``; here the grammar itself."""
    marker = tmp_path / "ran"
    for text in escapes(marker).values():
        try:
            answer = feel.compile(text).evaluate({})
        except feel.FeelSyntaxError:
            answer = None
        # Text of another language does not parse; what parses calls a name that nobody lends, and that is null.
        assert answer is None, text
        assert not marker.exists(), text


#: JSON that is none (JSONTestSuite, n_*), and JSON that hurts.
NO_JSON = [
    "[1,]", "[1,,2]", '["a",\n4\n,1,', "[-]", "[0x42]", "[+1]", "[1.]", "[NaN]", "[Infinity]", "[-01]", "[1eE2]",
    '{"a":1,}', "{a:1}", "{'a':1}", '{"a" b}', '{"a":/*comment*/"b"}', '["\\u00"]', '["\\uD800\\"]', '["\x00"]',
    "[", "{", '"', '["a', "tru", "[True]", "\ufeff", "", " ", "]", "1]", "[" * 100_000, '{"a":' * 20_000, "[1]x",
    "{}}", '["\\x00"]', "\xff", "[\u2060]", "<null>", '["new\nline"]', '{"__proto__":{"a":1}}', "[1e400]",
]  # fmt: skip


MAY = {"office": "signed_in", "security": "security_admin", "nobody": "public"}


@pytest.mark.parametrize("who", MAY)
def test_check_35_nothing_typed_or_sent_makes_any_address_fail(standing: Standing, who: str) -> None:
    """Naughty strings in every argument and field, broken JSON as the body: never 500."""
    house = standing.house
    browser = house.browser()
    if who == "office":
        browser = standing.world.browser(HR1)
    elif who == "security":
        house.person("safety", ("ln-jyt", "security_admin"))
        browser.sign_in("safety")
    token = browser.token()
    names = "q page next kind reason purpose field to number code from_on to_on words person as format on tab sort note".split()
    for turn, rule in enumerate(rules(house)):
        may = declared(house.app, rule.endpoint) or frozenset()
        # Each address by one of them that gets in; the others' are in tests/webapp/test_fence.py.
        if rule.endpoint == "sign_in.sign_out" or MAY[who] not in may:
            continue
        for naughty in NAUGHTY[turn % 6 :: 6]:
            values = dict.fromkeys(names, naughty)
            path = filled(rule, standing.number if turn % 2 else standing.task)
            if "GET" in (rule.methods or set()):
                answer = browser.client.get(path, query_string=values)
                assert answer.status_code < 500, f"GET {path} {naughty[:40]!r}"
            if "POST" in (rule.methods or set()):
                answer = browser.client.post(path, data=values | {"csrf_token": token})
                assert answer.status_code < 500, f"POST {path} {naughty[:40]!r}"
        if "POST" in (rule.methods or set()):
            for body in NO_JSON[turn % 7 :: 7]:
                answer = browser.client.post(
                    filled(rule), data=body.encode("utf-8", "replace"), content_type="application/json", headers={"X-CSRFToken": token}
                )
                assert answer.status_code < 500, f"POST {rule.rule} {body[:40]!r}"
    assert standing.world.browser(APPLICANT).get(f"/instances/{standing.number}").status_code == 200
