"""What a form shows and who may change it: each question asked once a pass, each row for itself."""

from __future__ import annotations

from typing import Any

from forms import build
from forms.spec import Field, FormSpec, Table
from tests.forms.papers import NOW, ROOT, application, bound, house, read_form
from workflows import feel
from workflows.policies import Pack


def _form(*items: Field | Table) -> FormSpec:
    return FormSpec("trial.paper", "试验", items, "sha256:0")


def _field(key: str, **more: Any) -> Field:
    return Field(key, key, "text", "textfield", key, **more)


def _bound(spec: FormSpec, typed: dict[str, str], **context: Any) -> build.Bound:
    return build.bind(spec, {name: [text] for name, text in typed.items()}, context=context, now=NOW)


def test_the_same_words_mean_each_row_for_itself() -> None:
    hide = feel.compile('this.kind = "甲"')
    table = Table("rows", "rows", "行", items=(_field("kind"), _field("left", hide=hide), _field("right", hide=hide)))
    filled = _bound(_form(table), {"rows.0.kind": "甲", "rows.1.kind": "乙"})
    assert [[node.visible for node in row] for row in filled.state.nodes[0].rows] == [[True, False, False], [True] * 3]


def test_a_name_inside_a_filter_is_the_rows_own() -> None:
    hide = feel.compile('count([{"mark": 1}][mark = 1 and this.kind = "甲"]) > 0')
    table = Table("rows", "rows", "行", items=(_field("kind"), _field("left", hide=hide)))
    filled = _bound(_form(table), {"rows.0.kind": "甲", "rows.1.kind": "乙"})
    assert [row[1].visible for row in filled.state.nodes[0].rows] == [False, True]


def test_what_was_typed_can_take_a_right_away_and_so_can_what_was_put_back() -> None:
    spec = _form(
        _field("lock"), _field("first", readonly=feel.compile('lock = "是"')),
        _field("second", readonly=feel.compile('first = "原"')),
    )  # fmt: skip
    given = {name: ["改"] for name in ("first", "second")}
    locked = build.bind(
        spec, {"lock": ["是"], **given}, context={}, now=NOW, base={"lock": "", "first": "原", "second": "原"}
    )
    assert locked.values == {"lock": "是", "first": "原", "second": "原"}
    assert [one.path for one in locked.rejected] == ["first", "second"]
    free = build.bind(spec, {"lock": [""], **given}, context={}, now=NOW, base={"first": "原", "second": "原"})
    assert free.values == {"lock": "", "first": "改", "second": "改"} and free.ok


def test_the_wtforms_form_of_a_post_reads_as_the_post_does(pack: Pack) -> None:
    spec = read_form(ROOT / "forms" / "library" / "admission" / "application.json")
    filled = bound(spec, application(), house(pack), judge=False)
    for node in filled.state.fields():
        entry = filled.input(node.path)
        if node.writable and isinstance(node.item, Field) and node.item.kind not in {"organisation", "person"}:
            read = [one["sha256"] for one in node.value] if node.item.takes_files else node.value
            assert entry.data == read, node.path
