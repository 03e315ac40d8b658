"""``/healthz``: whether the process serves, from its first second on, also while demo data are being made."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flask import Blueprint, jsonify
from sqlalchemy.exc import SQLAlchemyError

from webapp.allowed import allowed
from webapp.office import office
from workflows import jobs
from workflows.clock import machine_now

pages = Blueprint("health", __name__)

#: The job that fills a new demo data directory.
SEEDING = "seed_demo"


@cache
def software_version() -> str:
    """The version as packaged, or as the project's file says when it runs from the tree."""
    try:
        return version("jiaoyan")
    except PackageNotFoundError:
        project = Path(__file__).parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


@pages.get("/healthz")
@allowed("public")
def healthz() -> Any:
    """200 and JSON always; ``seeding`` holds done and total while demo data are being made."""
    seeding = None
    try:
        with office().db.read() as reading:
            for job in jobs.jobs(reading):
                if job.kind == SEEDING and job.status in {"waiting", "running"}:
                    seeding = {"done": job.done, "total": job.total}
    except SQLAlchemyError:
        seeding = {"done": 0, "total": 0}  # the tables are being made
    return jsonify(
        status="seeding" if seeding else "ok",
        seeding=seeding,
        version=software_version(),
        time=machine_now().isoformat(timespec="seconds"),
    )
