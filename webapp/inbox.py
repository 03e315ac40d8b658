"""The inbox: 待办 (mine and my group's), 待阅, 已办, 我发起的; each with its number, filters and a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from webapp.allowed import allowed
from webapp.moments import now
from webapp.office import office
from webapp.paging import page_number, words
from workflows import copies, forecast, inbox, returning, search
from workflows.access import Viewer
from workflows.people import COUNTED

pages = Blueprint("inbox", __name__, url_prefix="/inbox")

#: Tabs by the word in the address.
TABS = ("todo", "copies", "done", "started")


@pages.get("/")
@allowed("signed_in")
def index() -> Any:
    """One tab of the inbox; as it is opened, narrowed to what the person keeps as their default."""
    viewer: Viewer = g.viewer
    at = now()
    tab = request.args.get("tab", "todo")
    tab = tab if tab in TABS else "todo"
    whose = request.args.get("whose", "")
    given = inbox.Filter(
        process_id=words("process"), place=words("place"), step_id=words("step"), text=words("q"),
        whose=whose if tab == "todo" and whose in {"mine", "group", "asked", "lent"} else "",
        grade="urgent" if tab == "todo" and words("grade") == "urgent" else "",
        follow=words("follow") if tab == "todo" and words("follow") in {"due", "any"} else "",
    )  # fmt: skip
    narrowed = given != inbox.Filter() or (tab == "copies" and words("read") == "no")
    expected: dict[str, forecast.Forecast] = {}
    unread, takeable = False, frozenset[str]()
    with office().db.read() as reading:
        counted = inbox.counts(reading, viewer, given=given, at=at) if narrowed or tab != "todo" else None
        if tab == "started":
            found = search.find(reading, viewer, search.Sought(own=True, text=given.text), at=at, page=page_number())
            expected = forecast.ends(reading, viewer, [row.number for row in found.rows if row.status == "running"], now())
        elif tab == "copies":
            unread = words("read") == "no"
            found = copies.to_read(reading, viewer, unread=unread, text=given.text, page=page_number())
        elif tab == "done":
            found = inbox.done(reading, viewer, given, counted=counted, page=page_number())
            takeable = returning.may_take_back(reading, viewer, [row.number for row in found.rows])
        else:
            found = inbox.todo(reading, viewer, given, counted=counted, page=page_number(), at=at)
        counts = counted or inbox.counts(reading, viewer, found if found.rows else None, at=at)
        choices = inbox.choices(reading, viewer, counts, tab=tab) if tab in {"todo", "done"} else None
    if not request.args:
        default: dict[str, Any] = next((dict(one.asked) for one in counts.filters if one.is_default), {})
        if default:
            return redirect(url_for(".index", tab="todo", **default))
    return render_template(
        "inbox/index.html",
        tab=tab,
        tabs=TABS,
        counts=counts,
        counted=COUNTED,
        choices=choices,
        found=found,
        given=given,
        narrowed=narrowed,
        takeable=takeable,
        expected=expected,
        unread=unread,
        kept=next((one.name for one in counts.filters if _same(one.asked, given)), ""),
        asked=_words(given),
    )


def _words(given: inbox.Filter) -> dict[str, str]:
    """A filter as the words of the address, as it is kept."""
    every = {
        "process": given.process_id, "place": given.place, "step": given.step_id, "q": given.text, "whose": given.whose,
        "grade": given.grade, "follow": given.follow,
    }  # fmt: skip
    return {key: value for key, value in every.items() if value}


def _same(asked: Mapping[str, str], given: inbox.Filter) -> bool:
    return dict(asked) == _words(given)
