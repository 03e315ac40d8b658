"""Our forms against form-js's own viewer, in a real browser on random data: the same fields show, the same are read-only,
the same have errors, the same values are computed.

What form-js does not know is ours alone and compared by its own tests (tests/forms): texts that are no value of their
kind (it drops them silently), choices outside the options, the identity number's checksum, types and sizes of files,
numbers of rows, ``required_when``, the ``rule`` properties, and all judging of read-only fields (the viewer judges what
nobody can change). Both sides get trimmed texts: the viewer trims for lengths only. Prefilled values come from the
server and are given to the viewer as data; passages of help are not compared, since they call the house's functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from forms import build, messages
from forms.build import Bound
from forms.spec import Field, FormSpec, Section, Table, dotted
from forms.state import Node
from tests.forms.papers import FIND, FORMS, NOW, RULINGS, Filler, house, read_form
from workflows import policies
from workflows.policies import Branch, Packs

BUNDLE = Path(__file__).parent / "dist" / "form_js.js"
#: Random fillings of each form for each place and situation.
CASES, MANY_CASES = 12, 250

#: Checks that both sides make: a field has one of these here exactly when the viewer finds an error.
SHARED = {
    kind[1]
    for kind in (
        messages.REQUIRED, messages.CHOOSE, messages.TICK, messages.UPLOAD, messages.LEAST, messages.MOST,
        messages.TOO_LONG, messages.TOO_SHORT, messages.DECIMALS, messages.WHOLE,
    )
}  # fmt: skip

#: Situations in which a step shows its form.
SITUATIONS: tuple[dict[str, Any], ...] = (
    {"ruling": RULINGS[0], "task": {"step": "adm_u2"}},
    {"ruling": RULINGS[1], "task": {"step": "adm_u6"}, "corrections": 2},
    {"ruling": RULINGS[0], "task": {"step": "adm_u3", "returned": ["birth_date", "achievements", "kinship_status"]}},
)

VIEWER = """
async ({schema, context, data, files}) => {
  const container = document.createElement('div');
  document.body.replaceChildren(container);
  const form = await FormJS.createForm({container, schema, data: context});
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await drawn(); // what is not drawn yet cannot take itself back when it is hidden
  for (const key of files) form.get('fileRegistry').setFiles(key, [new File(['x'], 'x.pdf')]);
  form._setState({data: {...form._getState().data, ...data}});
  await drawn();
  // The viewer computes one expression a change; a form is at rest when a change moves nothing any more.
  const expressions = form.get('formFieldRegistry').getAll().filter((field) => field.type === 'expression').length;
  for (let turn = 0, last = ''; turn < 40; turn++) {
    form.get('eventBus').fire('field.updated', {});
    form._setState({});
    await drawn();
    const now = JSON.stringify(form._getState().data);
    if (turn > expressions && now === last) break;
    last = now;
  }
  const errors = form.validate();
  await drawn();
  const at = (tree, path) => path.reduce((here, part) => (here == null ? undefined : here[part]), tree);
  const fields = {};
  for (const instance of form.get('formFieldInstanceRegistry').getAllKeyed()) {
    const field = form.get('formFieldRegistry').get(instance.id);
    const rows = Object.values(instance.indexes || {});
    const id = ['fjs-form', form._id, instance.id].join('-') + rows.map((row) => '_' + row).join('');
    const element = document.getElementById(id) || document.querySelector(`[id^="${id}-"]`);
    const box = element && element.closest('.fjs-form-field');
    const found = at(errors, [instance.id, ...rows]);
    fields[instance.valuePath.join('.')] = {
      error: Array.isArray(found) && found.length > 0 ? String(found[0]) : '',
      readonly: box ? box.classList.contains('fjs-readonly') : null,
      value: at(form._getState().data, instance.valuePath) ?? null,
      type: field.type,
    };
  }
  form.destroy();
  return fields;
}
"""


@pytest.fixture(scope="module")
def viewer(browser: Browser) -> Any:
    """A page that holds form-js."""
    assert BUNDLE.is_file(), "the bundle for this test is missing: node webapp/front/build.mjs --tests"
    page = browser.new_page(timezone_id="Asia/Shanghai", locale="zh-CN")
    page.set_content("<!doctype html><meta charset=utf-8><title>form-js</title><body></body>")
    page.add_script_tag(path=str(BUNDLE))
    yield page
    page.close()


@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_form_js_agrees(path: Path, viewer: Page, packs: Packs) -> None:
    """A few fillings of every form, in every situation, in both provinces."""
    assert compare(path, viewer, packs, CASES) > 15


@pytest.mark.long
@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_form_js_agrees_on_many(path: Path, viewer: Page, packs: Packs) -> None:
    """The same with many seeds."""
    assert compare(path, viewer, packs, MANY_CASES, first=1000) > 15


def compare(path: Path, viewer: Page, packs: Packs, cases: int, first: int = 0) -> int:
    """Compare ``cases`` random fillings; return how many field states were compared."""
    spec = read_form(path)
    schema = json.loads(path.read_bytes())
    compared = 0
    for seed in range(first, first + cases):
        situation = SITUATIONS[seed % len(SITUATIONS)]
        pack = packs["guangxi" if seed % 2 else "liaoning"].on(NOW.date())
        context = house(pack, application={"current_unit": "bh-hq-sch01", "teaching_history": TEACHING}, **situation)
        filler = Filler(seed)
        posted = filler.fill(spec, context)
        bound = build.bind(spec, posted, context=context, now=NOW, known=tuple(filler.files.values()), find=FIND)
        data, files = as_viewer_data(spec, bound)
        answer = viewer.evaluate(
            VIEWER, {"schema": schema, "context": as_json(context), "data": data, "files": files}
        )
        differences = list(disagreements(bound, answer))
        assert not differences, f"seed {seed} of {spec.id}: " + "; ".join(differences) + f"\nposted: {posted}"
        compared += len(answer)
    return compared


TEACHING = [{"start": "2010-09-01", "end": "2020-08-31", "unit": "一中", "unit_kind": "中小学", "duty": "课堂教学"}]


def disagreements(bound: Bound, answer: Mapping[str, Mapping[str, Any]]) -> Any:
    """Yield what the two sides say differently."""
    nodes = {dotted(node.path): node for node in bound.state.fields()}
    shown = {path for path, node in nodes.items() if node.visible}
    for path in sorted(shown ^ answer.keys()):
        yield f"{path} shows only {'here' if path in shown else 'in form-js'}"
    for path in sorted(shown & answer.keys()):
        node, there = nodes[path], answer[path]
        asked = node.item
        assert isinstance(asked, Field)
        if asked.kind == "computed":
            ours = node.value
            if not same_number(ours, there["value"], asked.limits.decimals):
                yield f"{path} is computed as {ours!r} here, {there['value']!r} in form-js"
            continue
        inherited = any(entry.readonly for entry in above(bound, path))
        if there["readonly"] is not None and not inherited and there["readonly"] != node.readonly:
            yield f"{path} is read-only only {'here' if node.readonly else 'in form-js'}"
        if not node.writable:
            continue
        ours_found = bound.errors_at(node.path)
        shared = [entry for entry in ours_found if is_shared(asked, entry.message)]
        if shared and not there["error"]:
            yield f"{path} is refused only here: {shared[0]}"
        if there["error"] and not ours_found:
            yield f"{path} is refused only in form-js: {there['error']}"


def is_shared(asked: Field, message: str) -> bool:
    """Whether form-js makes this check too."""
    if message in {messages.REQUIRED[1], messages.CHOOSE[1], messages.TICK[1], messages.UPLOAD[1]}:
        return asked.required
    if asked.limits.pattern and message in {asked.limits.pattern_message, messages.FORMAT[1]}:
        return True
    return message in SHARED


def above(bound: Bound, path: str) -> list[Node]:
    """The tables around a field: a read-only table makes its rows read-only here, while form-js greys its buttons only."""
    return [
        node for node in bound.state.walk()
        if isinstance(node.item, Table) and path.startswith(dotted(node.path) + ".")
    ]  # fmt: skip


def same_number(ours: Any, theirs: Any, decimals: int | None) -> bool:
    """Compare at the declared decimals; other values as they are."""
    if isinstance(ours, int | Decimal) and isinstance(theirs, int | float) and not isinstance(ours, bool):
        return round(Decimal(ours), decimals or 0) == round(Decimal(str(theirs)), decimals or 0)
    return bool(ours == theirs)


def as_viewer_data(spec: FormSpec, bound: Bound) -> tuple[dict[str, Any], list[str]]:
    """Return the values that were read, hidden ones too, as the viewer keeps them; and the keys of its files."""
    files: list[str] = []

    def convert(asked: Field, value: Any) -> Any:
        if asked.takes_files:
            if not value:
                return None
            files.append(f"files::{len(files)}")
            return files[-1]
        return None if asked.kind == "computed" else as_json(value)

    def tree(nodes: tuple[Node, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for node in nodes:
            match node.item:
                case Field() as asked:
                    data[asked.key] = convert(asked, node.value)
                case Table() as table:
                    data[table.key] = [tree(row) for row in node.rows]
                case Section(path=name) if name:
                    data[name] = tree(node.children)
                case Section():
                    data |= tree(node.children)
                case _:
                    pass
        return data

    return tree(bound.state.nodes), files


def as_json(value: Any) -> Any:
    """Write a value as JSON; functions of the house have none."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Branch() | dict():
            return {key: as_json(value[key]) for key in value if not callable(value[key])}
        case list() | tuple():
            return [as_json(entry) for entry in value]
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return value


@pytest.fixture(scope="module")
def packs() -> Packs:
    """The packs as deployed."""
    root = Path(__file__).resolve().parents[2]
    return policies.load({path.name: path.read_bytes() for path in (root / "bpmn" / "policies").glob("*.toml")})
