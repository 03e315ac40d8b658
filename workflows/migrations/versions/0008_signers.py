"""People who are asked to sign another's task (加签): a task of their own, which ends with the one that it belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), "postgresql")


def upgrade() -> None:
    """Apply the step. No row that is there already changes."""
    if op.get_bind().dialect.name == "sqlite":
        # In place: a table made anew would lose its triggers, and be copied.
        op.execute("ALTER TABLE task ADD COLUMN main_id INTEGER CONSTRAINT fk_task_main_id REFERENCES task (id)")
    else:
        op.add_column("task", sa.Column("main_id", _KEY, nullable=True))
        op.create_foreign_key("fk_task_main_id", "task", "task", ["main_id"], ["id"])
    op.add_column("task", sa.Column("signers_open", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("task", sa.Column("kept", _JSON, nullable=True))
    belongs = sa.text("main_id IS NOT NULL")
    op.create_index("ix_task_main", "task", ["main_id"], sqlite_where=belongs, postgresql_where=belongs)
    _end_signers_with_their_tasks()


def _end_signers_with_their_tasks() -> None:
    """Whatever ends a task ends what its signers have of it, in the same statement; a table of tasks made anew needs this again."""
    gone = (
        "UPDATE task SET status = 'cancelled', done_at = NEW.done_at"
        " WHERE main_id = NEW.id AND status IN ('open', 'suspended')"
    )
    is_over = "WHEN (NEW.status IN ('done', 'cancelled') AND OLD.status IN ('open', 'suspended') AND NEW.main_id IS NULL)"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER signers_go AFTER UPDATE OF status ON task {is_over} BEGIN {gone}; END")
        return
    op.execute(
        f"CREATE FUNCTION signers_go() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {gone}; RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER signers_go AFTER UPDATE OF status ON task FOR EACH ROW {is_over} EXECUTE FUNCTION signers_go()")
