"""A mail server for the product to deliver to, as an office would have one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Mailbox:
    """What was delivered, in the order of arrival."""

    host: str = "127.0.0.1"
    port: int = 0
    arrived: Queue[EmailMessage] = field(default_factory=Queue)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a message in."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.arrived.put(message)
        return "250 OK"

    def next(self, words: str, timeout: float = 30) -> tuple[str, str]:
        """Recipient and text of the next message whose subject says that; others before it are passed over."""
        while True:
            message = self.arrived.get(timeout=timeout)
            if words in str(message["Subject"]):
                return str(message["To"]), message.get_content()

    def link(self, words: str) -> str:
        """The path of the link in that message."""
        found = re.search(r"https?://[^/\s]+(/\S+)", self.next(words)[1])
        assert found
        return found[1]


@contextmanager
def open_mailbox(port: int) -> Iterator[Mailbox]:
    """Take in mail at that port of this machine."""
    box = Mailbox(port=port)
    controller = Controller(box, hostname=box.host, port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
