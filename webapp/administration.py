"""The administrators' pages: people, places, roles, accounts, what is deployed, jobs, imports, health."""

from __future__ import annotations

from flask import Blueprint, render_template

from webapp.allowed import allowed

pages = Blueprint("administration", __name__, url_prefix="/administration")


@pages.get("/")
@allowed("system_admin")
def index() -> str:
    """Where the system stands."""
    return render_template("administration/index.html")
