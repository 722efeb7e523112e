"""Folders for installations of their own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, so that sockets lie in the home too."""
    with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
        yield Path(folder)
