"""The only door to SpiffWorkflow: diagrams in, Progress out.

Reading order: progress (what goes in and comes out), running (the verbs), reading and fence (what a file may say),
model (a diagram as read), specs, occurrences, scopes, compensation and repeating (what each step does), machine (one instance
in memory), opening (what its steps ask of the outside), codec (an instance at rest).
The engine is pure: it writes nothing, asks nobody and knows no clock; the caller stores Progress in one transaction.
"""

from __future__ import annotations

import logging

from workflows.engine.expressions import Text
from workflows.engine.migrating import Migration, Moved, migrate, migration_problems
from workflows.engine.model import Assigned, Diagram, Event, Flow, Repetition, Step, Timer
from workflows.engine.names import unknown_names
from workflows.engine.progress import (
    ExpressionProblem,
    House,
    OpenedCall,
    OpenedSubscription,
    OpenedTask,
    OpenedTimer,
    Order,
    Passed,
    Progress,
    Published,
    Reported,
    RulingAt,
)
from workflows.engine.reading import read
from workflows.engine.rewinding import rewind
from workflows.engine.running import complete, deliver, fire, open_tokens, report, resume, start

# SpiffWorkflow puts each task's data, which is personal, into every log record below this level.
logging.getLogger("spiff").setLevel(logging.WARNING)
logging.getLogger("spiff.task").setLevel(logging.WARNING)

__all__ = [
    "Assigned",
    "Diagram",
    "Event",
    "ExpressionProblem",
    "Flow",
    "House",
    "Migration",
    "Moved",
    "OpenedCall",
    "OpenedSubscription",
    "OpenedTask",
    "OpenedTimer",
    "Order",
    "Passed",
    "Progress",
    "Published",
    "Repetition",
    "Reported",
    "RulingAt",
    "Step",
    "Text",
    "Timer",
    "complete",
    "deliver",
    "fire",
    "migrate",
    "migration_problems",
    "open_tokens",
    "read",
    "report",
    "resume",
    "rewind",
    "start",
    "unknown_names",
]
