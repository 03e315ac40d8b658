"""What comes from elsewhere: every package locked by digest, under a licence that an office may use, past the weaknesses we know of.

Whether a weakness was published since is asked of a service outside (docs/security.md); what is known to this project is
asked here, offline, in every run.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-node.lock")
#: Words of licences under which what we serve may be used and handed on, in part beside others (``OR``, ``AND``).
ALLOWED = re.compile(
    r"0BSD|Apache|BSD|CC0|ISC|LGPL|Lesser General Public|MIT|MPL|Mozilla Public|PSF|Python Software Foundation|Unlicense|Zlib|Zope", re.I
)
#: Packages whose own data name no licence, with what their source says.
SAID_ELSEWHERE = {
    "axe-playwright-python": "MIT: its LICENSE; tests only",
    "node_modules/cli-table": "MIT: its README; below bpmnlint, tests only",
    "node_modules/component-props": "MIT: its component.json; below diagram-js",
}
#: npm's "SEE LICENSE IN": packages of bpmn.io, whose licence asks that their watermark stays visible (README, Notes).
BPMN_IO = re.compile(r"node_modules/(bpmn-js|dmn-js(-[\w-]+)?|@bpmn-io/form-js(-[\w-]+)?)")
#: The first version without a weakness that we were told of, and where: design/trust.md, "Vulnerability classes".
FIRST_SOUND = {
    "lxml": ("6.1", "CVE-2026-41066"),
    "jinja2": ("3.1.6", "CVE-2025-27516, CVE-2024-56326, CVE-2024-56201"),
    "werkzeug": ("3.0.6", "CVE-2024-49767"),
}

Locked = dict[str, list[tuple[str, str, tuple[str, ...]]]]


def locked(root: Path, name: str) -> Locked:
    """Package -> (version, marker, digests) of each of its entries."""
    found: Locked = {}
    for entry in re.split(r"\n(?=\S)", (root / name).read_text(encoding="utf-8").strip()):
        head, *lines = entry.replace("\\\n", "\n").splitlines()
        match = re.fullmatch(r"([a-z0-9][a-z0-9._-]*)==([^ ;]+?)\s*(?:;\s*(.*?))?\s*", head.strip())
        assert match, f"{name}: {head!r} is not pinned"
        digests = [line.strip() for line in lines if line.strip()]
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in digests), f"{name}: {match[1]}"
        found.setdefault(match[1], []).append((match[2], match[3] or "", tuple(digests)))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_python_package_is_pinned_with_its_digests_and_names_no_host(root: Path, name: str) -> None:
    for package, entries in locked(root, name).items():
        assert all(digests for _, _, digests in entries), f"{package} has no digest"
    assert "://" not in (root / name).read_text(encoding="utf-8")


def test_what_is_served_is_what_is_tested(root: Path) -> None:
    def versions(name: str) -> set[tuple[str, str, tuple[str, ...]]]:
        return {(package, version, digests) for package, all_of in locked(root, name).items() for version, _, digests in all_of}

    assert versions("requirements.lock") <= versions("requirements-test.lock")


def test_every_package_that_we_ask_for_is_locked_as_we_ask_for_it(root: Path) -> None:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested, node = locked(root, "requirements-test.lock"), locked(root, "requirements-node.lock")
    for asked in (*project["dependencies"], *project["optional-dependencies"]["test"], *project["optional-dependencies"]["node"]):
        wanted = Requirement(asked)
        entries = (tested | node)[wanted.name.lower().replace("_", "-")]
        assert all(Version(version) in wanted.specifier for version, _, _ in entries), asked


def test_what_is_installed_here_is_what_the_lock_says(root: Path) -> None:
    for package, entries in locked(root, "requirements-test.lock").items():
        try:
            here = metadata.version(package)
        except metadata.PackageNotFoundError:
            assert all(marker for _, marker, _ in entries), f"{package} is not installed, though nothing excuses it"
        else:
            assert here in {version for version, _, _ in entries}, package


def licence(package: str) -> str:
    """What a package says of its licence, in whichever place."""
    found = metadata.metadata(package)
    said = [found.get("License-Expression") or "", *(one for one in found.get_all("Classifier", []) if one.startswith("License ::"))]
    return "; ".join(one for one in said if one) or (found.get("License") or "")[:80]


def test_every_python_package_has_a_licence_that_may_be_used(root: Path) -> None:
    unfit = {}
    for package in locked(root, "requirements-test.lock"):
        try:
            said = licence(package)
        except metadata.PackageNotFoundError:
            continue  # for another system
        if not ALLOWED.search(said) and package not in SAID_ELSEWHERE:
            unfit[package] = said
    assert unfit == {}


def test_every_npm_package_has_a_digest_and_a_licence_and_names_no_host(root: Path) -> None:
    lock = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    packages = {path: one for path, one in lock["packages"].items() if path}
    assert all(re.match(r"sha512-", one.get("integrity", "")) for one in packages.values())
    assert all("resolved" not in one for one in packages.values())
    unfit = {
        path: said
        for path, one in packages.items()
        if not ALLOWED.search(said := one.get("license") or "")
        and path not in SAID_ELSEWHERE
        and not (said.startswith("SEE LICENSE") and BPMN_IO.fullmatch(path))
    }
    assert unfit == {}


def test_no_package_is_older_than_the_weaknesses_we_know_of(root: Path) -> None:
    served = locked(root, "requirements.lock")
    old = {
        package: why
        for package, (first, why) in FIRST_SOUND.items()
        for version, _, _ in served[package]
        if Version(version) < Version(first)
    }
    assert old == {}
