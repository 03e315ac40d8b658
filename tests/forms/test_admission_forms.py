"""The rules of A2, A3, A3b, A4 and A11 (domain.md 3.1), filled in as people do and as they should not, in both provinces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from forms import build, paper
from forms.spec import FormSpec, Note
from forms.templates import fill
from tests.forms.papers import NOW, RULINGS, application, bound, codes, judged, review
from workflows.policies import Pack

Context = Callable[..., dict[str, Any]]


def test_a_whole_application_passes(specs: Mapping[str, FormSpec], context: Context) -> None:
    filled = bound(specs["admission.application"], application(), context())
    assert (codes(filled), filled.rejected, filled.warnings) == ({}, (), ())
    done = build.submission(filled)
    assert done.variable == "application" and len(done.attachments) == 9
    assert done.data["current_unit"] == "bh-hq-sch01" and done.data["teaching_history"][1]["end"] is None
    assert done.seen["_labels"] == {"applied_post": "数学（初中）", "current_unit": "滨海市海青区第一中学"}
    assert done.seen["attachments.0.kind"] == "身份证"


#: What is put in instead -> the errors it brings.
APPLICATION: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {
    "identity number with a wrong check digit": ({"id_card": ["210105198803150021"]}, {"id_card": "E_IDCARD"}),
    "identity number of another birth date": ({"birth_date": ["1988-03-16"]}, {"id_card": "E_IDCARD"}),
    "identity number with a small x": (
        {"id_card": ["11010519900307002x"], "birth_date": ["1990-03-07"]}, {"id_card": "E_IDCARD"},
    ),
    "born in the future": (
        {"birth_date": ["2027-01-01"]}, {"birth_date": "E_RANGE", "id_card": "E_IDCARD"},
    ),
    "seventeen": ({"birth_date": ["2009-01-01"]}, {"birth_date": "E_RANGE", "id_card": "E_IDCARD"}),
    "phone of ten digits": ({"phone": ["1380013800"]}, {"phone": "E_FORMAT"}),
    "e-mail without a place": ({"email": ["li@"]}, {"email": "E_FORMAT"}),
    "a unit nobody knows": ({"current_unit": ["某校"]}, {"current_unit": "E_OPTION"}),
    "a unit that two names fit": ({"current_unit": ["海青区第"]}, {"current_unit": "E_OPTION"}),
    "a post of another round": ({"applied_post": ["p-chess"]}, {"applied_post": "E_OPTION"}),
    "title of a series that does not count is data all the same": ({"title_series": ["其他"], "title_level": ["中级"]}, {}),
    "title of tomorrow": ({"title_date": ["2026-11-23"]}, {"title_date": "E_DATE_ORDER"}),
    "teaching that ends before it begins": (
        {"teaching_history.0.end": ["2009-08-31"]}, {"teaching_history.0.end": "E_DATE_ORDER"},
    ),
    "teaching in a unit of no kind": (
        {"teaching_history.0.unit_kind": ["公司"]}, {"teaching_history.0.unit_kind": "E_OPTION"},
    ),
    "an appraisal after the closing year": (
        {"annual_appraisals.0.year": ["2027"]}, {"annual_appraisals.0.year": "E_DATE_ORDER"},
    ),
    "the same year twice": ({"annual_appraisals.0.year": ["2024"]}, {"annual_appraisals": "E_FORMAT"}),
    "a year with a half": ({"annual_appraisals.0.year": ["2024.5"]}, {"annual_appraisals.0.year": "E_FORMAT"}),
    "a statement too short": ({"statement": ["我热爱教研工作。"]}, {"statement": "E_TEXT"}),
    "a statement too long": ({"statement": ["教" * 2001]}, {"statement": "E_TEXT"}),
    "a statement with control characters": ({"statement": ["教" * 300 + "\x08"]}, {"statement": "E_TEXT"}),
    "the commitment not ticked": ({"truth_commitment": []}, {"truth_commitment": "E_REQUIRED"}),
    "the commitment ticked with a no": ({"truth_commitment": ["false"]}, {"truth_commitment": "E_FORMAT"}),
    "the photo as a PDF": ({"photo": ["ab" * 32]}, {"photo": "E_FILE"}),
    "a punishment without words": ({"discipline_declaration": ["有"]}, {"discipline_details": "E_REQUIRED"}),
    "kin without a name": ({"kinship_status": ["有"]}, {"kinship_declaration": "E_REQUIRED"}),
    "an answer given twice": ({"gender": ["男", "女"]}, {"gender": "E_FORMAT"}),
}  # fmt: skip


@pytest.mark.parametrize("name", APPLICATION)
def test_an_application_is_refused_for(name: str, specs: Mapping[str, FormSpec], context: Context) -> None:
    instead, expected = APPLICATION[name]
    posted = {key: texts for key, texts in (application() | instead).items() if texts}
    filled = bound(specs["admission.application"], posted, context())
    assert codes(filled) == expected, [str(entry) for entry in filled.errors]
    assert not filled.rejected


def test_a_missing_document_is_a_warning(specs: Mapping[str, FormSpec], context: Context) -> None:
    """DT-ADM-00 lists what is missing and returns the case (adm_b1 → adm_u3): the form only tells beforehand."""
    spec = specs["admission.application"]
    posted = {name: texts for name, texts in application().items() if name != "attachments.0.files"}
    filled = bound(spec, posted, context())
    assert filled.ok and [entry.path for entry in filled.warnings] == ["attachments"]
    assert not bound(spec, application(), context()).warnings, "a recommendation is not among the required documents"


def test_fewer_years_of_appraisals_need_a_reason(specs: Mapping[str, FormSpec], context: Context) -> None:
    posted = {name: texts for name, texts in application().items() if not name.startswith("annual_appraisals.4")}
    spec = specs["admission.application"]
    assert codes(bound(spec, posted, context())) == {"annual_appraisals_reason": "E_REQUIRED"}
    assert bound(spec, posted | {"annual_appraisals_reason": ["2021年产假"]}, context()).ok


def test_overlapping_rows_are_a_warning_and_merged(specs: Mapping[str, FormSpec], context: Context, pack: Pack) -> None:
    """Six rows over one another are accepted; the months shown before submitting are those of the merged time."""
    posted = {name: texts for name, texts in application().items() if not name.startswith("teaching_history")}
    for n in range(6):
        row = {
            "start": "2010-09-01", "end": f"201{n}-12-31", "unit": "一中", "unit_kind": "中小学", "duty": "课堂教学",
            "subject": "数学", "stage": "初中",
        }  # fmt: skip
        posted |= {f"teaching_history.{n}.{key}": [value] for key, value in row.items()}
    spec = specs["admission.application"]
    filled = bound(spec, posted, context())
    assert filled.ok and [entry.path for entry in filled.warnings] == ["teaching_history"]
    note = next(node for node in filled.state.walk() if isinstance(node.item, Note) and node.item.id == "n_months")
    assert note.visible and "计入教学经历64个月" in fill(note.item.text, note.context, now=NOW)
    assert build.submission(filled).seen["_warnings"] == ["有时间重叠的行，重叠部分只计一次"]
    assert not bound(spec, application(), context()).warnings


def test_help_quotes_the_policy(specs: Mapping[str, FormSpec], context: Context, pack: Pack) -> None:
    filled = bound(specs["admission.application"], {}, context(), judge=False)
    words = [fill(node.item.text, node.context, now=NOW) for node in filled.state.walk() if isinstance(node.item, Note)]
    rule = pack["admission"]["teaching_experience"]
    assert any(f"不少于{rule['months']}个月" in text and "、".join(rule["unit_kinds"]) in text for text in words)


RECOMMENDATION = {
    "conflict_declared": ["否"], "recommend": ["推荐"], "teaching_performance": ["教学效果好，" * 10],
    "ethics_statement": ["师德高尚，为人师表，" * 3], "discipline_record": ["无"], "months_confirmed": ["190"],
    "release_agreed": ["是"], "seal_file": ["ab" * 32],
}  # fmt: skip
UNIT: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {
    "nothing wrong": ({}, {}),
    "not recommending without saying why": ({"recommend": ["不推荐"]}, {"opinion": "E_REQUIRED"}),
    "saying why in a word": ({"recommend": ["不推荐"], "opinion": ["不行"]}, {"opinion": "E_TEXT"}),
    "an evaluation too short": ({"teaching_performance": ["好"]}, {"teaching_performance": "E_TEXT"}),
    "other months without a reason": ({"months_confirmed": ["100"]}, {"months_reason": "E_REQUIRED"}),
    "other months with a reason": ({"months_confirmed": ["100"], "months_reason": ["其余时间在外单位"]}, {}),
    "months out of the world": ({"months_confirmed": ["601"]}, {"months_confirmed": "E_RANGE", "months_reason": "E_REQUIRED"}),
    "publicity with one end": ({"internal_publicity.start": ["2026-11-02"]}, {"internal_publicity.end": "E_REQUIRED"}),
    "publicity backwards": (
        {"internal_publicity.start": ["2026-11-09"], "internal_publicity.end": ["2026-11-02"]},
        {"internal_publicity.end": "E_DATE_ORDER"},
    ),
    "a punishment without its kind": ({"discipline_record": ["有"]}, {"discipline_details": "E_REQUIRED"}),
}


@pytest.mark.parametrize("name", UNIT)
def test_the_unit_s_recommendation(name: str, specs: Mapping[str, FormSpec], context: Context) -> None:
    instead, expected = UNIT[name]
    spec = specs["admission.application"]
    house = context(application=bound(spec, application(), context()).values)
    filled = bound(specs["admission.recommendation"], RECOMMENDATION | instead, house)
    assert filled.values["months_claimed"] == 195, "16 years and 3 months up to the closing day"
    assert codes(filled) in ({**expected}, {**expected, "months_reason": "E_REQUIRED"})
    assert not filled.rejected


def test_the_bureau_is_that_of_the_unit(specs: Mapping[str, FormSpec], context: Context) -> None:
    spec = specs["admission.bureau_opinion"]
    house = context(application={"current_unit": "bh-hq-sch01"})
    filled = bound(spec, {"conflict_declared": ["否"], "consent": ["不同意"], "consent_file": ["ab" * 32]}, house)
    assert filled.values["home_bureau"] == "bh-hq-edu"
    assert codes(filled) == {"consent_reason": "E_REQUIRED", "opinion": "E_REQUIRED"}


NOT_FAILED = {"ruling": RULINGS[0]}
REVIEW: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, str]]] = {
    "all in order": (NOT_FAILED, {}, {}),
    "qualified against the months": ({"ruling": {**RULINGS[0], "failed": ["教学经历"]}}, {}, {"qualification": "E_RULE"}),
    "qualified against the title": ({"ruling": {**RULINGS[0], "failed": ["职称"]}}, {}, {"qualification": "E_RULE"}),
    "qualified against the negative list": (
        {"ruling": {**RULINGS[0], "failed": ["负面清单与回避"]}}, {}, {"qualification": "E_RULE"},
    ),
    "qualified without any ruling": ({"ruling": None}, {"months_any": "", "months_frontline": ""}, {
        "months_any": "E_REQUIRED", "months_frontline": "E_REQUIRED", "qualification": "E_RULE"}),
    "months raised": (NOT_FAILED, {"months_any": "97"}, {"months_any": "E_RANGE"}),
    "months lowered without a reason": (NOT_FAILED, {"months_frontline": "79"}, {"months_reason": "E_REQUIRED"}),
    "months lowered below the limit": (
        NOT_FAILED, {"months_any": "71", "months_frontline": "71", "months_reason": "档案中缺少两年的证明材料"},
        {"qualification": "E_RULE"},
    ),
    "not qualified without an opinion": (NOT_FAILED, {"qualification": "不合格"}, {"opinion": "E_REQUIRED"}),
    "an exception that was not asked for": (NOT_FAILED, {"qualification": "提请破格"}, {"qualification": "E_RULE"}),
    "an exception where nothing is missing": (
        NOT_FAILED, {"qualification": "提请破格", "exception_requested": "是"}, {"exception_requested": "E_RULE"},
    ),
    "an exception from what has none": (
        {"ruling": {**RULINGS[0], "failed": ["教学经历", "负面清单与回避"]}},
        {"qualification": "提请破格", "exception_requested": "是"}, {"exception_requested": "E_RULE"},
    ),
    "an exception for too few years": (
        {"ruling": {**RULINGS[0], "failed": ["教学经历"]}}, {"qualification": "提请破格", "exception_requested": "是"}, {},
    ),
    "an exception asked for and not concluded": (
        {"ruling": {**RULINGS[0], "failed": ["教学经历"]}},
        {"qualification": "不合格", "exception_requested": "是", "opinion": "教学经历未达到规定年限。"}, {"qualification": "E_RULE"},
    ),
    "returned without items": (
        NOT_FAILED, {"qualification": "退回补正", "opinion": "材料不全，请一次补齐。"}, {"return_items": "E_REQUIRED"},
    ),
    "returned with an item": (
        NOT_FAILED,
        {"qualification": "退回补正", "opinion": "材料不全，请一次补齐。", "return_items.0.field_key": "title_date",
         "return_items.0.reason": "与证书不一致"}, {},
    ),
    "returned a third time": (
        {**NOT_FAILED, "corrections": 2}, {"qualification": "退回补正", "opinion": "材料不全，请一次补齐。",
         "return_items.0.field_key": "title_date", "return_items.0.reason": "与证书不一致"}, {"qualification": "E_OPTION"},
    ),
    "returned at the second look": (
        {**NOT_FAILED, "task": {"step": "adm_u6"}},
        {"exception_requested": None, "qualification": "退回补正", "opinion": "材料不全，请一次补齐。",
         "return_items.0.field_key": "title_date", "return_items.0.reason": "与证书不一致"}, {"qualification": "E_OPTION"},
    ),
    "a hit found by the reviewer": (NOT_FAILED, {"negative_hits": "处分期未满"}, {"qualification": "E_RULE"}),
    "a hit that bars nobody": (NOT_FAILED, {"negative_hits": "履职回避"}, {}),
    "a hit of the system taken away": (
        {"ruling": {**RULINGS[0], "negative_hits": ["岗位回避"]}}, {"negative_hits": "履职回避"}, {"negative_hits": "E_RULE"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REVIEW)
def test_the_review(name: str, specs: Mapping[str, FormSpec], context: Context, pack: Pack) -> None:
    given, changes, expected = REVIEW[name]
    house = context(**{"task": {"step": "adm_u2"}, **given})
    filled = bound(specs["admission.qualification_review"], judged(review(**changes), pack), house)
    assert not filled.rejected
    assert codes(filled) == expected, [str(entry) for entry in filled.errors]


@pytest.mark.parametrize("judgement", ["不符合", "需补充"])
def test_nobody_is_qualified_without_every_condition(
    judgement: str, specs: Mapping[str, FormSpec], context: Context, pack: Pack
) -> None:
    posted = judged(review(), pack)
    posted["conditions_judgement.2.judgement"] = [judgement]
    filled = bound(specs["admission.qualification_review"], posted, context(**NOT_FAILED, task={"step": "adm_u2"}))
    assert codes(filled) == {"qualification": "E_RULE"}
    assert [row["condition"] for row in filled.values["conditions_judgement"]] == pack["admission"]["conditions"]


def test_reconsideration_is_asked_for_or_not(specs: Mapping[str, FormSpec], context: Context) -> None:
    spec = specs["admission.reconsideration"]
    assert bound(spec, {"apply": ["不申请"]}, context()).values == {"apply": "不申请"}
    assert codes(bound(spec, {"apply": ["申请复核"]}, context())) == {"review_reason": "E_REQUIRED"}
    assert codes(bound(spec, {}, context())) == {"apply": "E_REQUIRED"}
    whole = {"apply": ["申请复核"], "review_reason": ["本人教学月数计算有误，漏计了二〇一二年九月至二〇一四年八月的教学经历。"]}
    assert bound(spec, whole, context()).ok


def test_a_filled_form_in_words(specs: Mapping[str, FormSpec], context: Context) -> None:
    spec = specs["admission.application"]
    done = build.submission(bound(spec, application(), context()))
    parts = {part.label: part for part in paper.parts(spec, done.data, done.seen["_labels"])}
    basic = {entry.label: entry for entry in parts["一、基本情况"].entries if isinstance(entry, paper.Entry)}
    assert basic["身份证号"].text == "210105198803150022" and paper.masked(basic["身份证号"]) == "210***********0022"
    assert basic["证件照"].text == "证件照.jpg"
    post = {entry.label: entry.text for entry in parts["二、工作与报考岗位"].entries if isinstance(entry, paper.Entry)}
    assert post["报考岗位"] == "数学（初中）" and post["现工作单位"] == "滨海市海青区第一中学"
    rows = next(entry for entry in parts["四、教学经历与考核"].entries if isinstance(entry, paper.Grid))
    assert rows.label == "教学经历" and rows.columns[0] == "起" and rows.rows[0][0].text == "2010-09-01"
    assert "处分或审查的类型、时间、机关" not in {
        entry.label for part in parts.values() for entry in part.entries if isinstance(entry, paper.Entry)
    }
