"""The office of one story: the product, its mail, and whoever comes in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.desk import Desk
from tests.browser.mailbox import Mailbox
from tests.browsing import WIDE
from tests.serving import Served


@dataclass
class Town:
    """The office of one story: the product, its mail, and whoever comes in."""

    served: Served
    mail: Mailbox
    open_page: Callable[..., Page]

    def visitor(self, width: int = WIDE) -> Desk:
        """Somebody who has not signed in yet."""
        return Desk(self.open_page(width=width), self.served.url)

    def official(self, name: str) -> Desk:
        """One of the office's people, at a browser of their own."""
        return self.visitor().sign_in(name)

    def command(self, *words: str) -> str:
        """Run ``jiaoyan`` on this office's data directory."""
        program = Path(sys.executable).with_name("jiaoyan")
        done = subprocess.run(
            [program, *words, "--data", self.served.data], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
