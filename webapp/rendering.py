"""How templates call what they call: as Jinja does, without asking of a macro or a function each time what it is.

A page calls more than a thousand of them, and nearly all are one of these two.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from flask import Flask
from jinja2.runtime import Context, Macro


class QuickContext(Context):
    """Jinja's own, with a short way for macros and plain functions."""

    def call(__self, __obj: Any, *args: Any, **given: Any) -> Any:
        """Call something with what the template gives; our own names are Jinja's, since any other may be a value's."""
        kind = type(__obj)
        if kind is Macro:
            args = (__self.eval_ctx, *args)
        elif kind is not FunctionType or hasattr(__obj, "jinja_pass_arg"):
            return super().call(__obj, *args, **given)
        # What a loop and a block have set is for those who ask for the context.
        given.pop("_loop_vars", None)
        given.pop("_block_vars", None)
        return __obj(*args, **given)


def install(app: Flask) -> None:
    """Have the site's templates call so."""
    app.jinja_env.context_class = QuickContext
