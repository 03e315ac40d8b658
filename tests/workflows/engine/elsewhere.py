"""The engine's verbs, each called in a process of its own that knows nothing but the bytes: nothing lives in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from tests.forking import processes
from workflows import engine

VERBS = ("start", "complete", "fire", "deliver", "resume", "report")


def verb(name: str, drawings: Mapping[str, bytes]) -> Callable[..., engine.Progress]:
    """The verb ``name`` as Walk calls it; ``drawings`` holds the bytes of each diagram by its file name."""

    def call(diagram: engine.Diagram, *given: Any, **more: Any) -> engine.Progress:
        *rest, house = given
        here, there = processes.Pipe(duplex=False)
        parts = dict(house.parts(""))
        process = processes.Process(
            target=_serve, args=(there, name, drawings[diagram.file], diagram.file, rest, parts, more)
        )
        process.start()
        there.close()
        answer = here.recv()
        process.join()
        if isinstance(answer, Exception):
            raise answer
        progress: engine.Progress = answer
        return progress

    return call


def _serve(
    to: Connection, name: str, raw: bytes, file: str, rest: list[Any], parts: dict[str, bytes], more: dict[str, Any]
) -> None:
    from tests.workflows.engine.drawing import house

    def stored(beginning: str) -> dict[str, bytes]:
        return {key: part for key, part in parts.items() if key.startswith(beginning)}

    try:
        (diagram,) = engine.read(raw, file=file)
        lent = engine.House({}, house().decide, house().now, parts=stored)
        to.send(getattr(engine, name)(diagram, *rest, lent, **more))
    except Exception as error:
        to.send(RuntimeError(f"{name}: {type(error).__name__}: {error}"))
