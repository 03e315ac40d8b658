"""Passwords that everybody tries first: patterns, not a copied list."""

from __future__ import annotations

import re
from itertools import pairwise

#: Words that guessers begin with; a password that is one of them plus digits and signs is common.
_WORDS = frozenset(
    "password passw0rd p@ssw0rd admin administrator welcome qwerty qwertyuiop asdfghjkl zxcvbnm letmein iloveyou woaini "
    "jiaoyan jiaoyanyuan jiaoyu jiaoyuju xuexiao laoshi teacher school education liaoning guangxi shenyang nanning "
    "dragon monkey football baseball master sunshine princess test guest user login abc abcd abcde changeme default "
    "root system server computer internet china zhongguo beijing wang zhang love mima".split()
)
_KEYBOARD_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_LEET = str.maketrans("013457@$!", "oieastasi")


def is_common(password: str) -> bool:
    """Whether a guesser would try the password among the first: one word, a run of keys, few signs, a repetition."""
    lowered = password.lower()
    if len(set(lowered)) < 5 or re.fullmatch(r"(.{1,6})\1+", lowered):
        return True
    if lowered.isdigit():
        return True
    letters = re.sub(r"[\W\d_]+", "", lowered)
    unleeted = re.sub(r"[\W\d_]+", "", lowered.translate(_LEET))
    if letters in _WORDS or unleeted in _WORDS or any(letters == word * 2 for word in _WORDS):
        return True
    steps = sum(_neighbours(first, second) for first, second in pairwise(lowered))
    return steps >= len(lowered) - 3


def _neighbours(first: str, second: str) -> bool:
    return any(first + second in row or second + first in row for row in _KEYBOARD_ROWS)
