"""Keys of objects: which there are, and how they become paths."""

import re

from wit_world.imports.siltstone_storage_types import ErrorKind

from failures import failure

MAX_KEY = 1024
SEGMENT = re.compile(r"[0-9A-Za-z._=-]+")

# Objects that are not complete lie here; the contract names the place.
TEMPORARY = ".siltstone-tmp"


def is_segment(name: str) -> bool:
    """Whether a name can be a part of a key. Files with other names are not ours."""
    return SEGMENT.fullmatch(name) is not None and name not in (".", "..")


def split(key: str) -> tuple[list[str], str]:
    """The folders of a key and its name. The host makes all keys; a defect of it must not become a path."""
    *folders, name = names = key.split("/")
    if len(key) > MAX_KEY or not all(map(is_segment, names)):
        raise failure(ErrorKind.INTERNAL, f"{key[:MAX_KEY]!r} is not a key")
    return folders, name
