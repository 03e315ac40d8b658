"""Rules have a day and a place: what decides, and what a case keeps when newer definitions and rules come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories import SETTING_UP
from tests.office import Case, Office, Place, open_round
from webapp import composition
from workflows import deployment
from workflows.audit import Kind
from workflows.errors import DefinitionRefused, InputRejected


def _ruling(office: Office, case: Case) -> dict[str, Any]:
    """The newest ruling of ADM-B2, from the record."""
    answers = [
        one["answer"] for event in case.events() for one in office.payload(event).get("rulings", ())
        if one["decision"] == "ADM-B2"
    ]  # fmt: skip
    found: dict[str, Any] = answers[-1]
    return found


def _reviewed(office: Office, place: Place, since: str) -> Case:
    return office.applicant(place.own_school, since=since).applies().is_recommended()


@pytest.mark.parametrize(("since", "months"), [("2020-12-05", 72), ("2020-12-06", 71)])
def test_seventy_two_months_are_six_years_and_seventy_one_are_not(
    office: Office, place: Place, since: str, months: int
) -> None:
    """LN 12(4), GX 13: counted in whole months to the closing day of the round (I3)."""
    case = _reviewed(office, place, since)
    ruling = _ruling(office, case)
    assert ruling["outputs"]["months_any"] == ruling["outputs"]["months_frontline"] == months
    reviewing = case.task("adm_u2").by(place.reviewer)
    if months == 72:
        reviewing.qualifies()
        case.is_qualified()
    else:
        assert ruling["outputs"]["failed"] == ["教学经历"]
        with pytest.raises(InputRejected):
            reviewing.qualifies()
        reviewing.refuses()
        assert "教学经历" in case.told("林书豪")[-1][1]["reasons"]


def test_years_at_a_training_institute_count_in_liaoning_and_not_in_guangxi(office: Office, place: Place) -> None:
    """LN 12(4) counts any teaching, GX 13 only front-line teaching (I4)."""
    applicant = office.applicant(place.own_school, history=[
        ["2012-09-01", "2022-08-31", "进修学院", "教师培训机构", "课堂教学"],
        ["2022-09-01", "", "本校", "中小学", "课堂教学"],
    ])  # fmt: skip
    case = applicant.applies().is_recommended()
    failed = _ruling(office, case)["outputs"]["failed"]
    assert failed == {"liaoning": [], "guangxi": ["教学经历"]}[place.key]


def test_a_ruling_is_kept_whole_with_its_reasons_and_the_rules_it_was_given_under(office: Office, place: Place) -> None:
    case = _reviewed(office, place, "2020-12-06")
    ruling = _ruling(office, case)
    assert ruling["place"] == place.key and len(ruling["pack"]) == 64 and ruling["on"] == "2026-11-02"
    assert {rule["table"] for rule in ruling["rules"]} >= {"DT-ADM-01", "DT-ADM-02"}
    assert all(reason["clause"] for reason in ruling["reasons"])
    assert ruling["inputs"]["teaching_history"][0]["start"] == "2020-12-06"


# --- newer versions -------------------------------------------------------------------------------------------------


def _deploy_changed(office: Office, root: Path) -> None:
    """Deploy a diagram whose review step has another name, and rules that ask for ten years."""
    tree = deployment.read_tree(root)
    tree["bpmn/admission/admission.bpmn"] = _put(tree["bpmn/admission/admission.bpmn"], '"资格审查"', '"资格审核"')
    for path in ("bpmn/policies/liaoning.toml", "bpmn/policies/guangxi.toml"):
        tree[path] = _put(tree[path], 'value = 72\nunit = "月"', 'value = 120\nunit = "月"')
    done = deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    assert [process for process, _version, new in done.definitions if new] == ["admission"]


def _put(raw: bytes, old: str, new: str) -> bytes:
    text = raw.decode()
    assert old in text, f"{old} is not in the file"
    return text.replace(old, new).encode()


def test_a_running_case_keeps_its_diagram_and_rules_when_newer_ones_come(
    office: Office, place: Place, root: Path
) -> None:
    case = office.applicant(place.own_school, since="2018-09-01").applies()
    before = (case.row().definition, case.row().pack_set)
    _deploy_changed(office, root)
    case.is_recommended()
    waiting = case.task("adm_u2")
    assert waiting.row().name == "资格审查"
    waiting.by(place.reviewer).qualifies()
    case.is_qualified()
    assert (case.row().definition, case.row().pack_set) == before


def test_two_applicants_of_one_round_are_judged_alike_whatever_is_deployed_between(
    office: Office, place: Place, root: Path
) -> None:
    first = office.applicant(place.own_school, since="2018-09-01").applies().is_recommended()
    _deploy_changed(office, root)
    second = office.applicant(place.own_school, since="2018-09-01").applies().is_recommended()
    rulings = [_ruling(office, case) for case in (first, second)]
    for ruling in rulings:
        assert ruling["outputs"]["failed"] == []
    assert rulings[0] == rulings[1]


def test_a_new_round_uses_the_new_rules(office: Office, place: Place, root: Path) -> None:
    _deploy_changed(office, root)
    open_round(office.db, place.key, at=office.at)
    case = office.applicant(place.own_school, since="2018-09-01").applies().is_recommended()
    assert case.task("adm_u2").row().name == "资格审核"
    assert _ruling(office, case)["outputs"]["failed"] == ["教学经历"]


def test_the_same_files_are_the_same_version(office: Office, root: Path) -> None:
    done = deployment.deploy(office.db, SETTING_UP, deployment.read_tree(root), composition.check_form, at=office.at)
    assert {new for *_, new in done.definitions} == {False} and not done.pack_set_is_new


def test_one_bad_file_stops_a_deployment_whole(office: Office, root: Path) -> None:
    tree = deployment.read_tree(root)
    tree["bpmn/admission/admission.bpmn"] = _put(
        tree["bpmn/admission/admission.bpmn"],
        '=qualification_review.qualification = "合格"',
        "=qualification_review. = 1",
    )
    tree["bpmn/policies/liaoning.toml"] = _put(tree["bpmn/policies/liaoning.toml"], "value = 72", "value = 60")
    before = office.events("office:definitions")
    with pytest.raises(DefinitionRefused) as refused:
        deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    problems = refused.value.problems
    assert {(one.file, one.element) for one in problems} == {("bpmn/admission/admission.bpmn", "adm_f13")}
    assert all(one.line for one in problems)
    assert len(office.events("office:definitions")) == len(before)


def test_a_deployment_is_recorded_with_every_file(office: Office, root: Path) -> None:
    events = [(event.kind, office.payload(event)) for event in office.events("office:definitions")]
    # One event a definition: a round's and an application's, each with the files of the process.
    deployed = {path for kind, told in events if kind == Kind.DEFINITION_DEPLOYED for path in told["files"]}
    assert "bpmn/admission/admission.bpmn" in deployed and "forms/library/admission/application.json" in deployed
    packs = next(told for kind, told in events if kind == Kind.PACK_DEPLOYED)["files"]
    # Tables in a folder without a diagram stand with the packs; those beside one belong to its definition.
    assert {"bpmn/policies/national.toml", "bpmn/exit/grounds.dmn"} <= set(packs)
    assert all(path.startswith("bpmn/policies/") or path.endswith(".dmn") for path in packs)
    assert not any(path.startswith("bpmn/admission/") for path in packs) and not set(packs) & set(deployed)
