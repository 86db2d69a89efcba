"""Server processes that end with the process that started them, even when that one is killed.

Start them from the main thread: on Linux the thread that starts a process counts as its parent.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
POLL_SECONDS = 0.02
PORT_TRIES_MAX = 3  # Between finding a free port and listening on it, another process may take it.
LOG_LINES_SHOWN = 30

GUARD = """
import ctypes, os, sys
number, parent, user, group, *command = sys.argv[1:]
if user:
    os.setgroups([])
    os.setgid(int(group))
    os.setuid(int(user))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(number))  # PR_SET_PDEATHSIG, which a change of user clears
if os.getppid() != int(parent):
    sys.exit("the process that asked for this server is gone")
os.execvp(command[0], command)
"""
"""Becomes the server; changes user by itself, since another user may be unable to start this Python."""


class ServerDidNotStartError(RuntimeError):
    """A server ended or did not listen in time; the message ends with its own log."""


class Account(Struct, frozen=True, kw_only=True):
    """Who runs a server: ourselves, or somebody with fewer rights."""

    programs: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def own(self, *paths: Path) -> None:
        """Hand *paths* to this account."""
        if self.user is not None and self.group is not None:
            for path in paths:
                os.chown(path, self.user, self.group)


def without_root(programs: Path, folder: Path) -> Account:
    """Find an account that PostgreSQL agrees to run under: it refuses root.

    Root in a user namespace of its own keeps root's access to files under another name. Where namespaces are
    forbidden `nobody` runs it, from a copy in *folder* if the programs are closed to others.
    """
    if os.geteuid() != 0:
        return Account(programs=programs)
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if shutil.which("unshare") and _runs((*namespace, "true")):
        return Account(programs=programs, prefix=namespace)
    return as_nobody(programs, folder)


def as_nobody(programs: Path, folder: Path) -> Account:
    """Run as the user nobody; only root can."""
    nobody = pwd.getpwnam("nobody")
    folder.chmod(0o755)
    if not _runs((str(programs / "postgres"), "--version"), user=nobody.pw_uid, group=nobody.pw_gid):
        programs = _copy_beside_libraries(programs, folder)
    return Account(programs=programs, user=nobody.pw_uid, group=nobody.pw_gid)


def _copy_beside_libraries(programs: Path, folder: Path) -> Path:
    """Copy the wheel as it lies: its programs look for their libraries in a folder next to the package."""
    package = programs.parent.parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "*.py*"))
    return folder / programs.relative_to(package.parent)


def _runs(command: Sequence[str], user: int | None = None, group: int | None = None) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", user=user, group=group)
    except PermissionError:
        return False
    return done.returncode == 0


class Server:
    """One server process, its port and its log."""

    def __init__(
        self,
        log: Path,
        command: Callable[[int], Sequence[str]],
        ready: Callable[[int], bool],
        *,
        stop_with: signal.Signals = signal.SIGTERM,
        account: Account | None = None,
    ) -> None:
        self.port = 0
        self._log = log
        self._command = command
        self._ready = ready
        self._stop_with = stop_with
        self._account = account or Account(programs=Path("/"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process itself; 0 when it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start on a free port, or on the same port as before, and wait until it answers."""
        tries = 1 if self.port else PORT_TRIES_MAX
        for left in reversed(range(tries)):
            self.port = self.port or free_port()
            self._process = self._open()
            if self._answers(self._process):
                return
            self.stop()
            if not left:
                raise ServerDidNotStartError(self._complaint())
            self.port = 0

    def stop(self, with_signal: signal.Signals | None = None) -> None:
        """End it and wait; after a bounded wait the kernel ends it."""
        if self._process is None:
            return
        self._process.send_signal(with_signal or self._stop_with)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _open(self) -> subprocess.Popen[bytes]:
        settings = (int(self._stop_with), os.getpid(), self._account.user or "", self._account.group or "")
        guard = (sys.executable, "-I", "-S", "-c", GUARD, *map(str, settings))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                (*guard, *self._account.prefix, *self._command(self.port)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._ready(self.port):
                return process.poll() is None
            try:
                process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def _complaint(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join((f"No server on port {self.port}; its log ends:", *lines))


def free_port() -> int:
    """Find a port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Tell whether somebody listens on *port* of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
