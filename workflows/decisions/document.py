"""A DMN file as XML: read safely, its elements found by namespace and id (DMN 1.1 to 1.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from workflows.errors import Problem

#: Largest file that is read, in bytes.
MAX_BYTES = 5_000_000
_DMN = re.compile(
    r"(http://www\.omg\.org/spec/DMN/(20151101/dmn(\.xsd|11\.xsd)?|20180521/MODEL/)|https://www\.omg\.org/spec/DMN/\d{8}/MODEL/)"
)
#: An lxml element; lxml carries no types.
Element = Any


@dataclass
class Document:
    """One parsed file. ``file`` is the name under which problems are reported."""

    file: str
    root: Element
    namespace: str
    name: str
    #: Import name by namespace.
    imports: dict[str, str] = field(default_factory=dict)

    def problem(self, element: Element, reason: str, column: int = 0) -> Problem:
        """A defect at an element; its id, or that of the nearest element above that has one."""
        named: Element | None = element
        while named is not None and not named.get("id"):
            named = named.getparent()
        place = str(named.get("id")) if named is not None else ""
        return Problem(self.file, element.sourceline or 0, place, reason, column)

    def children(self, name: str) -> Iterator[Element]:
        """The definitions of one kind, by local name."""
        return (child for child in self.root if local(child) == name)


def read(raw: bytes, file: str, report: Callable[[Problem], None]) -> Document | None:
    """The document, or None after reporting why it cannot be read."""
    if len(raw) > MAX_BYTES:
        report(Problem(file, 0, "", f"文件大于 {MAX_BYTES} 字节"))
        return None
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line, column = getattr(error, "position", (0, 0)) or (0, 0)
        report(Problem(file, line, "", f"文件不是格式正确的 XML：{error}", column))
        return None
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        report(Problem(file, 1, "", "不允许 DOCTYPE；请删除"))
        return None
    name = etree.QName(root)
    if name.localname != "definitions" or not _DMN.fullmatch(name.namespace or ""):
        report(Problem(file, root.sourceline or 0, "", "根元素不是 DMN 1.1–1.5 的 <definitions>"))
        return None
    namespace = root.get("namespace") or ""
    document = Document(file, root, namespace, root.get("name") or "")
    for element in document.children("import"):
        document.imports[element.get("namespace") or ""] = element.get("name") or ""
    return document


def local(element: Element) -> str:
    """The local name of a DMN element; empty for comments and foreign elements."""
    if not isinstance(element.tag, str):
        return ""
    name = etree.QName(element)
    return name.localname if _DMN.fullmatch(name.namespace or "") else ""


def child(element: Element, *names: str) -> Element | None:
    """The first child with one of the local names."""
    for below in element:
        if local(below) in names:
            return below
    return None


def each(element: Element, name: str) -> list[Element]:
    """All children with the local name."""
    return [below for below in element if local(below) == name]


def first_line(element: Element) -> int:
    """The line of the file on which the text of an element begins, white space before it left out."""
    inner = child(element, "text")
    holder = element if inner is None else inner
    text = holder.text or ""
    blank = text[: len(text) - len(text.lstrip())]
    return (holder.sourceline or 0) + blank.count("\n")


def text_of(element: Element | None) -> str:
    """The text of ``<text>`` inside an element, or of the element itself; stripped."""
    if element is None:
        return ""
    inner = child(element, "text")
    return "".join((element if inner is None else inner).itertext()).strip()
