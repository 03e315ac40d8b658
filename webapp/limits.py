"""A brake on floods from one address; guessing passwords is stopped by the lockout, which survives a restart."""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


class Brake(Limiter):
    """Limits of the routes that declare one: they ask themselves, so that no other request is asked for each time."""

    def init_app(self, app: Flask) -> None:
        """Limit the routes of an application that say so."""
        super().init_app(app)
        before = app.before_request_funcs[None]
        before[:] = [one for one in before if one != self._check_request_limit]


limiter = Brake(get_remote_address, storage_uri="memory://")
