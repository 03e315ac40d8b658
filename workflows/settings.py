"""What an installation may choose, read once from the environment and the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

#: Moments are stored in UTC and shown in the office's zone.
OFFICE_ZONE = ZoneInfo("Asia/Shanghai")

#: Of whom a second factor may be asked.
SECOND_FACTOR_FOR = ("nobody", "administrators", "everybody")
#: Whom a passkey may sign in without a password; ``others`` are all but the three administrators.
PASSKEY_ALONE_FOR = ("nobody", "others", "everybody")


@dataclass(frozen=True)
class Settings:
    """Where things lie and how strict sign-in is. Times are seconds unless the name says otherwise."""

    #: Data directory: database (when SQLite), uploaded files, secret key.
    data: Path
    #: SQLAlchemy URL; SQLite in the data directory unless given.
    database_url: str
    #: Whether the data directory may be created as a demo (loopback only).
    demo: bool = False
    #: Minutes without a request after which a sign-in ends (ASVS V7.3.1).
    idle_minutes: int = 30
    #: Hours after which a sign-in ends whatever happens (ASVS V7.3.2).
    absolute_hours: int = 12
    #: Wrong passwords in a row that lock an account, and for how long.
    lockout_attempts: int = 5
    lockout_minutes: int = 15
    #: Days that a proxy (代办授权) stands in for somebody at most, first and last included.
    proxy_days: int = 90
    #: Who signs in with a second factor: ``nobody``, the three ``administrators``, or ``everybody``; nobody has to in a demo.
    second_factor: str = "administrators"
    #: Whom a passkey signs in without the password: ``nobody``, the ``others`` than the three administrators, or ``everybody``.
    passkey_alone: str = "others"
    #: Minutes for which a sign-in, a password or a code proves who somebody is, before a sensitive change.
    prove_minutes: int = 10
    #: Hours after which one person may urge one task again (催办), and how often a day a task is urged by all together.
    urge_hours: int = 24
    urges_a_day: int = 3
    #: How many of one's last passwords are not taken again, and days after which one is changed (0: never; ASVS V6.2.10).
    password_history: int = 5
    password_days: int = 0
    #: Days for which a first password opens anything at all.
    first_password_days: int = 14
    #: Days a confirmation link is good for.
    link_days: int = 3
    #: SMTP server as host:port; empty means that mail stays queued.
    smtp: str = ""
    #: Sender of mail.
    mail_from: str = "jiaoyan@localhost"
    #: Base address in links sent by mail.
    base_url: str = "http://127.0.0.1:8000"
    #: PRAGMA synchronous for SQLite; FULL survives a power cut, NORMAL is for benchmarks.
    sqlite_synchronous: str = "FULL"

    def __post_init__(self) -> None:
        """Refuse a word that would silently ask nobody."""
        if self.second_factor not in SECOND_FACTOR_FOR:
            raise ValueError(f"JIAOYAN_SECOND_FACTOR is one of {', '.join(SECOND_FACTOR_FOR)}, not {self.second_factor!r}")
        if self.passkey_alone not in PASSKEY_ALONE_FOR:
            raise ValueError(f"JIAOYAN_PASSKEY_ALONE is one of {', '.join(PASSKEY_ALONE_FOR)}, not {self.passkey_alone!r}")

    @classmethod
    def read(cls, data: Path | str, **given: object) -> Settings:
        """Settings for the data directory, with ``JIAOYAN_*`` variables and ``given`` values on top."""
        data = Path(data)
        values: dict[str, object] = {
            "data": data,
            "database_url": os.environ.get("JIAOYAN_DATABASE_URL") or f"sqlite:///{data / 'jiaoyan.sqlite3'}",
            "smtp": os.environ.get("JIAOYAN_SMTP", ""),
            "mail_from": os.environ.get("JIAOYAN_MAIL_FROM", cls.mail_from),
            "second_factor": os.environ.get("JIAOYAN_SECOND_FACTOR", cls.second_factor),
            "passkey_alone": os.environ.get("JIAOYAN_PASSKEY_ALONE", cls.passkey_alone),
            "password_days": int(os.environ.get("JIAOYAN_PASSWORD_DAYS", cls.password_days)),
            "base_url": os.environ.get("JIAOYAN_BASE_URL", cls.base_url),
        }
        values.update({key: value for key, value in given.items() if value is not None})
        return cls(**values)  # type: ignore[arg-type]
