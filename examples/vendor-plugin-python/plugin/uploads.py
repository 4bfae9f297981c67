"""Uploads in parts: a temporary file that the parts are written into, each at its place."""

import os
import re
from dataclasses import dataclass

from wit_world.imports.siltstone_storage_types import ErrorKind

from failures import failure
from folder import Publish
from keys import TEMPORARY

SUFFIX = ".parts"
MAX_PART = 1 << 30
MAX_PARTS = 1_000_000
# Offsets of files are signed.
MAX_FILE = (1 << 63) - 1

ID = re.compile(r"1:([0-9a-z-]{1,64}):([0-9a-f]{32}):([0-9]{1,19}):(-|[0-9]{1,19}):(replace|if-absent)")
ATTEMPT = re.compile(r"[0-9a-z-]{1,64}")


def attempt_of(attributes: list[tuple[str, str]]) -> str:
    """Who writes. A content type and a tag have no place in a file; everything else is refused by name."""
    attempt = "none"
    for name, value in attributes:
        if name == "attempt":
            if not ATTEMPT.fullmatch(value):
                raise failure(ErrorKind.INTERNAL, f"attribute attempt must be [0-9a-z-], not {value[:80]!r}")
            attempt = value
        elif name not in ("content-type", "tag"):
            raise failure(ErrorKind.UNSUPPORTED, f"attribute {name[:80]!r} is not supported by folder")
    return attempt


@dataclass(frozen=True)
class Upload:
    """All that any instance must know about an upload; it is written in its id."""

    # Key of the temporary file.
    temporary: str
    part_size: int
    total: int | None
    publish: Publish

    def id(self) -> str:
        """`1:<attempt>:<unique>:<part size>:<total or ->:<condition>`."""
        _, attempt, name = self.temporary.split("/")
        total = "-" if self.total is None else self.total
        return f"1:{attempt}:{name.removesuffix(SUFFIX)}:{self.part_size}:{total}:{self.publish.value}"

    @classmethod
    def parse(cls, text: str) -> "Upload | None":
        """Reads an id. What we did not write is no upload, and can name no other file than one of ours."""
        if (found := ID.fullmatch(text)) is None:
            return None
        attempt, unique, part_size, total, condition = found.groups()
        temporary = f"{TEMPORARY}/{attempt}/{unique}{SUFFIX}"
        known = None if total == "-" else int(total)
        return cls(temporary, int(part_size), known, Publish(condition))

    def offset(self, number: int, size: int) -> int:
        """Where a part of this many bytes begins."""
        start = (number - 1) * self.part_size
        most = MAX_FILE if self.total is None else self.total
        if not 1 <= number <= MAX_PARTS or size > self.part_size or start + size > most:
            raise failure(ErrorKind.UNSUPPORTED, f"there is no place for part {number} of {size} bytes")
        return start

    def length(self, tags: list[tuple[int, str]]) -> int:
        """Length of the object that these parts make up."""
        length = 0
        for expected, (number, tag) in enumerate(tags, 1):
            if number != expected or (size := size_of(number, tag)) is None or length != (number - 1) * self.part_size:
                raise failure(ErrorKind.INTERNAL, f"part {expected} is missing, or {tag[:80]!r} is not its tag")
            length = self.offset(number, size) + size
        if not tags or self.total not in (None, length):
            raise failure(ErrorKind.INTERNAL, f"{len(tags)} parts of {length} bytes are not the whole object")
        return length


def tag(number: int, size: int) -> str:
    """The tag of a part that has been written."""
    return f"{number}-{size}"


def size_of(number: int, text: str) -> int | None:
    """The size that a tag tells."""
    size = text.partition("-")[2]
    return int(size) if size.isdecimal() and len(size) < 20 and tag(number, int(size)) == text else None


def cut(path: str, length: int) -> None:
    """Ends a file there. The last part may have been longer when it was sent before."""
    file = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(file, length)
        os.fsync(file)
    finally:
        os.close(file)
