"""Babel extractors for what is drawn and written as data: forms, diagrams, decision tables, policy packs.

Each yields ``(line, function, message, comments)`` as Babel asks. Only Chinese text is a message: a key or a code is none.
Quotations of policies stay Chinese in every language and are not extracted.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import IO, Any

from lxml import etree

Message = tuple[int, str, str, list[str]]
Found = Iterator[Message]

#: Keys of a form file whose text a person reads.
FORM_KEYS = frozenset({"label", "dateLabel", "timeLabel", "description", "text", "patternErrorMessage", "placeholder", "name"})
#: Properties of our own that a person reads: purposes, and the messages of rules.
FORM_PROPERTIES = re.compile(r"name|description|personal|retention|\w*message")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
#: An expression that is nothing but strings. Sentences that a rule puts together are evidence and stay as they were said.
_LITERALS_ONLY = re.compile(r'[\s\[]*"[^"]*"(?:\s*,\s*"[^"]*")*[\s\]]*')
_XML = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def is_chinese(text: object) -> bool:
    """Whether the value is text with a Chinese character in it."""
    return isinstance(text, str) and bool(_CHINESE.search(text))


def form(file: IO[bytes], keywords: Any, comments: Any, options: Any) -> Found:
    """Labels, hints, texts, options and messages of a form."""
    tree = json.load(file)
    yield from _form(tree, str(tree.get("id", "")), of_properties=False)


def _form(node: Any, place: str, *, of_properties: bool) -> Found:
    if isinstance(node, list):
        for part in node:
            yield from _form(part, place, of_properties=of_properties)
    if not isinstance(node, dict):
        return
    place = f"{place.partition('#')[0]}#{node['key']}" if "key" in node else place
    for key, value in node.items():
        if is_chinese(value):
            if key == "valuesExpression":
                yield from _literals(0, value, place)
            elif FORM_PROPERTIES.fullmatch(key) if of_properties else key in FORM_KEYS:
                yield 0, "", value, [place]
        else:
            yield from _form(value, place, of_properties=key == "properties")


def _literals(line: int, expression: str, place: str) -> Found:
    """The strings of a FEEL expression."""
    for literal in _LITERAL.findall(expression):
        if is_chinese(literal):
            yield line, "", literal.replace('\\"', '"'), [place]


def diagram(file: IO[bytes], keywords: Any, comments: Any, options: Any) -> Found:
    """Names of processes, lanes, steps and flows, stages, and what their documentation tells."""
    for node in etree.parse(file, _XML).iter(etree.Element):
        place, tag = str(node.get("id") or ""), etree.QName(node).localname
        if tag == "property" and node.get("name") == "jiaoyan:stage" and is_chinese(node.get("value")):
            yield node.sourceline, "", node.get("value"), [place]
        elif tag != "property" and is_chinese(node.get("name")):
            yield node.sourceline, "", node.get("name"), [place]
        if tag == "documentation" and is_chinese(node.text):
            yield node.sourceline, "", node.text.strip(), [place]


def table(file: IO[bytes], keywords: Any, comments: Any, options: Any) -> Found:
    """Names, labels and questions of decisions, and the values and reasons their rules give."""
    for node in etree.parse(file, _XML).iter(etree.Element):
        place, tag = str(node.get("id") or ""), etree.QName(node).localname
        for key in ("name", "label", "outputLabel"):
            if is_chinese(node.get(key)):
                yield node.sourceline, "", node.get(key), [place]
        if tag in {"description", "question", "allowedAnswers"} and is_chinese(node.text):
            yield node.sourceline, "", node.text.strip(), [place]
        elif tag == "text" and is_chinese(node.text):
            parent = node.getparent()
            of_annotation = parent is not None and etree.QName(parent).localname == "annotationEntry"
            if of_annotation and '"' not in node.text:
                yield node.sourceline, "", node.text.strip(), [place]
            elif _LITERALS_ONLY.fullmatch(node.text):
                yield from _literals(node.sourceline, node.text, place)


def pack(file: IO[bytes], keywords: Any, comments: Any, options: Any) -> Found:
    """The place's name, the documents' titles, what keys and codes are called; values and quotations stay as the documents
    have them."""
    tree = tomllib.loads(file.read().decode())
    for part in ("names", "words"):
        yield from ((0, "", said, [key]) for key, said in tree.get(part, {}).items() if is_chinese(said))
    if is_chinese(tree.get("name")):
        yield 0, "", tree["name"], ["name"]
    for key, document in tree.get("documents", {}).items():
        for part in ("title", "short"):
            if is_chinese(document.get(part)):
                yield 0, "", document[part], [f"documents.{key}"]
