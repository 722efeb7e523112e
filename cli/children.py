"""Start child processes that cannot outlive us and, where they refuse to be root, are not root."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
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


def die_with_parent(death_signal: int = signal.SIGTERM) -> None:
    """Ask the kernel to send us ``death_signal`` when our parent ends, however it ends (Linux only)."""
    parent = os.getppid()
    _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if parent != os.getppid():
        os.kill(os.getpid(), death_signal)


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
    log: Path | None,
    environment: Mapping[str, str] | None = None,
    death_signal: int = signal.SIGTERM,
    way_out: Callable[[], None] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own that dies with us; its output is appended to ``log``.

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

    output = subprocess.DEVNULL if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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
        if log is not None:
            os.close(output)
