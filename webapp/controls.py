"""Fields of the office's own small forms, with our own sentences; drawn by ``macros/controls.html``."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired, Regexp, ValidationError

#: A mail address, as far as its form can tell; a confirmation link tells the rest.
ADDRESS = r"^[^@\s<>,;\"\\]+@[^@\s<>,;\"\\]+\.[^@\s<>,;\"\\.]+$"


def required(message: Any = None) -> InputRequired:
    """A field that must be filled."""
    return InputRequired(message or lazy_gettext("请填写"))


def pattern(expression: str, message: Any) -> Regexp:
    """A field that has a form, with the sentence that says which."""
    return Regexp(expression, message=message)


class Day(DateField):
    """A calendar day."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read ``2026-09-01``; anything else is said in our words."""
        given = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not given:
            return
        try:
            self.data = date.fromisoformat(given)
            if not 1900 <= self.data.year <= 2200:
                raise ValueError(given)
        except ValueError:
            raise ValueError(gettext("日期应如 2026-09-01")) from None


class Choice(SelectField):
    """One of the choices shown."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what was not offered."""
        if self.data not in {value for value, *_ in self.iter_choices()}:
            raise ValidationError(gettext("请从列表中选择"))
