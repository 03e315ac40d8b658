"""The top bar: which doors a person has, and the first one after signing in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, g, request

from webapp.addresses import url_for
from workflows.access import OFFICE_ROLES, READING_ROLES, Viewer
from workflows.errors import N_

#: Roles that keep the system and its security, and take no part in a case.
ADMINISTRATORS = ("system_admin", "security_admin")


#: Roles whose work begins with figures.
ANSWERABLE = frozenset({"bureau_head", "tri_head", "auditor", "system_admin"})


@dataclass(frozen=True)
class Door:
    """One entry of the top bar."""

    label: str
    address: str
    here: bool


#: Endpoint, label, who sees it (empty: everybody who has signed in), who does not.
_DOORS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("dashboard.index", N_("概览"), (*OFFICE_ROLES, *READING_ROLES, "system_admin"), ()),
    ("inbox.index", N_("待办"), (), ("auditor", *ADMINISTRATORS)),
    ("instances.start_page", N_("申报"), (), ("auditor", *ADMINISTRATORS)),
    ("instances.index", N_("办件"), (), ADMINISTRATORS),
    ("deadlines.index", N_("期限"), (), ADMINISTRATORS),
    ("registers.index", N_("台账"), (), ADMINISTRATORS),
    ("rules.index", N_("规则"), (), ()),
    ("audit.index", N_("留痕"), ("auditor",), ()),
    ("administration.index", N_("管理"), ADMINISTRATORS, ()),
    ("public.index", N_("公告公示"), (), ()),
)


def address(endpoint: str, **values: Any) -> str | None:
    """The endpoint's address, or ``None`` when the site has no such page."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def _sees(viewer: Viewer, only: tuple[str, ...], never: tuple[str, ...]) -> bool:
    if only:
        return viewer.has(*only)
    held = {one.role for one in viewer.memberships}
    return not never or not held or bool(held - set(never))


def doors(viewer: Viewer | None) -> list[Door]:
    """The entries a person sees, in order; who has not signed in sees the public page only."""
    found = []
    for endpoint, label, only, never in _DOORS:
        if viewer is None and endpoint != "public.index":
            continue
        if viewer is not None and not _sees(viewer, only, never):
            continue
        target = address(endpoint)
        if target is not None:
            found.append((label, target))
    here = _here([target for _, target in found])
    return [Door(label, target, target == here) for label, target in found]


def _here(addresses: list[str]) -> str | None:
    """The door that the page shown lies behind: the longest address that its own begins with; a task's is the inbox."""
    path = address("inbox.index") if (request.endpoint or "").startswith(("tasks.", "proxies.")) else request.path
    behind = [one for one in addresses if (path or "").rstrip("/").startswith(one.rstrip("/"))]
    return max(behind, key=len, default=None)


def first_door(viewer: Viewer) -> str:
    """Where a person's work begins: the figures of who answers for an office, audits or keeps the system; an applicant's start
    page; else the inbox."""
    held = {one.role for one in viewer.memberships}
    if held & ANSWERABLE:
        wanted = ["dashboard.index"]
    elif held and held <= set(ADMINISTRATORS):
        wanted = ["administration.index"]
    elif not held:
        wanted = ["instances.start_page", "inbox.index"]
    else:
        wanted = ["inbox.index"]
    return next((found for found in map(address, wanted) if found), url_for("public.index"))


def current_doors() -> list[Door]:
    """The entries for whoever is looking."""
    return doors(g.get("viewer"))
