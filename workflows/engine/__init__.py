"""The only door to SpiffWorkflow: diagrams in, Progress out.

Reading order: progress (what goes in and comes out), running (the verbs), reading and fence (what a file may say),
model (a diagram as read), specs, occurrences, scopes, compensation and repeating (what each step does), machine (one instance
in memory), opening (what its steps ask of the outside), codec (an instance at rest), ahead and foreknown (the way that lies before a
case).
The engine is pure: it writes nothing, asks nobody and knows no clock; the caller stores Progress in one transaction.
"""

from __future__ import annotations

import logging

from workflows.engine.ahead import Ahead, Choice, Option, Stand, Stop, forecast
from workflows.engine.expressions import Text
from workflows.engine.foreknown import INSTANT, Known, Lent
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
    "Ahead",
    "Assigned",
    "Choice",
    "Diagram",
    "Event",
    "ExpressionProblem",
    "Flow",
    "House",
    "INSTANT",
    "Known",
    "Lent",
    "Migration",
    "Moved",
    "OpenedCall",
    "OpenedSubscription",
    "OpenedTask",
    "OpenedTimer",
    "Option",
    "Order",
    "Passed",
    "Progress",
    "Published",
    "Repetition",
    "Reported",
    "RulingAt",
    "Stand",
    "Step",
    "Stop",
    "Text",
    "Timer",
    "complete",
    "deliver",
    "fire",
    "forecast",
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
