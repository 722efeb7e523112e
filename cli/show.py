"""What the launcher says to the person in front of it."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click


class Steps:
    """Numbered steps, each with the time it took: never a silent wait."""

    def __init__(self, *, done: int, total: int) -> None:
        self.done = done
        self.total = total

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a step while it is taken."""
        self.done += 1
        started = time.monotonic()
        click.echo(f"{self.done}/{self.total} {what} … ", nl=False)
        sys.stdout.flush()
        try:
            yield
        except BaseException:
            click.echo("")
            raise
        click.echo(f"{time.monotonic() - started:.1f} s")


def show_box(lines: Sequence[str]) -> None:
    """Print lines between two rules; whole, so that an address can be copied."""
    rule = "─" * min(max(len(line) for line in lines) + 2, 100)
    click.echo("\n".join(["", rule, *(f" {line}" for line in lines), rule, ""]))


def is_terminal() -> bool:
    """Say whether a person reads what we print."""
    return sys.stdout.isatty()
