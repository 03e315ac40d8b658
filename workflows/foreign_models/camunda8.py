"""What Camunda 8 accepts and the dialect writes otherwise: forms inside the diagram, targets with a path."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from workflows.foreign_models.camunda_people import form_id
from workflows.foreign_models.model import Model, zeebe


def adapt(model: Model) -> None:
    """Every form by its id, every mapping into whole variables."""
    for form in list(model.root.iter(zeebe("userTaskForm"))):
        model.rewritten(form.getparent().getparent(), f"图内的表单 {form.get('id')} 删除：表单另存为文件")
        model.drop(form)
    for definition in list(model.root.iter(zeebe("formDefinition"))):
        _form(model, definition)
    for tag in ("formDefinition", "calledDecision", "calledElement"):
        for definition in list(model.root.iter(zeebe(tag))):
            if definition.get("bindingType") == "latest":
                del definition.attrib["bindingType"]
                model.rewritten(_owner(definition), "删除 bindingType latest：图、表、表单同时部署")
    for mapping in list(model.root.iter(zeebe("ioMapping"))):
        for way in ("input", "output"):
            _whole(model, mapping, way)


def _owner(extension: Any) -> Any:
    return extension.getparent().getparent()


def _form(model: Model, definition: Any) -> None:
    key = definition.get("formKey")
    if key and not definition.get("formId") and not key.startswith("="):
        definition.set("formId", form_id(re.sub(r"^camunda-forms:bpmn:", "", key)))
        del definition.attrib["formKey"]
        model.rewritten(_owner(definition), f"formKey {key} 改写为 formId={definition.get('formId')}")


def _whole(model: Model, mapping: Any, way: str) -> None:
    """`a.b` and `a.c` as targets are one context `a`."""
    paths: dict[str, list[tuple[list[str], str, Any]]] = defaultdict(list)
    for line in mapping.findall(zeebe(way)):
        target, source = line.get("target", ""), line.get("source", "").strip()
        first, _, rest = target.partition(".")
        if rest and first.isidentifier():
            value = source[1:].strip() if source.startswith("=") else '"' + source.replace('"', '\\"') + '"'
            paths[first].append((rest.split("."), value, line))
    taken = {line.get("target") for line in mapping.findall(zeebe(way))}
    for first, lines in paths.items():
        if first in taken or way == "output":
            continue  # what is there already would have to be kept in part
        tree: dict[str, Any] = {}
        for keys, value, _line in lines:
            inner = tree
            for key in keys[:-1]:
                inner = inner.setdefault(key, {})
            inner[keys[-1]] = value
        lines[0][2].set("target", first)
        lines[0][2].set("source", "=" + _context(tree))
        for _keys, _value, line in lines[1:]:
            mapping.remove(line)
        model.rewritten(_owner(mapping), f"{way} {first}.… 改写为一个上下文 {first}")


def _context(tree: dict[str, Any]) -> str:
    inside = (f'"{key}": {_context(value) if isinstance(value, dict) else value}' for key, value in tree.items())
    return "{" + ", ".join(inside) + "}"
