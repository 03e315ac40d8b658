"""What the page never offered is never taken: undeclared, hidden and read-only inputs are refused whatever they hold."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms import build
from forms.spec import Field, FormSpec, dotted
from tests.forms.papers import (
    FORMS,
    NOW,
    PROOF,
    ROOT,
    RULINGS,
    application,
    bound,
    codes,
    house,
    judged,
    read_form,
    review,
)  # fmt: skip
from workflows import policies
from workflows.errors import InputRejected
from workflows.policies import Pack, Packs

#: Texts that break programs: markup, templates, formulas, other scripts, unseen characters, very long ones.
NAUGHTY = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "", " ", "\x00", "\u202egnp.exe", "' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "%(label)s", "%s%n",
            "=cmd|' /C calc'!A0", "../../etc/passwd", "Ω≈ç√", "𠮷", "👩‍🏫", "١٢٣", "null", "true", "NaN", "1e999", "-1",
            "９" * 30, "x" * 5000, "\ufeff", "教" * 3000,
        ]
    ),
)  # fmt: skip
NAMES = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[a-z_.]{1,30}", fullmatch=True),
    st.sampled_from(
        [
            "role", "is_admin", "decision", "full_name.x", "teaching_history", "teaching_history.0", "teaching_history.x.start",
            "teaching_history.0.salary", "teaching_history.².start", "teaching_history.99999999.start", "attachments.8.files",
            "attachments.0.kind.x", "achievements.-1.name", "birth_date.0", "__class__", "data", "photo.sha256",
        ]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def pack(packs: Packs) -> Pack:
    return packs["liaoning"].on(NOW.date())


def a2() -> FormSpec:
    """The application; read here, since hypothesis prints every fixture it is given."""
    return READ["admission.application"]


def liaoning() -> Pack:
    return PACKS["liaoning"].on(NOW.date())


READ = {spec.id: spec for spec in map(read_form, FORMS)}
PACKS = policies.load({path.name: path.read_bytes() for path in (ROOT / "bpmn" / "policies").glob("*.toml")})
SAVED = bound(a2(), application(), house(liaoning())).values
#: A return for correction of two items.
RETURNED = house(liaoning(), task={"returned": ["title_date", "achievements"]})
BASE = build.initial(a2(), RETURNED, now=NOW, saved=SAVED)
LOCKED = sorted(
    dotted(node.path) for node in bound(a2(), None, RETURNED, base=BASE, judge=False).state.fields()
    if node.visible and node.readonly
)  # fmt: skip


@given(name=NAMES, text=NAUGHTY)
def test_an_undeclared_input_is_refused(name: str, text: str) -> None:
    spec = a2()
    known = {".".join(keys) for keys, asked in spec.fields() if asked.kind != "computed"}
    plain = ".".join(part for part in name.split(".") if not (part.isascii() and part.isdigit() and len(part) <= 4))
    posted = application() | {name: [text]}
    filled = bound(spec, posted, house(liaoning()))
    if name.startswith("_") or name == "csrf_token":
        assert not filled.rejected, "the page's own inputs are no matter of the form"
    elif name in known or plain in known:
        return
    else:
        assert [(no.path, no.code) for no in filled.rejected] == [(name, "E_UNDECLARED")]
        assert filled.values == bound(spec, application(), house(liaoning())).values, "nothing of it gets through"


@given(
    text=NAUGHTY,
    path=st.sampled_from(["discipline_details", "annual_appraisals_reason", "kinship_declaration.0.person"]),
)
def test_a_hidden_field_is_refused(text: str, path: str) -> None:
    filled = bound(a2(), application() | {path: [text]}, house(liaoning()))
    assert [(no.path, no.code) for no in filled.rejected] == [(path, "E_HIDDEN")]
    assert path.split(".")[0] not in filled.values and not filled.ok


@given(text=NAUGHTY, path=st.sampled_from(LOCKED))
def test_a_read_only_field_is_refused(text: str, path: str) -> None:
    """In a return for correction everything but the returned items is read-only."""
    posted = {"title_date": ["2016-12-02"], "truth_commitment": ["true"], path: [text]}
    posted |= {name: texts for name, texts in application().items() if name.startswith("achievements.")}
    filled = bound(a2(), posted, RETURNED, base=BASE)
    assert [no.code for no in filled.rejected] == ["E_READONLY"]
    assert filled.values == {**SAVED, "title_date": "2016-12-02"}


@given(path=st.sampled_from(["full_name", "statement", "phone", "birth_date", "id_card", "gender", "title_level",
                             "applied_post", "current_unit", "photo", "teaching_history.0.start", "annual_appraisals.0.year",
                             "achievements.0.evidence", "attachments.0.files", "truth_commitment"]), text=NAUGHTY)  # fmt: skip
def test_no_text_breaks_a_form_or_is_lost(path: str, text: str) -> None:
    filled = bound(a2(), application() | {path: [text]}, house(liaoning()))
    assert filled.typed[path] == [text], "what was typed is shown again"
    assert not filled.rejected
    for entry in filled.errors:
        assert str(entry) and entry.code.startswith("E_")
    if filled.ok:
        build.submission(filled)


def test_a_correction_changes_only_what_was_returned(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    spec = specs["admission.application"]
    saved = bound(spec, application(), house(pack)).values
    context = house(pack, task={"returned": ["title_date"]})
    base = build.initial(spec, context, now=NOW, saved=saved)
    filled = bound(spec, {"title_date": ["2015-12-01"], "truth_commitment": ["true"]}, context, base=base)
    assert filled.ok, codes(filled)
    assert filled.values == {**saved, "title_date": "2015-12-01"}
    assert build.submission(filled).seen["full_name"] == "李明月"


def test_a_row_cannot_be_added_to_what_is_not_returned(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    spec = specs["admission.application"]
    saved = bound(spec, application(), house(pack)).values
    context = house(pack, task={"returned": ["title_date"]})
    base = build.initial(spec, context, now=NOW, saved=saved)
    posted = {"title_date": ["2015-12-01"], "truth_commitment": ["true"], "teaching_history.2._row": ["1"]}
    filled = bound(spec, posted, context, base=base)
    assert [(no.path, no.code) for no in filled.rejected] == [("teaching_history.0._row", "E_READONLY")]
    assert filled.values["teaching_history"] == saved["teaching_history"]


def test_somebody_elses_file_cannot_be_named(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    """A digest is no key to a file: only files stored for this form by this person can be handed in."""
    filled = bound(specs["admission.application"], application() | {"photo": ["ef" * 32]}, house(pack))
    assert codes(filled) == {"photo": "E_FILE"} and filled.values["photo"] == []


def test_a_refusal_tells_fields_and_codes_but_no_values(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    posted = application() | {"id_card": ["210105198803150021"], "secret": ["hunter2"]}
    with pytest.raises(InputRejected) as refused:
        build.submission(bound(specs["admission.application"], posted, house(pack)))
    assert refused.value.params["fields"] == [("secret", "E_UNDECLARED"), ("id_card", "E_IDCARD")]
    assert "210105198803150021" not in str(refused.value) + repr(refused.value.params)


@pytest.mark.parametrize("number", ["0", "3", "15"])
def test_rows_with_gaps_close_up(number: str, specs: Mapping[str, FormSpec], pack: Pack) -> None:
    posted = {name: texts for name, texts in application().items() if not name.startswith("teaching_history.1")}
    moved = {name.replace("teaching_history.0.", f"teaching_history.{number}."): texts for name, texts in posted.items()}
    filled = bound(specs["admission.application"], moved, house(pack))
    assert filled.ok and len(filled.values["teaching_history"]) == 1


def test_a_reviewer_cannot_write_over_what_was_computed(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    context = house(pack, ruling=RULINGS[1], task={"step": "adm_u2"})
    filled = bound(specs["admission.qualification_review"], judged(review(title_result="符合"), pack), context)
    assert ("title_result", "E_READONLY") in [(no.path, no.code) for no in filled.rejected]
    assert filled.values["title_result"] == "不符合(等级)"


def test_declaring_a_conflict_leaves_nothing_else_to_fill_in(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    context = house(pack, ruling=RULINGS[0], task={"step": "adm_u2"})
    posted = {"conflict_declared": ["是"], "conflict_reason": ["与申请人是三代以内旁系血亲"]}
    filled = bound(specs["admission.qualification_review"], posted, context)
    assert filled.ok and filled.values == {name: texts[0] for name, texts in posted.items()}


def test_uploads_go_only_where_the_page_offers_a_place(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    spec = specs["admission.application"]
    taken: list[str] = []

    def store(stream: Any, name: str, path: str) -> Any:
        taken.append(path)
        return PROOF

    def send() -> list[build.Upload]:
        return [build.Upload("x.pdf", io.BytesIO(b"%PDF"))]

    context = house(pack, task={"returned": ["achievements"]})
    saved = bound(spec, application(), house(pack)).values
    posted = {name: texts for name, texts in application().items() if name.startswith("achievements.")}
    filled = bound(
        spec, posted | {"truth_commitment": ["true"]}, context, base=build.initial(spec, context, now=NOW, saved=saved),
        uploads={"photo": send(), "achievements.0.evidence": send(), "virus": send(), "full_name": send()}, store=store,
    )  # fmt: skip
    assert taken == ["achievements.0.evidence"]
    assert {(no.path, no.code) for no in filled.rejected} == {
        ("photo", "E_READONLY"), ("virus", "E_UNDECLARED"), ("full_name", "E_UNDECLARED"),
    }  # fmt: skip


def test_every_hidden_field_of_every_form_is_refused(specs: Mapping[str, FormSpec], pack: Pack) -> None:
    """The same, without knowing any form: whatever hides for an empty form cannot be posted into it."""
    seen = 0
    for spec in specs.values():
        context = house(pack, ruling=RULINGS[0], task={"step": "adm_u2"})
        for node in bound(spec, {}, context, judge=False).state.fields():
            if node.visible or not isinstance(node.item, Field) or node.item.kind == "computed":
                continue
            filled = bound(spec, {dotted(node.path): ["甲"]}, context)
            now_shows = filled.state.at(node.path)
            if now_shows is not None and now_shows.visible:
                continue
            assert filled.rejected and not filled.ok, f"{spec.id} {node.path}"
            seen += 1
    assert seen > 10
