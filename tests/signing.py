"""A process whose step asks for a signature, drawn for tests, and pictures of signatures.

``letter`` 发文: somebody drafts it, a reviewer signs it (签发), and it is sent.
"""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from tests.reviewing import _form, _text, begins, ends, file, task
from tests.workflows.engine.drawing import flows

SIGNATURE = {
    "type": "filepicker", "key": "signature", "label": "手写签名图样", "accept": ".png,.jpg", "validate": {"required": True},
    "properties": {"kind": "sign", "personal": "签发公文", "retention": "随档案永久保存", "max_mb": "1"},
}  # fmt: skip
LETTER = {
    **file(
        "letter", "发文", begins("拟稿", "letter.draft"), task("issue", "签发", "letter.issue"), ends("sent", "已发文"),
        flows("s issue sent"),
    ),
    "forms/library/letter/draft.json": _form("letter.draft", _text("title", "标题")),
    "forms/library/letter/issue.json": _form("letter.issue", _text("words", "批语"), SIGNATURE),
}  # fmt: skip


def signature(word: str = "甲", size: tuple[int, int] = (300, 120), kind: str = "PNG") -> bytes:
    """A picture of a signature; each word is written another way."""
    drawn = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(drawn)
    for number, letter in enumerate(word.encode()):
        pen.line((10 + 30 * number, 10, 10 + letter, size[1] - 10), fill="black", width=4)
    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    drawn.save(made, kind, exif=exif)
    return made.getvalue()
