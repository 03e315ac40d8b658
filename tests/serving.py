"""The product as a user runs it: a process of its own that can be stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

#: Seconds within which a started server must answer /healthz.
PATIENCE = 60


class Served:
    """``jiaoyan serve`` on a data directory. The port stays the same over restarts, as a browser expects."""

    def __init__(self, data: Path, *, arguments: Sequence[str] = (), environment: dict[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.log = data.parent / f"{data.name}.served.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Served:
        """Start it and wait until it answers."""
        command = [str(Path(sys.executable).with_name("jiaoyan")), "serve", "--port", str(self.port)]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data), *self.arguments],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise AssertionError(f"jiaoyan serve ended with {self._process.returncode}:\n{self.tail()}")
            try:
                self.health()
                return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise AssertionError(f"no answer from /healthz within {PATIENCE} s:\n{self.tail()}")

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=20) as answer:  # noqa: S310 - our own loopback address
            return dict(json.load(answer))

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def restart(self) -> Served:
        self.stop()
        return self.start()

    def tail(self, lines: int = 60) -> str:
        """The last lines of what it logged."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"jiaoyan serve did not end within 20 s:\n{self.tail()}") from error
        finally:
            self._process = None


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start the product on a data directory of this test: ``serve("office", arguments=["--…"])``."""
    started: list[Served] = []

    def start(name: str = "data", **options: object) -> Served:
        served = Served(tmp_path / name, **options)  # type: ignore[arg-type]
        started.append(served)
        return served.start()

    yield start
    for served in started:
        served.stop()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """The product with its demo data, freshly started."""
    return serve()
