"""What stands on every page: the bundle's files, the doors, unread notices, and a demo's clock."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from pathlib import Path

from flask import Flask, current_app, g, url_for
from flask_babel import gettext, ngettext

from webapp import menu
from webapp.office import office
from workflows import notices


def unread_notices() -> int:
    """How many notices the signed-in person has not read, as far as they are counted."""
    if g.get("viewer") is None:
        return 0
    if "unread" not in g:
        with office().db.read() as reading:
            g.unread = notices.unread_count(reading, g.viewer.person_id)
    return int(g.unread)


def clock_moved() -> str:
    """By how much a demo's clock runs ahead, in words; empty when it has not been moved."""
    ahead = office().clock.offset()
    if ahead < timedelta(minutes=1):
        return ""
    days, hours = divmod(int(ahead.total_seconds()) // 3600, 24)
    if days:
        return ngettext("已向前调整 %(num)s 天", "已向前调整 %(num)s 天", days)
    if hours:
        return ngettext("已向前调整 %(num)s 小时", "已向前调整 %(num)s 小时", hours)
    return gettext("已向前调整不足 1 小时")


def bundled(name: str) -> str:
    """Address of a file of the front end's bundle, with its digest: a new build is never hidden by a browser's store."""
    return url_for("static", filename=f"dist/{name}", v=_digests(Path(str(current_app.static_folder))).get(name))


@cache
def _digests(static: Path) -> dict[str, str]:
    manifest = static / "dist" / "manifest.json"
    return dict(json.loads(manifest.read_text(encoding="utf-8"))) if manifest.is_file() else {}


def install(app: Flask) -> None:
    """Give templates what the layout needs."""
    app.jinja_env.globals.update(
        bundled=bundled,
        doors=menu.current_doors,
        address=menu.address,
        unread_notices=unread_notices,
        counted_notices=notices.COUNTED,
        clock_moved=clock_moved,
        office=office,
    )
