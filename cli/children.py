"""Start child processes that cannot outlive us and, where they refuse to be root, are not root."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.logs import configure_logging

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CLONE_NEWUSER = 0x10000000
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534

# Loaded before any fork: a forked child must not open libraries.
_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityWord(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def end_with_parent() -> None:
    """Get a SIGTERM when the program that started us ends: nobody is left to stop us by Ctrl-C."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _enter_user_namespace() -> None:
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")


def _become_nobody() -> None:
    """Become an ordinary user who may still pass closed folders, so that the data can stay where it is."""
    _libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    mask = 1 << CAP_DAC_OVERRIDE
    words = (_CapabilityWord * 2)(_CapabilityWord(mask, mask, mask), _CapabilityWord(0, 0, 0))
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    if _libc.capset(ctypes.byref(header), words) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    if _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_CAP_AMBIENT)")


def can_enter_user_namespace() -> bool:
    """Say whether this machine lets us make a user namespace (many containers do not)."""
    child = os.fork()
    if child == 0:
        os._exit(0 if _libc.unshare(CLONE_NEWUSER) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def way_out_of_root() -> Callable[[], None] | None:
    """Return what a child must call before it runs a program that refuses root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    return _enter_user_namespace if can_enter_user_namespace() else _become_nobody


def owner_after(way_out: Callable[[], None] | None) -> int:
    """Return the user id that must own the files of a child that went ``way_out``."""
    return NOBODY if way_out is _become_nobody else os.geteuid()


def start_child(
    arguments: Sequence[str],
    *,
    log_file: Path | None,
    environment: Mapping[str, str] | None = None,
    death_signal: int = signal.SIGTERM,
    way_out: Callable[[], None] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own that dies with us; its output is appended to ``log_file``.

    Must be called from the main thread: the kernel sends the death signal when the *thread* that forked ends.
    """
    parent = os.getpid()

    def prepare() -> None:
        if way_out is not None:
            way_out()
        # Changing credentials forgets the death signal, so it is asked for last.
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    output = (
        subprocess.DEVNULL if log_file is None else os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    )
    try:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            preexec_fn=prepare,
            start_new_session=True,
        )
    finally:
        if log_file is not None:
            os.close(output)


class Forked:
    """A child made by fork, with the few methods of a Popen that a supervisor needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal) once the child has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def fork_child(run: Callable[[], None], *, name: str, log_file: Path, close: Sequence[int] = ()) -> Forked:
    """Run a function in a forked child that dies with us; what is already imported is shared, not loaded again.

    The caller must hold no database connection. ``close`` are descriptors that the child must not keep open; the
    first 15 letters of ``name`` are what `ps -o comm` and `top` show.
    """
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Forked(pid)
    code = 1
    try:
        _begin_child(parent, log_file, close)
        _libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        log.exception("%s ended", name)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _begin_child(parent: int, log_file: Path, close: Sequence[int]) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    for descriptor in close:
        os.close(descriptor)
    output = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    source = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((source, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, standard)
    os.close(output)
    os.close(source)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    configure_logging("info")
