"""A bad form file is refused with its place and reason, every defect at once; the good ones say what they must."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from forms import check
from forms.spec import FormSpec
from tests.forms.papers import FORMS
from workflows.errors import DefinitionRefused, Problem

GOOD: dict[str, Any] = {
    "id": "trial.paper", "type": "default", "schemaVersion": 19, "properties": {"name": "试表"},
    "components": [
        {"id": "f1", "type": "textfield", "key": "title", "label": "题目", "validate": {"maxLength": 10}},
        {"id": "f2", "type": "number", "key": "amount", "label": "数", "decimalDigits": 0},
        {"id": "f3", "type": "radio", "key": "choice", "label": "选择", "values": [{"label": "甲", "value": "甲"}]},
        {
            "id": "t1", "type": "dynamiclist", "path": "rows", "label": "明细", "isRepeating": True, "allowAddRemove": True,
            "components": [
                {"id": "f4", "type": "datetime", "subtype": "date", "key": "day", "dateLabel": "日期"},
                {"id": "f5", "type": "filepicker", "key": "proof", "label": "佐证", "accept": ".pdf"},
            ],
        },
    ],
}  # fmt: skip


def problems(schema: Any, file: str = "trial/paper.json") -> tuple[Problem, ...]:
    raw = schema if isinstance(schema, bytes) else json.dumps(schema, ensure_ascii=False, indent=1).encode()
    with pytest.raises(DefinitionRefused) as refused:
        check.read(raw, file=file)
    return refused.value.problems


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    schema = copy.deepcopy(GOOD)
    change(schema)
    return schema


def field(schema: dict[str, Any], n: int) -> dict[str, Any]:
    found: dict[str, Any] = schema["components"][n]
    return found


def test_the_good_one_passes() -> None:
    spec = check.read(json.dumps(GOOD).encode(), file="trial/paper.json")
    assert [keys for keys, _ in spec.fields()] == [
        ("title",), ("amount",), ("choice",), ("rows", "day"), ("rows", "proof"),
    ]  # fmt: skip
    assert spec.variable == "paper" and spec.digest.startswith("sha256:")


DEFECTS: Mapping[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "unknown type": (lambda s: field(s, 0).update(type="signature"), "f1", "not drawn here"),
    "a type with a better one": (lambda s: field(s, 0).update(type="taglist"), "f1", "use checklist"),
    "unknown attribute": (lambda s: field(s, 0).update(spellcheck=True), "f1", "'spellcheck' is not executed"),
    "unknown property": (lambda s: field(s, 0).update(properties={"colour": "red"}), "title", "'colour' is not executed"),
    "unknown validation": (lambda s: field(s, 0)["validate"].update(step=2), "title", "'step' is not executed"),
    "id twice": (lambda s: field(s, 1).update(id="f1"), "f1", "used twice"),
    "key twice": (lambda s: field(s, 1).update(key="title"), "title", "stands 2 times"),
    "malformed key": (lambda s: field(s, 0).update(key="My Title"), "f1", "lower-case name"),
    "reserved key": (lambda s: field(s, 0).update(key="data"), "f1", "reserved"),
    "page input as key": (lambda s: field(s, 0).update(key="_token"), "f1", "lower-case name"),
    "no label": (lambda s: field(s, 0).pop("label"), "title", "label is missing"),
    "FEEL in a label": (lambda s: field(s, 0).update(label="{{title}}"), "title", "plain text"),
    "text without limit": (lambda s: field(s, 0).pop("validate"), "title", "maxLength is missing"),
    "number without digits": (lambda s: field(s, 1).pop("decimalDigits"), "amount", "decimalDigits is missing"),
    "money with three digits": (
        lambda s: field(s, 1).update(decimalDigits=3, properties={"kind": "money"}), "amount", "decimalDigits 2",
    ),
    "kind that does not fit": (lambda s: field(s, 1).update(properties={"kind": "photo"}), "amount", "does not fit"),
    "choice without options": (lambda s: field(s, 2).update(values=[]), "choice", "needs options"),
    "option twice": (lambda s: field(s, 2)["values"].append({"label": "甲", "value": "甲"}), "choice", "stands twice"),
    "two sources of options": (lambda s: field(s, 2).update(valuesExpression="=[]"), "choice", "exclude each other"),
    "bad FEEL": (lambda s: field(s, 0).update(conditional={"hide": "=1 +"}), "f1", "conditional.hide"),
    "hide without =": (lambda s: field(s, 0).update(conditional={"hide": "true"}), "f1", "beginning with '='"),
    "hide of a name that is nothing": (
        lambda s: field(s, 0).update(conditional={"hide": "=titel = 1"}), "title", "'titel', which nothing defines",
    ),
    "readonly of an unknown name": (lambda s: field(s, 0).update(readonly="=who = 1"), "title", "'who'"),
    "row field by its bare name": (
        lambda s: field(s, 3)["components"][0].update(conditional={"hide": "=proof = null"}), "day", "this.proof",
    ),
    "row field that is not there": (
        lambda s: field(s, 3)["components"][0].update(conditional={"hide": "=this.end = null"}), "day", "no such field",
    ),
    "help that reads nothing": (lambda s: field(s, 0).update(description="{{polcy.x}}"), "title", "'polcy'"),
    "bad FEEL in help": (lambda s: field(s, 0).update(description="{{1 +}}"), "title", "1 +"),
    "loop in help": (lambda s: field(s, 0).update(description="{{#loop rows}}x{{/loop}}"), "title", "loops"),
    "rule without message": (lambda s: field(s, 0).update(properties={"rule": "=true"}), "title", "rule_message"),
    "rule with a foreign code": (
        lambda s: field(s, 0).update(properties={"rule": "=true", "rule_message": "x", "rule_code": "E_X"}), "title", "E_X",
    ),
    "personal without retention": (
        lambda s: field(s, 0).update(properties={"personal": "核对"}), "title", "belong together",
    ),
    "personal by its label": (lambda s: field(s, 0).update(label="姓名"), "title", "personal data"),
    "personal by its kind": (
        lambda s: field(s, 0).update(properties={"kind": "id_card", "personal": "no"}), "title", "not possible",
    ),
    "birth date that is none": (
        lambda s: field(s, 0).update(properties={"kind": "id_card", "personal": "x", "retention": "y", "birth_date": "amount"}),
        "title", "no date field",
    ),
    "runaway pattern": (lambda s: field(s, 0)["validate"].update(pattern="(a+)+b"), "title", "repeated group"),
    "pattern of another language": (lambda s: field(s, 0)["validate"].update(pattern="(?<=a)b"), "title", "groups other than"),
    "file of any kind": (lambda s: field(s, 3)["components"][1].update(accept="*"), "proof", "accept must name"),
    "rows that nobody fills": (lambda s: field(s, 3).update(allowAddRemove=False), "rows", "prefill"),
    "rows that do not repeat": (lambda s: field(s, 3).update(isRepeating=False), "rows", "isRepeating"),
    "read-only in moving rows": (
        lambda s: field(s, 3)["components"][0].update(readonly=True), "day", "rows that stay",
    ),
    "table in a table": (
        lambda s: field(s, 3)["components"].append({**copy.deepcopy(GOOD["components"][3]), "id": "t2", "path": "more"}),
        "rows", "table inside a table",
    ),
    "datetime with a zone": (
        lambda s: s["components"].append({"id": "d", "type": "datetime", "subtype": "datetime", "key": "at", "dateLabel": "时间"}),
        "at", "no_timezone",
    ),
    "no name": (lambda s: s.update(properties={}), "", "properties.name"),
    "unknown schema version": (lambda s: s.update(schemaVersion=99), "", "schemaVersion 99"),
    "another id than the file": (lambda s: s.update(id="trial.other"), "", "trial/other.json"),
    "asks nothing": (lambda s: s.update(components=[]), "", "asks nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_refused_at_its_place(name: str) -> None:
    change, element, reason = DEFECTS[name]
    found = problems(changed(change))
    assert any(no.element == element and reason in no.reason for no in found), [str(no) for no in found]
    assert all(no.file == "trial/paper.json" for no in found)


def test_every_defect_is_told_at_once_with_its_line() -> None:
    def spoil(schema: dict[str, Any]) -> None:
        field(schema, 0).pop("validate")
        field(schema, 1).pop("decimalDigits")
        field(schema, 2).update(values=[])

    found = problems(changed(spoil))
    assert {no.element for no in found} == {"title", "amount", "choice"}
    assert len({no.line for no in found}) == 3 and all(no.line > 1 for no in found)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 5000, b" " * 1_000_001])
def test_what_is_no_form_at_all_is_refused(raw: bytes) -> None:
    assert problems(raw)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_the_library_passes(path: Any) -> None:
    check.read(path.read_bytes(), file=str(path))


@pytest.mark.parametrize("path", [path for path in FORMS if "admission" in path.parts], ids=lambda path: path.stem)
def test_forms_name_no_province_and_no_number_of_the_policy(path: Any) -> None:
    text = path.read_text("utf-8")
    assert not [word for word in ("辽宁", "广西", "LN 1", "GX 1", "72") if word in text]


#: Keys of domain.md 3.1 (A2, A3, A3b, A4 without exception_requested, A11) and of the review block 3.0.2.
ASKED = {
    "admission.application": """full_name gender birth_date ethnicity political_status id_card phone email photo current_unit
        current_post subject stage applied_post education teacher_cert_no cert_scope title_series title_level title_date
        teaching_history annual_appraisals achievements research_projects publications school_research_role statement
        health_declaration discipline_declaration kinship_declaration ethnic_area_service truth_commitment attachments""",
    "admission.recommendation": """recommend teaching_performance ethics_statement discipline_record months_confirmed
        release_agreed internal_publicity seal_file opinion return_items conflict_declared attachments""",
    "admission.bureau_opinion": """home_bureau consent consent_reason service_term_left consent_file opinion return_items
        conflict_declared attachments""",
    "admission.qualification_review": """checked_documents months_any months_frontline title_result conditions_judgement
        negative_hits qualification opinion return_items conflict_declared attachments""",
    "admission.reconsideration": "apply review_reason new_evidence",
}


@pytest.mark.parametrize("form", ASKED)
def test_a_form_asks_what_the_domain_says(form: str, specs: Mapping[str, FormSpec]) -> None:
    assert set(ASKED[form].split()) <= set(specs[form].top_keys())


@pytest.mark.parametrize("form", ["admission.recommendation", "admission.bureau_opinion", "admission.qualification_review"])
def test_what_can_be_returned_is_what_the_application_asks(form: str, specs: Mapping[str, FormSpec]) -> None:
    asked = dict(specs[form].fields())
    offered = [option.value for option in asked[("return_items", "field_key")].options]
    assert offered == [key for key in specs["admission.application"].top_keys() if key != "truth_commitment"]


def test_every_personal_field_says_why_and_how_long(specs: Mapping[str, FormSpec]) -> None:
    kinds = {"id_card", "phone", "email", "photo"}
    for spec in specs.values():
        for keys, asked in spec.fields():
            if asked.kind in kinds:
                assert asked.personal is not None and asked.personal.purpose and asked.personal.retention, keys
