"""A case that goes back by the hand of those who work on it: ``send_back`` (退回), and ``take_back`` (取回).

Whoever has a task sends the case back to an earlier step, where the diagram allows it (``jiaoyan:send-back``): whoever did that
step gets it again with what they had written, and the reason on top. Whoever has just done a task takes it back themselves, as
long as nobody acted on it and nothing has left the case. Both are the engine's rewind; what was done stays on record.
"""

from __future__ import annotations

from workflows.returning.sending import (
    ELSEWHERE,
    NOT_ALLOWED,
    NOT_DONE,
    SENT_BACK,
    SHORTEST_REASON,
    Back,
    allowed_from,
    is_allowed,
    require_mine,
    send_back,
    ways_back,
)
from workflows.returning.taking import (
    ASKED,
    BEGUN,
    CLAIMED,
    DONE_SINCE,
    ENDED,
    NOT_THE_LATEST,
    NOTHING_NEXT,
    WENT_OUT,
    may_take_back,
    require_untouched,
    take_back,
)
from workflows.returning.way import as_recorded, called_off, came_back, rewound, written_before

__all__ = [
    "ASKED", "BEGUN", "CLAIMED", "DONE_SINCE", "ELSEWHERE", "ENDED", "NOTHING_NEXT", "NOT_ALLOWED", "NOT_DONE",
    "NOT_THE_LATEST", "SENT_BACK", "SHORTEST_REASON", "WENT_OUT", "Back", "allowed_from", "as_recorded", "called_off",
    "came_back", "is_allowed", "may_take_back", "require_mine", "require_untouched", "rewound", "send_back",
    "take_back", "ways_back", "written_before",
]  # fmt: skip
