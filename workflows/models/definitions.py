"""What was deployed: definitions and packs, each stored whole under its digest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Definition(Row):
    """One version of a process: diagram, tables and forms under one digest."""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("process_id", "version"),)

    #: SHA-256 over the names and digests of its files.
    digest: Mapped[str] = mapped_column(primary_key=True)
    process_id: Mapped[str] = mapped_column(index=True)
    #: 1, 2, 3 … within the process.
    version: Mapped[int]
    name: Mapped[str]
    deployed_at: Mapped[datetime]


class DefinitionFile(Row):
    """One file of a definition, with the path it was deployed from."""

    __tablename__ = "definition_file"

    definition: Mapped[str] = mapped_column(ForeignKey("definition.digest"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class PackSet(Row):
    """The policy files as they were deployed together; a place's own digest covers only what applies to it."""

    __tablename__ = "pack_set"

    digest: Mapped[str] = mapped_column(primary_key=True)
    deployed_at: Mapped[datetime]
    #: Newest last; the newest one is what a new instance starts on.
    number: Mapped[int] = mapped_column(unique=True)


class PackFile(Row):
    """One TOML file of a pack set."""

    __tablename__ = "pack_file"

    id: Mapped[Key]
    pack_set: Mapped[str] = mapped_column(ForeignKey("pack_set.digest"), index=True)
    path: Mapped[str]
    content: Mapped[bytes]
