"""The child process in which authors' sources are compiled. Started by ``sandbox.py``; never imported by anything else.

It reads one request a time from its standard input (length, then JSON) and answers on its standard output. It has
no secrets in its environment, opens no sockets, starts no processes, writes no files, and ends with its parent.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO

from campaigns.rendering.compile import check_content, compile_content
from campaigns.rendering.content import ContentSource, MailContext, Recipient, problem_to_plain
from campaigns.rendering.preview import render_preview
from campaigns.rendering.problems import ContentErrors

CPU_SECONDS = 5
WALL_SECONDS = 10
ADDRESS_SPACE_BYTES = 1024**3
LENGTH = struct.Struct(">I")
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "ctypes.dlopen", "ftplib.")


def main() -> None:
    """Answer requests until the input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing a library prints may get between the answers
    bound()
    while (request := read_frame(requests)) is not None:
        start_clock()
        answer = json.dumps(answer_to(json.loads(request)), ensure_ascii=True).encode()
        signal.alarm(0)
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def bound() -> None:
    """Limit what this process may take, once everything is imported."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"{event} is not allowed while compiling.")


def start_clock() -> None:
    """Give the next request its time: beyond it the kernel kills this process, whatever library it is in."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    signal.alarm(WALL_SECONDS)


def read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def answer_to(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request: ``compile``, ``check`` or ``preview``."""
    source, attributes = ContentSource(**request["source"]), request["attributes"]
    try:
        if request["do"] == "compile":
            return {"compiled": compile_content(source, attributes=attributes).to_json().decode()}
        if request["do"] == "check":
            return {"problems": [problem_to_plain(each) for each in check_content(source, attributes=attributes)]}
        recipient, context = Recipient(**request["recipient"]), MailContext(**request["context"])
        preview = render_preview(source, recipient, context, attributes=attributes)
        problems = [problem_to_plain(problem) for problem in preview.problems]
        return {"preview": {**vars(preview), "problems": problems}}
    except ContentErrors as error:
        return {"errors": [problem_to_plain(problem) for problem in error.problems]}
    except (MemoryError, RecursionError) as error:
        return {"too_costly": type(error).__name__}


if __name__ == "__main__":
    main()
