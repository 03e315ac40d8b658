"""Every diagram passes bpmnlint 11 with its recommended rules, warnings counted as errors (tests/diagrams/bpmnlint.json).

One rule is left out where it says nothing: ``fake-join`` asks for a gateway where several flows enter a task or an end,
lest two tokens arrive there. In a diagram that has only one token, such flows are alternatives, the exclusive merge of
BPMN 2.0.2, 10.2.1, and the gateways would only fill the page, which must fit A3. A diagram in which two tokens can
meet (a parallel or inclusive gateway, several unconditional flows out of one step, a boundary event that does not
interrupt and whose way comes back to the others) is linted with all rules.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import dev
from tests.workflows.engine.drawing import begin, boundary, diagram, end, flows, fork, user
from workflows import deployment, engine

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).with_name("bpmnlint.json")
DIAGRAMS = sorted([*(ROOT / "bpmn").rglob("*.bpmn"), *(ROOT / "tests").rglob("*.bpmn")])


def lint(file: Path, rules: Path) -> subprocess.CompletedProcess[str]:
    """bpmnlint as one calls it by hand."""
    (node,) = (dev.system_node() or dev.packaged_node())[0]
    program = ROOT / "node_modules" / "bpmnlint" / "bin" / "bpmnlint.js"
    command = [node, str(program), "--config", str(rules), "--max-warnings", "0", file.as_posix()]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def has_one_token(drawn: engine.Diagram) -> bool:
    """Whether two tokens can nowhere meet: there is only one, or the second keeps to a way of its own."""
    for step in drawn.steps.values():
        if step.kind in {"parallel", "inclusive"}:
            return False
        if not step.interrupting and not goes_alone(drawn, step.id):
            return False
        if step.kind not in {"exclusive", "event_gateway"} and len(drawn.leaving(step.id)) > 1:
            return False
    return True


def goes_alone(drawn: engine.Diagram, beginning: str) -> bool:
    """Whether what follows a step is reached from it only."""
    behind, ahead = set[str](), [beginning]
    while ahead:
        step = ahead.pop()
        if step not in behind:
            behind.add(step)
            ahead += [flow.target for flow in drawn.leaving(step)]
    return all(flow.source in behind for flow in drawn.flows if flow.target in behind - {beginning})


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in DIAGRAMS])
def test_a_diagram_passes_the_stated_rules(file: Path, tmp_path: Path) -> None:
    rules = json.loads(RULES.read_text(encoding="utf-8"))
    read = engine.read(file.read_bytes(), file=file.name, names=deployment.HOUSE_NAMES)
    if all(has_one_token(drawn) for drawn in read):
        rules["rules"] = {"fake-join": "off"}
    chosen = tmp_path / "rules.json"
    chosen.write_text(json.dumps(rules), encoding="utf-8")
    done = lint(file, chosen)
    assert done.returncode == 0 and not done.stdout.strip() and not done.stderr.strip(), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("defect", "found"),
    [
        (('name="资格审查"', 'name=""'), "label-required"),
        (('sourceRef="adm_g1" targetRef="adm_u1b"', 'sourceRef="adm_g1" targetRef="adm_b2"'), "no-implicit-start"),
    ],
    ids=["no name", "no way in"],
)
def test_the_linter_finds_a_defect(defect: tuple[str, str], found: str, root: Path, tmp_path: Path) -> None:
    good = (root / "bpmn/admission/admission.bpmn").read_text(encoding="utf-8")
    assert defect[0] in good
    file = tmp_path / "bad.bpmn"
    file.write_text(good.replace(*defect).replace("<bpmn:incoming>adm_f09</bpmn:incoming>", ""), encoding="utf-8")
    done = lint(file, RULES)
    assert done.returncode == 1 and found in done.stdout, done.stdout + done.stderr


def test_where_two_tokens_can_meet_no_rule_is_left_out() -> None:
    straight = begin() + user("a") + end()
    assert has_one_token(diagram(straight, flows("s a e")))
    assert not has_one_token(diagram(straight, fork("f"), user("b"), flows("s f a e", "f b e")))
    assert not has_one_token(diagram(straight, boundary("b", "a", "P1D", cancel=False), flows("s a e", "b e")))
    assert not has_one_token(diagram(straight, user("b"), flows("s a e", "s b e")))


def test_a_way_of_its_own_meets_nobody() -> None:
    drawn = begin() + user("a") + end() + boundary("b", "a", "P1D", cancel=False) + end("x")
    assert has_one_token(diagram(drawn, flows("s a e", "b x")))
