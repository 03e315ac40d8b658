"""Verbs on a whole case: suspend and resume it, end it, withdraw it. Each is one transaction, and one event a case."""

from workflows.control.authority import MAY, By, Standing, permitted, standing
from workflows.control.ending import cancel, withdraw
from workflows.control.migrating import (
    MIGRATION,
    Change,
    Planned,
    migrate,
    migrate_all,
    movable,
    newest_first,
    plan,
    request_of,
)
from workflows.control.pausing import resume, suspend
from workflows.control.rewinding import Earlier, earlier, rewind

__all__ = [
    "MAY", "MIGRATION", "By", "Change", "Earlier", "Planned", "Standing", "cancel", "earlier", "migrate", "migrate_all", "movable",
    "newest_first", "permitted", "plan", "request_of", "resume", "rewind", "standing", "suspend", "withdraw",
]
