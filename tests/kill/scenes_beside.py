"""Acts beside deciding: urging, grades, copies, remarks, follow-up days, kept filters. Entered among the other scenes."""

from __future__ import annotations

from tests.kill.acts import Act, Once
from tests.kill.scenes import LIAONING, WHY, _reviewed, scene
from tests.office import Office
from workflows import copies, follow_ups, remarks, saved_filters, urging
from workflows.access import office_day
from workflows.errors import AlreadyCopied, NotFound, UrgedTooSoon


@scene("urge", urging.urge)
def _urge(office: Office) -> Act:
    case = _reviewed(office)
    return Once(urging.urge, (case.applicant.viewer, case.task("adm_u2").number, "已过三天"), office.at, (UrgedTooSoon,))


@scene("prioritise", urging.prioritise)
def _prioritise(office: Office) -> Act:
    case = _reviewed(office)
    boss = office.viewer(LIAONING.bureau_head)
    return Once(urging.prioritise, (boss, case.task("adm_u2").number, "extra", WHY), office.at)


@scene("copy", copies.send)
def _copy(office: Office) -> Act:
    case, to = _reviewed(office), office.viewer("sy.trimeeting")
    sent = (office.viewer(LIAONING.reviewer), case.number, [to.number], "请了解")
    return Once(copies.send, sent, office.at, (AlreadyCopied,))


@scene("read a copy", copies.mark_read)
def _read(office: Office) -> Act:
    case, to = _reviewed(office), office.viewer("sy.trimeeting")
    copies.send(office.db, office.viewer(LIAONING.reviewer), case.number, [to.number], "", at=office.at)
    return Once(copies.mark_read, (to, case.number), office.at)


@scene("remark", remarks.add)
def _remark(office: Office) -> Act:
    case = _reviewed(office)
    second = office.viewer(LIAONING.second_reviewer)
    return Once(remarks.add, (office.viewer(LIAONING.reviewer), case.number, f"请@{second.name}看第三页"), office.at)


@scene("follow up", follow_ups.follow_up)
def _follow_up(office: Office) -> Act:
    number = _reviewed(office).task("adm_u2").number
    return Once(follow_ups.follow_up, (office.viewer(LIAONING.reviewer), number, office_day(office.at)), office.at)


@scene("save a filter", saved_filters.save)
def _save(office: Office) -> Act:
    asked = (office.viewer(LIAONING.reviewer), "急件", {"grade": "urgent"})
    return Once(saved_filters.save, asked, office.at, more={"default": True})


@scene("remove a filter", saved_filters.remove)
def _remove(office: Office) -> Act:
    who = office.viewer(LIAONING.reviewer)
    saved_filters.save(office.db, who, "急件", {"grade": "urgent"}, at=office.at)
    return Once(saved_filters.remove, (who, "急件"), office.at, (NotFound,))
