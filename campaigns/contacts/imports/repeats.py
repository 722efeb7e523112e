"""Finding who stands in a file more than once, in flat memory, so that the last row can win."""

import zlib
from collections.abc import Iterable


class Repeats:
    """The last row number of every address that occurs more than once.

    A bitmap of hashes (16 MB) says who was perhaps seen before; only those are kept by name, so that a file of
    millions costs no more than the bitmap and its real repetitions. Who is kept by mistake costs memory, never a
    wrong answer: their only row is then their last one.
    """

    BITS = 27

    def __init__(self, rows: Iterable[tuple[int, str]] = ()) -> None:
        self._seen = bytearray(1 << (self.BITS - 3))
        self._last: dict[str, int] = {}
        for number, key in rows:
            self.add(number, key)

    def add(self, number: int, key: str) -> None:
        """Note that row ``number`` names ``key``."""
        mixed = zlib.crc32(key.encode()) & ((1 << self.BITS) - 1)
        place, bit = mixed >> 3, 1 << (mixed & 7)
        if self._seen[place] & bit:
            self._last[key] = number
        else:
            self._seen[place] |= bit

    def is_superseded(self, number: int, key: str) -> bool:
        """Say whether a later row names the same person."""
        return self._last.get(key, number) > number
