"""Alembic migrations, and the two ways to run them: ``upgrade`` an installation, ``draft`` a new step."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from workflows.db import Database


def _config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database"] = database
    return config


def upgrade(database: Database) -> None:
    """Bring a database to the current schema; nothing happens to one that is there already."""
    command.upgrade(_config(database), "head")


def draft(database: Database, message: str) -> None:
    """For developers: write a new step from the difference between the models and a database at head."""
    command.revision(_config(database), message=message, autogenerate=True)
