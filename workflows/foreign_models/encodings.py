"""Bytes in whatever encoding, to a tree: what declares nothing, or too small a set, is read as GB18030."""

from __future__ import annotations

import re
from typing import Any

from workflows.engine.document import parse
from workflows.errors import DefinitionRefused

_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")
#: Encodings that files declare while they use characters of the larger set.
_TOO_SMALL = frozenset({b"gb2312", b"gbk", b"utf-8"})


def tree(raw: bytes, file: str) -> tuple[Any, str]:
    """The root element, and the encoding that was assumed ("" when the file was right).

    Raises DefinitionRefused as engine.document.parse does.
    """
    try:
        return parse(raw, file=file), ""
    except DefinitionRefused:
        declared = _DECLARED.match(raw.removeprefix(b"\xef\xbb\xbf"))
        if declared is not None and declared[1].lower() not in _TOO_SMALL:
            raise
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            raise  # the encoding is not what is wrong with it
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise
    rest = re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1)
    return parse(rest.encode(), file=file), "GB18030"
