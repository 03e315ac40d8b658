"""Who may do a step: every rule that a diagram may write, what happens when nobody fits, and never the applicant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import accounts, assignments, deployment, people, unstaffed
from workflows.access import office_day
from workflows.audit import Kind
from workflows.errors import DefinitionRefused, Forbidden, NotAssignable, OwnCase, ReasonNeeded
from workflows.models import Membership

RULE = '=role("bureau_hr")'
WHY = "该环节无人可办，指派办理"
ADMIN = "ln.admin"


def redraw(office: Office, rule: str | None = RULE, assignee: str = "", **properties: str) -> None:
    """Deploy the admission with another rule for its review (adm_u2)."""
    tree = deployment.read_tree(composition.SOURCE)
    path = "bpmn/admission/admission.bpmn"
    head, mark, rest = tree[path].decode().partition('<bpmn:userTask id="adm_u2"')
    own, close, tail = rest.partition("</bpmn:userTask>")
    given = f"assignee='{assignee}'" if assignee else f"candidateGroups='{rule}'"
    assert f"candidateGroups='{RULE}'" in own
    more = "".join(f"<zeebe:property name=\"jiaoyan:{name.replace('_', '-')}\" value='{value}' />" for name, value in properties.items())
    own = own.replace(f"candidateGroups='{RULE}'", given).replace("<zeebe:properties>", f"<zeebe:properties>{more}")
    tree[path] = (head + mark + own + close + tail).encode()
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)


def reviewed_by(office: Office, place: Place, **applicant: Any) -> tuple[Case, list[str], dict[str, Any]]:
    """A case that waits for its review: who may do it, and why."""
    case = office.applicant(place.own_school, **applicant).applies().is_recommended()
    explanation = case.task("adm_u2").row().explanation
    return case, [one["name"] for one in explanation["result"]], explanation


def name(office: Office, sign_in: str) -> str:
    return office.viewer(sign_in).name


# --- rules ----------------------------------------------------------------------------------------------------------


def test_the_head_of_an_organisation_and_the_heads_above_it(office: Office, liaoning: Place) -> None:
    redraw(office, "=head of(instance.organisation)")
    case, who, why = reviewed_by(office, liaoning)
    assert who == [name(office, "sy.tri")]
    [step] = why["steps"]
    assert (step["rule"], step["role"], step["organisation"]["code"]) == ({"head": "ln-sy-tri"}, "tri_head", "ln-sy-tri")
    case.task("adm_u2").by("sy.tri").qualifies()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor_role, done.actor_org) == ("tri_head", "ln-sy-tri")

    redraw(office, "=heads above(instance.organisation, 2)")
    _, who, why = reviewed_by(office, liaoning, name="钟远")
    assert who[0] == name(office, liaoning.bureau_head) and [step["role"] for step in why["steps"]][0] == "bureau_head"
    redraw(office, "=heads above(instance.organisation)")
    _, who, _ = reviewed_by(office, liaoning, name="钟近")
    assert who == [name(office, liaoning.bureau_head)]


def test_the_members_of_an_organisation_as_they_are_today(office: Office, liaoning: Place) -> None:
    redraw(office, '=members of("ln-sy-tri")')
    case, who, _ = reviewed_by(office, liaoning)
    assert set(who) == {name(office, one) for one in ("sy.tri", "sy.trioffice", "sy.trimeeting")}
    newcomer = case.applicant  # who is excluded, whatever they become
    people.grant(office.db, SETTING_UP, newcomer.viewer.number, "ln-sy-tri", "tri_office", date(2026, 1, 1), at=office.at)
    people.grant(office.db, SETTING_UP, office.viewer("sy.exam1").number, "ln-sy-tri", "tri_office", date(2026, 1, 1), at=office.at)
    hand = case.task("adm_u2").by("sy.exam1")
    filled = hand.fills(hand.conclusion("合格"))
    with pytest.raises(OwnCase):
        case.task("adm_u2").by(newcomer.teacher["phone"]).sends(filled)


def test_people_by_number_and_a_list_of_rules(office: Office, liaoning: Place) -> None:
    clerk = office.viewer("sy.clerk").number
    redraw(office, f'=[role("bureau_hr"), {{person: "{clerk}"}}, head of(instance.bureau)]')
    _, who, why = reviewed_by(office, liaoning)
    assert set(who) == {name(office, one) for one in (liaoning.reviewer, liaoning.second_reviewer, "sy.clerk", liaoning.bureau_head)}
    assert len(why["steps"]) == 3, "each rule with its own candidates"


def test_whoever_the_applicant_names_does_it_but_never_the_applicant(office: Office, liaoning: Place) -> None:
    redraw(office, assignee="=application.phone")  # a field that holds no person's number
    case, who, why = reviewed_by(office, liaoning)
    assert who == [] and case.task("adm_u2").row().holder_id is None
    assert why["steps"][0]["candidates"] == [], "nobody has that number: it waits, nothing fails"
    redraw(office, assignee="=instance.starter")
    case, who, _ = reviewed_by(office, liaoning, name="钟自己")
    assert who == [] and case.task("adm_u2").row().holder_id is None, "an applicant who is to review their own case does not"
    own, sent = case.task("adm_u2").by(case.applicant.teacher["phone"]), office.applicant(liaoning.own_school, name="钟别人").fills()
    with pytest.raises(OwnCase):
        own.sends(sent)


# --- nobody fits ----------------------------------------------------------------------------------------------------


def vacate(office: Office, *sign_ins: str) -> None:
    """The roles of some people ended yesterday."""
    for sign_in in sign_ins:
        with office.db.read() as session:
            ids = list(session.execute(
                select(Membership.id).where(Membership.person_id == office.viewer(sign_in).person_id, Membership.to_on.is_(None))
            ).scalars())
        for one in ids:
            people.revoke(office.db, SETTING_UP, one, office_day(office.at) - timedelta(days=1), at=office.at)


def test_when_nobody_fits_the_diagram_says_who_does_it(office: Office, liaoning: Place) -> None:
    redraw(office, if_nobody='=role("bureau_head")')
    _, who, why = reviewed_by(office, liaoning, name="钟有人")
    assert set(who) == {name(office, liaoning.reviewer), name(office, liaoning.second_reviewer)}
    vacate(office, liaoning.reviewer, liaoning.second_reviewer)
    case, who, why = reviewed_by(office, liaoning)
    assert who == [name(office, liaoning.bureau_head)]
    assert [step.get("instead") for step in why["steps"]] == [None, "nobody"]
    assert "task_opened" in [kind for kind, _ in case.told(name(office, liaoning.bureau_head))]
    case.task("adm_u2").by(liaoning.bureau_head).qualifies()
    assert case.events(Kind.TASK_COMPLETED)[-1].actor_role == "bureau_head"


def test_when_only_the_applicant_fits_their_superior_does_it(office: Office, liaoning: Place) -> None:
    redraw(office, if_own="superior", if_nobody='=role("exam_office")')
    vacate(office, liaoning.reviewer, liaoning.second_reviewer)
    phone = office.applicant(liaoning.own_school)
    people.grant(office.db, SETTING_UP, phone.viewer.number, "ln-sy", "bureau_hr", date(2026, 1, 1), at=office.at)
    case = phone.applies().is_recommended()
    why = case.task("adm_u2").row().explanation
    assert [one["name"] for one in why["result"]] == [name(office, "ln.head")]
    assert why["steps"][-1]["instead"] == "own"
    own, sent = case.task("adm_u2").by(phone.teacher["phone"]), office.applicant(liaoning.own_school, name="钟别人").fills()
    with pytest.raises(OwnCase):
        own.sends(sent)


def test_without_a_word_in_the_diagram_it_waits_for_an_administrator_who_assigns_it(office: Office, liaoning: Place) -> None:
    vacate(office, liaoning.reviewer, liaoning.second_reviewer)
    case, who, _ = reviewed_by(office, liaoning)
    admin, clerk = office.viewer(ADMIN), office.viewer("sy.clerk")
    assert who == []
    case.waits_at("adm_u2")
    assert "nobody_fits" in [kind for kind, _ in case.told(admin.name)]
    with office.db.read() as session:
        [row] = unstaffed.waiting(session, admin).rows
        assert (row.instance_number, row.step_name) == (case.number, "资格审查")
        with pytest.raises(Forbidden):
            unstaffed.waiting(session, office.viewer(liaoning.bureau_head))
    number = case.task("adm_u2").number
    with recorded(office, (f"instance:{case.number}", Kind.TASK_ASSIGNED)):
        unstaffed.assign(office.db, admin, number, clerk.number, WHY, at=office.at)
    assert case.task("adm_u2").row().holder_id == clerk.person_id
    assert "task_assigned" in [kind for kind, _ in case.told(clerk.name)]
    with office.db.read() as session:
        assert unstaffed.waiting(session, admin).rows == []
    case.task("adm_u2").by("sy.clerk").qualifies()
    case.is_qualified()
    office.check_record()


def test_an_administrator_takes_nothing_from_those_who_may_do_it(office: Office, liaoning: Place) -> None:
    case, *_ = reviewed_by(office, liaoning)
    admin, clerk, number = office.viewer(ADMIN), office.viewer("sy.clerk"), case.task("adm_u2").number

    def refused(to: str, error: type[Exception] = NotAssignable, reason: str = WHY, who: str = ADMIN) -> Any:
        with recorded(office), pytest.raises(error) as found:
            unstaffed.assign(office.db, office.viewer(who), number, to, reason, at=office.at)
        return getattr(found.value, "params", {}).get("why")

    assert refused(clerk.number) == unstaffed.SOMEBODY_MAY
    assignments.claim(office.db, office.viewer(liaoning.reviewer), number, at=office.at)
    assert refused(clerk.number) == unstaffed.SOMEBODY_MAY
    accounts.disable_account(office.db, SETTING_UP, office.viewer(liaoning.reviewer).number, at=office.at)
    assert refused(case.applicant.viewer.number) == unstaffed.OWN_CASE, "whose holder can no longer sign in"
    assert refused(admin.number) == unstaffed.NO_ROLE
    assert refused(office.viewer(liaoning.own_head).number) is not None, "who recommended the applicant"
    refused(clerk.number, ReasonNeeded, "无")
    refused(clerk.number, Forbidden, who=liaoning.bureau_head)
    unstaffed.assign(office.db, admin, number, clerk.number, WHY, at=office.at)
    assert case.task("adm_u2").row().holder_id == clerk.person_id


@pytest.mark.parametrize("properties", [
    {"if_nobody": "bureau_head"}, {"if_own": "inferior"}, {"if_nobody": "=role(nobody)"},
])  # fmt: skip
def test_what_the_diagram_says_of_it_is_checked_when_it_is_deployed(office: Office, properties: dict[str, str]) -> None:
    with pytest.raises(DefinitionRefused):
        redraw(office, **properties)
