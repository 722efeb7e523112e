"""Forks workers on demand, everything imported beforehand: ``NAME QUEUE`` on standard input, the pid on the output.

When it dies, its workers die (PR_SET_PDEATHSIG), as with the launcher.
"""

import signal
import sys
from pathlib import Path

from cli import parts
from cli.children import fork_child


def main() -> None:
    folder = Path(sys.argv[1])
    for module in ("workers.process", "workers.scheduler", "workers.jobs"):
        __import__(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        name, what = line.split()
        run = parts.run_scheduler if what == "scheduler" else lambda what=what: parts.run_worker(what)
        child = fork_child(run, name=name, log_file=folder / f"{name}.log")
        print(child.pid, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
