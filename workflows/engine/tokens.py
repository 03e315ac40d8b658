"""A token: SpiffWorkflow's task, which is silent here."""

from __future__ import annotations

from SpiffWorkflow.task import Task


class Token(Task):
    """A task that logs nothing when it changes its state: the record would hold what people filled in, and cost a fifth of a run."""

    def _set_state(self, value: int) -> None:
        self._state = value
