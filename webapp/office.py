"""What every page reaches for: the database, the clock, the settings and the store of uploaded files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from workflows.clock import Clock
from workflows.db import Database
from workflows.registers.evidence import FileStore
from workflows.settings import Settings


@dataclass(frozen=True)
class Office:
    """One data directory at work, as the composition root hands it to the site."""

    db: Database
    clock: Clock
    settings: Settings
    #: The store of uploaded files: content under its digest.
    files: FileStore


def office() -> Office:
    """The office of the running application."""
    return cast(Office, current_app.extensions["jiaoyan"])
