"""登记事项, the verb: given once whoever sends at one moment, kept when a step behind it fails, never ahead of its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.appointing import Path as Way
from tests.appointing import path
from tests.factories import SETTING_UP
from tests.office import Office, Place
from tests.workflows.test_incidents import Broken
from tests.workflows.test_races import race
from webapp import composition
from webapp.demo import papers
from workflows import control, deployment, reporting, retries
from workflows.audit import Kind
from workflows.errors import CaseFailed, InstanceEnded, InstanceSuspended, NotFound
from workflows.models import Incident, Submission
from workflows.transitions import Moved

WAY = '<bpmn:sequenceFlow id="adm_f67" sourceRef="adm_bm2" targetRef="adm_e2" />'
LONGER = (
    '<bpmn:serviceTask id="noted" name="记下"><bpmn:extensionElements><zeebe:taskDefinition type="admission.issue_number" />'
    '</bpmn:extensionElements><bpmn:incoming>adm_f67</bpmn:incoming><bpmn:outgoing>f_noted</bpmn:outgoing></bpmn:serviceTask>'
    '<bpmn:sequenceFlow id="adm_f67" sourceRef="adm_bm2" targetRef="noted" />'
    '<bpmn:sequenceFlow id="f_noted" sourceRef="noted" targetRef="adm_e2" />'
)


@pytest.fixture
def way(office: Office, liaoning: Place, root: Path) -> Way:
    """An application in its publicity period; behind the report stands an automatic step."""
    tree = deployment.read_tree(root)
    drawn = tree["bpmn/admission/admission.bpmn"].decode()
    assert WAY in drawn
    tree["bpmn/admission/admission.bpmn"] = drawn.replace(WAY, LONGER).replace(
        "<bpmn:incoming>adm_f67</bpmn:incoming></bpmn:endEvent>", "<bpmn:incoming>f_noted</bpmn:incoming></bpmn:endEvent>"
    ).encode()
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    return path(office, liaoning).comes_to_inspection().is_inspected().is_decided().is_published()


def filled(way: Way) -> Any:
    """An objection, filled in and not sent."""
    viewer = way.office.viewer(way.place.reviewer)
    with way.office.db.read() as session:
        request = reporting.report_form(session, viewer, way.case.number, "adm_bm2", way.office.at)
    return way.office.fill(request, viewer, lambda folder, had: papers.objection(folder))


def test_a_report_behind_which_a_step_fails_is_kept_and_given_once(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sent = Broken(monkeypatch), filled(way)
    with pytest.raises(CaseFailed) as failed:
        way.enters(sent)
    assert failed.value.params["number"] == way.case.number and not way.case.events(Kind.MATTER_REPORTED)
    way.office.at += timedelta(minutes=1)
    assert retries.retry_due(way.office.db, at=way.office.at) == 0
    broken.works = True
    way.office.at += timedelta(minutes=10)
    assert retries.retry_due(way.office.db, at=way.office.at) == 1
    with way.office.db.read() as session:
        assert session.execute(select(Incident.status)).scalars().all() == ["resolved"]
        assert session.execute(select(func.count()).where(Submission.token == sent.token)).scalar_one() == 1
    [event] = way.case.events(Kind.MATTER_REPORTED)
    assert event.actor == way.office.viewer(way.place.reviewer).number
    assert way.enters(sent).repeated
    way.office.check_record()


def test_an_objection_that_failed_to_be_entered_is_not_overtaken_by_the_end_of_the_period(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sent = Broken(monkeypatch), filled(way)
    with pytest.raises(CaseFailed):
        way.enters(sent)
    way.office.time_is(way.until() + timedelta(hours=1))
    way.case.waits_at()
    broken.works = True
    with way.office.db.read() as session:
        number = session.execute(select(Incident.number)).scalar_one()
    assert retries.retry(way.office.db, way.office.viewer("ln.admin"), number, at=way.office.at) == "resolved"
    way.office.time_is(way.office.at + timedelta(minutes=1))
    way.publicity_ends().case.waits_at("adm_u10")


@pytest.mark.parametrize("order", ["together", "first", "second"])
def test_one_report_sent_twice_at_one_moment_is_one(way: Way, order: str) -> None:
    sent, viewer = filled(way), way.office.viewer(way.place.reviewer)
    acts = [
        lambda db: reporting.report(db, viewer, way.case.number, "adm_bm2", sent, at=way.office.at) for _ in range(2)
    ]
    for result in race(way.office, *acts, order=order):
        assert isinstance(result, Moved), result
    assert len(way.case.events(Kind.MATTER_REPORTED)) == 1
    way.office.check_record()


def test_a_case_that_stands_still_or_is_over_takes_no_report(way: Way, liaoning: Place) -> None:
    sent, boss = filled(way), way.office.viewer(liaoning.bureau_head)
    control.suspend(way.office.db, boss, way.case.number, "等待上级部门核实情况", at=way.office.at)
    with pytest.raises(InstanceSuspended):
        way.enters(sent)
    control.resume(way.office.db, boss, way.case.number, at=way.office.at)
    way.enters(sent)
    control.cancel(way.office.db, boss, way.case.number, "经研究终止本次办理", at=way.office.at)
    with pytest.raises(InstanceEnded):
        way.objects()


def test_a_step_that_takes_no_report_and_a_case_of_another_bureau_are_not_found(way: Way) -> None:
    for sign_in, step in ((way.place.reviewer, "adm_u9"), ("nn.hr1", "adm_bm2")):
        with way.office.db.read() as session, pytest.raises(NotFound):
            reporting.report_form(session, way.office.viewer(sign_in), way.case.number, step, way.office.at)
