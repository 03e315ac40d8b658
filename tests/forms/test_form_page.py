"""The way between a request and a form: nothing typed is lost, buttons work without script, drafts come back, files stay."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from forms.spec import FormSpec
from tests.forms.host import Host, opened
from tests.forms.papers import NOW, RULINGS, application, bound, house
from workflows.policies import Pack, Packs

PDF = b"%PDF-1.7 invented"
JPG = b"\xff\xd8\xff invented"


@pytest.fixture
def here(packs: Packs) -> Pack:
    return packs["liaoning"].on(NOW.date())


@pytest.fixture
def host(specs: Mapping[str, FormSpec], here: Pack) -> Host:
    return Host(specs["admission.application"], house(here))


def typed(page: str, name: str) -> list[str]:
    """The values of the inputs of that name on a page."""
    tags = re.findall(rf'<(?:input|button)[^>]*\bname="{re.escape(name)}"[^>]*>', page)
    return [found[1] for tag in tags if (found := re.search(r'\bvalue="([^"]*)"', tag))]


def written(host: Host) -> dict[str, Any]:
    """A whole application as a browser posts it, its files uploaded with it."""
    texts = {name: values for name, values in application().items() if not name.endswith((".files", "photo", "evidence"))}
    files = {"_file.photo": (io.BytesIO(JPG), "照片.jpg"), "_file.achievements.0.evidence": (io.BytesIO(PDF), "证书.pdf")}
    for n in range(7):
        files[f"_file.attachments.{n}.files"] = (io.BytesIO(PDF + bytes([n])), f"材料{n}.pdf")
    return {**texts, **files}


def test_without_the_token_of_the_page_nothing_is_taken(host: Host) -> None:
    answer = host.app.test_client().post("/", data=written(host), content_type="multipart/form-data")
    assert answer.status_code == 400 and not host.submitted and host.draft is None


def test_a_wrong_post_comes_back_whole(host: Host) -> None:
    post = opened(host)
    answer = post({"full_name": "李\x07明月", "phone": "12", "birth_date": "昨天", "statement": "<script>alert(1)</script>"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert typed(page, "full_name") == ["李\x07明月"] and typed(page, "phone") == ["12"] and typed(page, "birth_date") == ["昨天"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert" not in page
    assert 'href="#f-phone"' in page and 'id="f-phone"' in page and 'aria-describedby="f-phone-hint f-phone-error"' in page
    assert "“电话”应为11位数字" in page


def test_read_through_then_submit(host: Host) -> None:
    post = opened(host)
    through = post(written(host), content_type="multipart/form-data")
    page = through.get_data(as_text=True)
    assert through.status_code == 200 and not host.submitted
    assert "数学（初中）" in page and "滨海市海青区第一中学" in page
    inputs = {name: typed(page, name) for name in set(re.findall(r'name="([^"]+)"', page)) if not name.startswith("_")}
    del inputs["csrf_token"]
    done = post({**inputs, "_action": "submit"})
    assert done.get_data(as_text=True) == "ok"
    assert len(host.submitted[0].attachments) == 9 and host.submitted[0].data["full_name"] == "李明月"
    sheet = host.app.test_client().get("/case").get_data(as_text=True)
    assert "210105198803150022" in sheet and "证书.pdf" in sheet and "<input" not in sheet.split("<main")[1]
    covered = host.app.test_client().get("/case?masked=1").get_data(as_text=True)
    assert "210105198803150022" not in covered and "210***********0022" in covered and "李**" in covered


def test_the_token_of_the_page_is_the_submission_s(host: Host) -> None:
    post = opened(host)
    for _ in range(2):
        post({**written(host), "_action": "submit"}, content_type="multipart/form-data")
    assert len({done.token for done in host.submitted}) == 1 and len(host.submitted[0].token) >= 16


def test_rows_are_added_and_removed_without_script(host: Host) -> None:
    post = opened(host)
    rows = {"teaching_history.0.unit": "一中", "teaching_history.1.unit": "二中", "full_name": "李明月"}
    page = post({**rows, "_add_row": "teaching_history"}).get_data(as_text=True)
    assert [typed(page, f"teaching_history.{n}.unit") for n in range(3)] == [["一中"], ["二中"], [""]]
    page = post({**rows, "_remove_row": "teaching_history.0"}).get_data(as_text=True)
    assert typed(page, "teaching_history.0.unit") == ["二中"] and not typed(page, "teaching_history.1.unit")
    assert typed(page, "full_name") == ["李明月"] and "field-error" not in page, "a button of the form judges nothing"


def test_a_stored_file_is_let_go(host: Host) -> None:
    post = opened(host)
    page = post({"_file.photo": (io.BytesIO(JPG), "照片.jpg"), "_refresh": "1"}, content_type="multipart/form-data")
    digest = typed(page.get_data(as_text=True), "photo")[0]
    again = post({"photo": digest, "_refresh": "1"}).get_data(as_text=True)
    assert typed(again, "photo") == [digest] and "照片.jpg" in again
    gone = post({"photo": digest, "_drop_file": f"photo:{digest}"}).get_data(as_text=True)
    assert not typed(gone, "photo")


def test_what_hides_comes_back_as_it_was(host: Host) -> None:
    post = opened(host)
    page = post({"discipline_declaration": "有", "discipline_details": "二〇一九年警告", "_refresh": "1"}).get_data(as_text=True)
    assert "二〇一九年警告" in page
    hidden = post(
        {"discipline_declaration": "无", "discipline_details": "二〇一九年警告"}, path="/refresh"
    ).get_data(as_text=True)
    assert "<textarea" not in hidden.split('id="f-discipline_declaration')[1].split("亲属与回避关系")[0]
    assert typed(hidden, "_kept.discipline_details") == ["二〇一九年警告"]
    back = post({"discipline_declaration": "有", "_kept.discipline_details": "二〇一九年警告"}, path="/refresh")
    assert "二〇一九年警告</textarea>" in back.get_data(as_text=True)


def test_a_draft_is_the_form_as_it_was_left(host: Host) -> None:
    post = opened(host)
    said = post({"full_name": "李\x07", "teaching_history.3.unit": "一中", "phone": "12", "gender": "女"}, path="/draft")
    assert "草稿已保存" in said.get_data(as_text=True)
    page = host.app.test_client().get("/").get_data(as_text=True)
    assert typed(page, "full_name") == ["李\x07"] and typed(page, "teaching_history.0.unit") == ["一中"]
    assert typed(page, "phone") == ["12"] and "field-error" not in page, "a draft is not judged"
    assert re.search(r'name="gender" value="女" checked', page)


def test_a_draft_is_plain_json_and_holds_only_what_the_form_asks(host: Host) -> None:
    opened(host)({"full_name": "李明月", "role": "admin", "_action": "x"}, path="/draft")
    assert host.draft is not None and "role" not in host.draft["typed"]
    assert orjson.loads(orjson.dumps(host.draft)) == host.draft


def test_a_return_for_correction_shows_the_reason_and_locks_the_rest(specs: Mapping[str, FormSpec], here: Pack) -> None:
    spec = specs["admission.application"]
    saved = dict(bound(spec, application(), house(here)).values)
    host = Host(
        spec, house(here, task={"returned": ["title_date"]}), saved=saved, returned={"title_date": "与证书不一致"}
    )
    post = opened(host)
    page = host.app.test_client().get("/").get_data(as_text=True)
    assert "需补正：与证书不一致" in page
    names = {name for name in re.findall(r'name="([^"]+)"', page.split("<form")[1]) if not name.startswith(("_", "csrf"))}
    assert names == {"title_date", "truth_commitment"}
    assert post({"title_date": "2015-12-01", "truth_commitment": "true", "_action": "submit"}).get_data(as_text=True) == "ok"
    assert post({"title_date": "2015-12-01", "truth_commitment": "true", "full_name": "王五"}).status_code == 422
    assert host.refused == [[("full_name", "E_READONLY")]]


def test_every_input_the_page_draws_is_one_the_form_takes(specs: Mapping[str, FormSpec], here: Pack) -> None:
    """A browser posts back exactly what was drawn: nothing of it may be refused as not offered."""
    for spec in specs.values():
        host = Host(spec, house(here, ruling=RULINGS[0], task={"step": "adm_u2"}, application={"current_unit": "bh-hq-sch01"}))
        page = host.app.test_client().get("/").get_data(as_text=True)
        page = re.sub(r"<template>.*?</template>", "", page, flags=re.DOTALL)
        page = re.sub(r'<input[^>]*type="(?:radio|checkbox)"[^>]*>', "", page)  # nothing is ticked yet
        names = set(re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"', page.split("<form")[1]))
        names -= {"csrf_token"}
        posted = {name: typed(page, name)[:1] for name in names if not name.startswith("_")}
        filled = bound(spec, {name: texts or [""] for name, texts in posted.items()}, host.context)
        assert not filled.rejected, (spec.id, filled.rejected)


def test_a_look_up_answers_with_names(host: Host) -> None:
    page = host.app.test_client().get("/find?kind=organisation&current_unit=海青区第").get_data(as_text=True)
    assert page.count("<option") == 2 and 'value="滨海市海青区第一中学（bh-hq-sch01）"' in page
    assert host.app.test_client().get("/find?kind=nobody&x=海").get_data(as_text=True) == ""
