"""Regular expressions of form files: the part that JavaScript and Python read alike and that cannot run away."""

from __future__ import annotations

import re
from functools import lru_cache

#: form-js's own address test, letter for letter, so that both sides refuse the same addresses.
EMAIL = (
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
)

_FOREIGN = (
    (r"\(\?(?!:)", "groups other than (…) and (?:…)"),
    (r"\\[1-9]", "back-references"),
    (r"\\[pPuxkAZzGbB]", "this escape"),
    (r"\)[*+{]", "a repeated group"),
    (r"[*+?}][*+]", "a repeated repetition"),
)


def refusal(pattern: str) -> str | None:
    """Return why ``pattern`` may not stand in a form file, or None when it may.

    Repeated groups are refused because they are where matching time explodes; what remains is matched in time
    proportional to the text's length squared at worst, and texts are short.
    """
    for form, what in _FOREIGN:
        if re.search(form, pattern):
            return f"uses {what}; write character classes and counts only"
    try:
        re.compile(pattern, re.ASCII)
    except re.error as error:
        return f"is no regular expression: {error}"
    return None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    # JavaScript's `$` is the very end; Python's also matches before a last line feed.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)


def matches(pattern: str, text: str) -> bool:
    """Whether ``pattern`` is found anywhere in ``text``, as JavaScript's ``test`` says."""
    return _compiled(pattern).search(text) is not None
