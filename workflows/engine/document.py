"""Bytes to an XML tree, safely: no DOCTYPE, no entities, nothing from outside, bounded in size, depth and number."""

from __future__ import annotations

from typing import Any

from lxml import etree

from workflows.errors import DefinitionRefused, Problem

#: Largest drawing read, in bytes. The largest of the MIWG reference models has 0.2 MB.
MAX_BYTES = 4_000_000
#: Deepest nesting of elements; a drawing with five nested sub-processes stays below 20.
MAX_DEPTH = 60
#: Most elements in one file.
MAX_ELEMENTS = 40_000


class _Unfit(Exception):
    """Raised from inside the parser to stop it at once."""


class _Guard:
    """Parser target that builds nothing: it only stops the parser at the first thing that is not allowed."""

    def __init__(self) -> None:
        self.depth = 0
        self.elements = 0

    def start(self, tag: str, attributes: Any) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH:
            raise _Unfit(f"元素嵌套超过 {MAX_DEPTH} 层")
        if self.elements > MAX_ELEMENTS:
            raise _Unfit(f"元素多于 {MAX_ELEMENTS} 个")

    def end(self, tag: str) -> None:
        self.depth -= 1

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        # libxml2 reports the DOCTYPE before it reads any entity declaration, so no bomb is ever built.
        raise _Unfit("不允许 DOCTYPE 和实体声明")

    def data(self, text: str) -> None: ...

    def comment(self, text: str) -> None: ...

    def pi(self, target: str, text: str | None = None) -> None: ...

    def close(self) -> None: ...


_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def parse(raw: bytes, *, file: str) -> Any:
    """Return the root element (lxml, with line numbers) of ``raw``, in whatever encoding it declares.

    Raises DefinitionRefused when it is not well-formed, has a DOCTYPE, or passes a bound above; in well under a second.
    """
    if len(raw) > MAX_BYTES:
        raise _refused(file, 0, f"文件大于 {MAX_BYTES // 1_000_000} MB")
    try:
        etree.fromstring(raw, etree.XMLParser(target=_Guard(), **_SAFE))
        return etree.fromstring(raw, etree.XMLParser(remove_comments=True, remove_pis=True, **_SAFE))
    except _Unfit as unfit:
        raise _refused(file, 0, str(unfit)) from None
    except etree.XMLSyntaxError as error:
        raise _refused(file, error.lineno or 0, f"不是格式良好的 XML：{error.msg}") from None


def _refused(file: str, line: int, reason: str) -> DefinitionRefused:
    return DefinitionRefused([Problem(file=file, line=line, element="", reason=reason)])
