"""The only door to SpiffWorkflow: diagrams in, Progress out.

Reading order: progress (what goes in and comes out), running (the verbs), reading and fence (what a file may say),
model (a diagram as read), specs and machine (what each step does), codec (an instance at rest).
The engine is pure: it writes nothing, asks nobody and knows no clock; the caller stores Progress in one transaction.
"""

from __future__ import annotations

import logging

from workflows.engine.model import Assigned, Diagram, Flow, Step, Timer
from workflows.engine.names import unknown_names
from workflows.engine.progress import (
    ExpressionProblem,
    House,
    OpenedTask,
    OpenedTimer,
    Order,
    Passed,
    Progress,
    RulingAt,
)
from workflows.engine.reading import read
from workflows.engine.running import complete, fire, open_tokens, start

# SpiffWorkflow puts each task's data, which is personal, into every log record below this level.
logging.getLogger("spiff").setLevel(logging.WARNING)
logging.getLogger("spiff.task").setLevel(logging.WARNING)

__all__ = [
    "Assigned",
    "Diagram",
    "ExpressionProblem",
    "Flow",
    "House",
    "OpenedTask",
    "OpenedTimer",
    "Order",
    "Passed",
    "Progress",
    "RulingAt",
    "Step",
    "Timer",
    "complete",
    "fire",
    "open_tokens",
    "read",
    "start",
    "unknown_names",
]
