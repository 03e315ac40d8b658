"""What the benchmarks of many cases work on: a database with many people, and a small process that each of them gets.

``annual`` 年度研修: a task for the person it was started for, with a deadline drawn as an interrupting timer of three days.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import insert

from workflows import deployment, migrations
from workflows.audit import Actor, ActorKind
from workflows.bulk import Selection
from workflows.db import Database
from workflows.models import Membership, Organisation, Person, table
from workflows.models import Office as OfficeRow

AT = datetime(2026, 11, 2, 1, tzinfo=UTC)
OPERATOR = Actor(ActorKind.ADMINISTRATOR, "console")
#: Everybody below the province.
EVERYBODY = Selection("annual", "applicant", "bench")
_SINCE = date(2024, 1, 1)

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="annual_definitions" targetNamespace="annual">
  <bpmn:process id="annual" name="年度研修" isExecutable="true">
    <bpmn:extensionElements><zeebe:properties>
      <zeebe:property name="jiaoyan:title" value='="年度研修 "+instance.number' />
    </zeebe:properties></bpmn:extensionElements>
    <bpmn:startEvent id="s" name="发起" />
    <bpmn:userTask id="report" name="填报研修情况"><bpmn:extensionElements>
      <zeebe:formDefinition formId="annual.report" /><zeebe:assignmentDefinition assignee="=instance.starter" />
    </bpmn:extensionElements></bpmn:userTask>
    <bpmn:boundaryEvent id="lapse" name="逾期" attachedToRef="report" cancelActivity="true">
      <bpmn:timerEventDefinition id="lapse_in">
        <bpmn:timeDuration xsi:type="bpmn:tFormalExpression">P3D</bpmn:timeDuration>
      </bpmn:timerEventDefinition>
    </bpmn:boundaryEvent>
    <bpmn:endEvent id="reported" name="已填报" />
    <bpmn:endEvent id="lapsed" name="逾期未报" />
    <bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="report" />
    <bpmn:sequenceFlow id="f2" sourceRef="report" targetRef="reported" />
    <bpmn:sequenceFlow id="f3" sourceRef="lapse" targetRef="lapsed" />
  </bpmn:process>
</bpmn:definitions>
"""
FORM = b"""{"id": "annual.report", "type": "default", "schemaVersion": 19, "executionPlatform": "Camunda Cloud",
 "executionPlatformVersion": "8.8.0", "properties": {"name": "annual", "documentation": "benchmark"},
 "components": [{"type": "textfield", "key": "hours", "label": "hours", "id": "f_hours", "validate": {"maxLength": 20},
 "layout": {"row": "Row_1", "columns": null}}]}
"""
FILES = {"bpmn/annual/annual.bpmn": DIAGRAM.encode(), "forms/library/annual/report.json": FORM}


@contextmanager
def office(people: int, *, groups: int = 20, synchronous: str = "NORMAL") -> Iterator[Database]:
    """A database on SQLite with the process deployed, and people of ``bench-0``, ``bench-1`` … below ``bench``."""
    from webapp import composition  # puts everything together, and is above what is measured

    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/bench.sqlite3", synchronous=synchronous)
        migrations.upgrade(db)
        tree = deployment.read_tree(Path(composition.SOURCE)) | FILES
        with db.write() as session:
            session.add(OfficeRow(id=1, demo=False, created_at=AT))
        deployment.deploy(db, OPERATOR, tree, composition.check_form, at=AT)
        _populate(db, people, groups)
        yield db
        db.close()


def _populate(db: Database, people: int, groups: int) -> None:
    with db.write() as session:
        write = session.connection().execute
        place = {"org_type": "tri", "place": "liaoning", "from_on": _SINCE}
        write(insert(table(Organisation)), [
            {"id": 1, "code": "bench", "name": "bench", "level": "province", "parent_id": None, **place},
            *({"id": 2 + n, "code": f"bench-{n}", "name": f"bench {n}", "level": "county", "parent_id": 1, **place}
              for n in range(groups)),
        ])
        write(insert(table(Person)), [
            {"id": n, "number": f"P{n:07d}", "name": f"P{n}", "created_at": AT} for n in range(1, people + 1)
        ])
        write(insert(table(Membership)), [
            {"person_id": n, "organisation_id": 2 + n % groups, "role": "applicant", "from_on": _SINCE, "to_on": None,
             "begun_by_event": "bench"}
            for n in range(1, people + 1)
        ])
