"""FEEL text to tokens, each with its place. Names are single words here; the parser joins them."""

from __future__ import annotations

import re
from typing import NamedTuple

from workflows.feel.errors import N_, FeelSyntaxError

#: Longest text that is read, in characters.
MAX_TEXT = 50_000

_SPACE = "\\s\u0085\u00a0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
# DMN 1.5, 10.3.1.2, grammar rules 27–29 (name start char, name part char).
_START = (
    "?A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufefe\uff00-\ufffd\U00010000-\U000effff"
)
_PART = _START + "0-9\u00b7\u0300-\u036f\u203f-\u2040"
_TOKEN = re.compile(
    rf"(?P<space>[{_SPACE}]+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<unclosed>/\*)"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    rf"|(?P<word>[{_START}][{_PART}]*)"
    r"|(?P<sign>\*\*|\.\.|<=|>=|!=|->|[-+*/=<>()\[\]{},:.@'])",
    re.DOTALL | re.ASCII,
)
#: What to write instead of signs that other languages have.
_HINTS = {
    **{"&": "“and”", "|": "“or”", "!": "“not(…)”", "%": "“modulo(a, b)”", ";": "“,”"},
    **dict.fromkeys("$#", N_("不带 ${…} 的表达式")),
    **dict.fromkeys("“”‘’", N_('英文直引号 "')),
}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}


class Token(NamedTuple):
    """One lexical unit: ``kind`` is number, text, word, sign or end."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Split ``text``; the last token has kind ``end``. Raises FeelSyntaxError at a character FEEL does not know."""
    if len(text) > MAX_TEXT:
        raise FeelSyntaxError(N_("表达式超过 %(most)s 个字符"), most=MAX_TEXT)
    found: list[Token] = []
    at, end = 0, len(text)
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            line, column = place(text, at)
            if text[at] == '"':
                raise FeelSyntaxError(N_("文字没有以引号结束"), line=line, column=column, expected='"')
            hint = _HINTS.get(text[at], "")
            raise FeelSyntaxError(N_("FEEL 中没有“%(found)s”"), found=text[at], line=line, column=column, expected=hint)
        kind = match.lastgroup or ""
        if kind == "unclosed":
            line, column = place(text, at)
            raise FeelSyntaxError(N_("注释没有结束"), line=line, column=column, expected="*/")
        if kind != "space":
            found.append(Token(kind, match.group(), at, match.end()))
        at = match.end()
    found.append(Token("end", "", end, end))
    return found


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset into ``text``."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def unquote(quoted: str) -> str:
    """The value of a string literal with its quotes; an unknown escape stands for itself."""
    body = quoted[1:-1]
    if "\\" not in body:
        return body
    value = _ESCAPE.sub(_unescape, body)
    if any("\ud800" <= char <= "\udfff" for char in value):  # two escapes may make one character beyond U+FFFF
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        point = int(code[1:], 16)
        return chr(point) if point <= 0x10FFFF else match.group()
    return _PLAIN.get(code, match.group())


def quote(value: str) -> str:
    """The string literal that reads back as ``value``."""
    plain = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
