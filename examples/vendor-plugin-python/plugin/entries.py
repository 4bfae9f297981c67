"""Reads the names in a folder.

Through `wasi:filesystem` itself: `os.scandir` fails in the middle when an entry vanishes, as temporary files do all the time.
"""

from collections.abc import Iterator

from componentize_py_types import Err
from wit_world.imports.wasi_filesystem_types import (
    Descriptor,
    DescriptorFlags,
    DescriptorType,
    ErrorCode,
    OpenFlags,
    PathFlags,
)

# No folder of that name, or none that we would follow.
MISSING = (ErrorCode.NO_ENTRY, ErrorCode.NOT_DIRECTORY, ErrorCode.LOOP)
# An entry that vanished meanwhile, and a name that is not UTF-8.
SKIPPED = (ErrorCode.NO_ENTRY, ErrorCode.ILLEGAL_BYTE_SEQUENCE)


def entries(granted: Descriptor, path: str) -> Iterator[tuple[str, DescriptorType]]:
    """Names and types in a folder, in no particular order; nothing where there is no such folder."""
    try:
        folder = granted.open_at(PathFlags(0), path, OpenFlags.DIRECTORY, DescriptorFlags.READ)
    except Err as raised:
        if raised.value in MISSING:
            return
        raise
    with folder, folder.read_directory() as stream:
        while True:
            try:
                entry = stream.read_directory_entry()
            except Err as raised:
                if raised.value in SKIPPED:
                    continue
                raise
            if entry is None:
                return
            yield entry.name, entry.type
