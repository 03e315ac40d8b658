"""Verbs on a whole case: suspend and resume it, end it, withdraw it. Each is one transaction, and one event a case."""

from workflows.control.authority import MAY, By, permitted
from workflows.control.ending import cancel, withdraw
from workflows.control.pausing import resume, suspend
from workflows.control.rewinding import Earlier, earlier, rewind

__all__ = ["MAY", "By", "Earlier", "cancel", "earlier", "permitted", "resume", "rewind", "suspend", "withdraw"]
