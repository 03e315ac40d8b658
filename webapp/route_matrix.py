"""The route matrix: every address and method of the site with who may use it (trust.md, check 11).

It is read from the declarations that the guard itself asks (``webapp.allowed``), stands in ``docs/routes.md`` as it was
last agreed, and a test holds the two together: who may use an address cannot change without that table changing.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from webapp.allowed import PUBLIC, SIGNED_IN, asks_identity, declared
from workflows.people import ROLES

_SILENT = frozenset({"HEAD", "OPTIONS"})


@dataclass(frozen=True, order=True)
class Entry:
    """One method of one address."""

    address: str
    method: str
    endpoint: str
    #: ``public``, ``signed_in``, or role keys in the order in which roles stand.
    who: tuple[str, ...]
    #: Whether password or code is asked once more.
    proof: bool

    def allows(self, *roles: str) -> bool:
        """Whether somebody who has signed in with these roles gets past the door."""
        return bool({PUBLIC, SIGNED_IN, *roles} & set(self.who))


def entries(app: Flask) -> list[Entry]:
    """Every address and method, in the order of addresses."""
    order = [PUBLIC, SIGNED_IN, *ROLES]
    return sorted(
        Entry(rule.rule, method, rule.endpoint, tuple(sorted(declared(app, rule.endpoint) or (), key=order.index)),
              asks_identity(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - _SILENT
    )  # fmt: skip


def document(app: Flask) -> str:
    """``docs/routes.md``."""
    lines = [
        "# Who may use which address", "",
        "Written by `jiaoyan routes --write` from the declarations that are asked before every request; a test fails when",
        "they differ, so that nothing is opened unseen. Which case, person or place somebody may see is asked in",
        "`workflows/access.py` besides. `public`: anybody; `signed_in`: whoever has signed in; else the roles of which one",
        "is enough. Proof: password or code is asked once more unless it was given within ten minutes.", "",
        "| address | method | who | proof |", "|---|---|---|---|",
        *(f"| `{one.address}` | {one.method} | {', '.join(one.who)} | {'yes' if one.proof else ''} |" for one in entries(app)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
