"""Models drawn elsewhere, rewritten into the dialect where the meaning stays the same. Bytes in, bytes and a report out.

Reading order: report (what comes out), model (the tree while it is rewritten), leftovers, graph, camunda8,
vendor and camunda_people, camunda_work, camunda_values, open_ends; importing puts them in order.
"""

from __future__ import annotations

from workflows.foreign_models.importing import import_model, refusal_row
from workflows.foreign_models.report import Imported, Note
from workflows.foreign_models.table import REWRITTEN

__all__ = ["REWRITTEN", "Imported", "Note", "import_model", "refusal_row"]
