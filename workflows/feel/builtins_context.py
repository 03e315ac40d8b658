"""Built-in functions over contexts (10.3.4.10) and a few widely used ones outside the standard."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import Value, kind


@built_in("get value", "m: context, key: text")
@built_in("get value", "context: context, key: text")
def get_value(run: Run, context: Mapping[str, Value], key: str) -> Value:
    return run.ready(context[key]) if key in context else None


@built_in("get value", "context: context, keys: list")
def get_value_deep(run: Run, context: Mapping[str, Value], keys: list[Value]) -> Value:
    value: Value = context
    for key in keys:
        if not isinstance(value, Mapping) or not isinstance(key, str) or key not in value:
            return None
        value = run.ready(value[key])
    return value


@built_in("get entries", "m: context")
@built_in("get entries", "context: context")
def get_entries(run: Run, context: Mapping[str, Value]) -> list[Value]:
    run.spend(3 * len(context))
    return [{"key": key, "value": run.ready(context[key])} for key in context]


@built_in("context", "entries: list")
def make_context(run: Run, entries: list[Value]) -> dict[str, Value] | None:
    found: dict[str, Value] = {}
    run.spend(len(entries))
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str) or "value" not in entry:
            return run.fail("context: an entry is not {key: string, value: any}")
        if entry["key"] in found:
            return run.fail(f"context: the key {entry['key']!r} occurs twice")
        found[entry["key"]] = run.ready(entry["value"])
    return found


@built_in("context put", "context: context, key: text, value: any")
def context_put(run: Run, context: Mapping[str, Value], key: str, value: Value) -> dict[str, Value]:
    run.spend(len(context))
    return {**{name: run.ready(context[name]) for name in context}, key: value}


@built_in("context put", "context: context, keys: list, value: any")
def context_put_deep(run: Run, context: Mapping[str, Value], keys: list[Value], value: Value) -> Value:
    run.spend(len(keys))
    if not keys or not all(isinstance(key, str) for key in keys):
        return run.fail("context put: the keys are not a list of strings")
    inner = value
    if len(keys) > 1:
        below = run.ready(context[keys[0]]) if keys[0] in context else {}
        if not isinstance(below, Mapping):
            return run.fail(f"context put: the entry {keys[0]!r} is a {kind(below)}")
        inner = context_put_deep(run, below, keys[1:], value)
        if inner is None:
            return None
    return context_put(run, context, keys[0], inner)


@built_in("context merge", "contexts: list")
def context_merge(run: Run, contexts: list[Value]) -> dict[str, Value] | None:
    merged: dict[str, Value] = {}
    for context in contexts:
        if not isinstance(context, Mapping):
            return run.fail(f"context merge: an item is a {kind(context)}")
        run.spend(len(context))
        merged.update({key: run.ready(context[key]) for key in context})
    return merged
