"""Checks of single values that no form writes: the Chinese identity number (GB 11643)."""

from __future__ import annotations

from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError


def identity_birth_date(number: str) -> date | None:
    """Return the birth date inside an 18-digit identity number, or None when the number is not valid.

    Valid: form, calendar date and check digit; a lower-case ``x`` is accepted. The region code is not looked up:
    stdnum knows a region only from the year it was made, and many people carry the number of a region made after
    their birth, so its own ``validate`` would refuse real numbers.
    """
    number = number.upper()
    if not (number.isascii() and len(number) == 18 and number[:17].isdigit()):
        return None
    if ric.calc_check_digit(number) != number[17]:
        return None
    try:
        return ric.get_birth_date(number)
    except ValidationError:
        return None


def identity_agrees(number: str, birth: date | None) -> bool:
    """Whether ``number`` is a valid identity number whose birth date is ``birth`` (any, when ``birth`` is None)."""
    inside = identity_birth_date(number)
    return inside is not None and (birth is None or inside == birth)
