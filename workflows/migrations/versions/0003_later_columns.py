"""Tasks that are delegated; what cases are found by, and the indexes of a step and of a status."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTEWISE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
#: Cases whose terms are written together.
_CHUNK = 500


def upgrade() -> None:
    """Apply the step. Rows that are there already get the values by which nothing changes for them."""
    with op.batch_alter_table("task") as batch_op:
        batch_op.add_column(sa.Column("delegate_id", _KEY, nullable=True))
        batch_op.create_foreign_key("fk_task_delegate_id", "person", ["delegate_id"], ["id"])
    op.create_index("ix_task_delegated", "task", ["delegate_id", "due_at", sa.text("priority DESC"), "id"],
                    sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))

    unheld = sa.text("status = 'open' AND holder_id IS NULL")
    op.create_index("ix_task_step", "task", ["organisation_id", "role", "step_id", "due_at", sa.text("priority DESC"), "id"],
                    sqlite_where=unheld, postgresql_where=unheld)
    op.create_index("ix_instance_status", "instance", ["status", "id"])
    op.drop_index("ix_instance_starter_id", "instance")
    op.create_index("ix_instance_starter", "instance", ["starter_id", "id"])
    op.create_table(
        "term",
        sa.Column("term", _BYTEWISE, nullable=False),
        sa.Column("instance_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_term_instance_id"),
        sa.PrimaryKeyConstraint("term", "instance_id", name="pk_term"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("instance") as batch_op:
        batch_op.add_column(sa.Column("words", sa.String(), nullable=False, server_default=""))
    _find_what_is_there()
    with op.batch_alter_table("instance") as batch_op:
        batch_op.alter_column("words", server_default=None)
    _drop_drafts_with_their_tasks()


def _drop_drafts_with_their_tasks() -> None:
    """A draft goes with its form, in the statement that completes the task; a table of tasks made anew needs this again."""
    gone = "DELETE FROM draft WHERE person_id = NEW.done_by_id AND subject = 'task:' || NEW.number"
    is_done = "WHEN (NEW.status = 'done' AND OLD.status <> 'done')"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER draft_goes AFTER UPDATE OF status ON task {is_done} BEGIN {gone}; END")
        return
    op.execute(
        f"CREATE FUNCTION draft_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {gone}; RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER draft_goes AFTER UPDATE OF status ON task FOR EACH ROW {is_done} EXECUTE FUNCTION draft_goes()")


def _find_what_is_there() -> None:
    """Words and terms of the cases that there are, as workflows.terms made them when this step was written."""
    connection = op.get_bind()
    cases = sa.text(
        "SELECT instance.id, title, name, process_id FROM instance JOIN person ON person.id = starter_id"
        " WHERE instance.id > :after ORDER BY instance.id LIMIT :chunk"
    )
    keep = sa.text("UPDATE instance SET words = :words WHERE id = :id")
    add = sa.text("INSERT INTO term (term, instance_id) VALUES (:term, :id)")
    after = 0
    while rows := connection.execute(cases, {"after": after, "chunk": _CHUNK}).all():
        found = [(row.id, [_folded(line)[:300] for line in (row.title, row.name)], row.process_id) for row in rows]
        connection.execute(keep, [{"id": key, "words": "\n".join(lines)} for key, lines, _ in found])
        connection.execute(add, [
            {"term": term, "id": key}
            for key, lines, process_id in found
            for term in {f"p{process_id}", *(f"w{line[n : n + 2]}" for line in lines for n in range(len(line)))}
        ])
        after = rows[-1].id
    connection.execute(sa.text(
        "INSERT INTO term (term, instance_id)"
        " WITH RECURSIVE line(instance_id, organisation_id) AS ("
        "  SELECT id, organisation_id FROM instance"
        "  UNION ALL SELECT line.instance_id, own.parent_id FROM line JOIN organisation AS own ON own.id = line.organisation_id"
        "  WHERE own.parent_id IS NOT NULL)"
        " SELECT 'o' || organisation.code, line.instance_id FROM line JOIN organisation ON organisation.id = line.organisation_id"
    ))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
