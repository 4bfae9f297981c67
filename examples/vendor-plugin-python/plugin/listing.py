"""Lists objects in the byte order of their keys, a page at a time.

The children of a folder are visited in the order of their paths, a folder's path ending in `/`: then the keys come in byte
order, since `a-b` and `a.b` lie before `a/b`. The token of a page is the last path on it.
"""

import os
import stat
from collections.abc import Iterator
from heapq import nsmallest

from wit_world.imports.siltstone_storage_types import ErrorKind, Page
from wit_world.imports.wasi_filesystem_types import Descriptor, DescriptorType

from entries import entries
from failures import doing, failure
from folder import Folder, describe
from keys import MAX_KEY, TEMPORARY, is_segment

# Objects and prefixes of one page at most, whatever was asked for.
MAX_PAGE = 5000
# Names of one folder that are held at once, at least.
MIN_BATCH = 256


def page(
    folder: Folder, granted: Descriptor, prefix: str, delimiter: str | None, token: str | None, limit: int
) -> Page:
    """One page of the objects whose keys begin with the prefix."""
    if delimiter not in (None, "/") or limit < 1:
        raise failure(ErrorKind.UNSUPPORTED, f"cannot list with delimiter {delimiter!r} and limit {limit}")
    if token is not None and not token.startswith(prefix):
        raise failure(ErrorKind.INTERNAL, f"{token[:MAX_KEY]!r} is not the token of a page of {prefix!r}")
    limit = min(limit, MAX_PAGE)
    # The deepest folder that the prefix names; no other holds a key that begins with it.
    base = prefix[: prefix.rfind("/") + 1]
    found = Page([], [], None)
    if not all(map(is_segment, base.split("/")[:-1])):
        return found
    walk = _Walk(folder, granted, prefix, delimiter is not None, token or "", limit + 1)
    last = ""
    with doing(f"list {prefix!r}"):
        for path, details in walk.below(base):
            if len(found.objects) + len(found.prefixes) == limit:
                found.next = last
                break
            if details is None:
                found.prefixes.append(path)
            else:
                found.objects.append(describe(path, details))
            last = path
    return found


class _Walk:
    def __init__(
        self, folder: Folder, granted: Descriptor, prefix: str, folds: bool, after: str, room: int
    ) -> None:
        self.folder = folder
        self.granted = granted
        self.prefix = prefix
        self.folds = folds
        self.after = after
        self.batch = max(room, MIN_BATCH)

    def below(self, base: str) -> Iterator[tuple[str, os.stat_result | None]]:
        """Paths of objects with their details, and of folded folders with `None`, in order."""
        # No recursion: a key has up to 512 segments, and the interpreter ends at a thousand calls.
        open_folders = [self._sorted(base)]
        while open_folders:
            path = next(open_folders[-1], None)
            if path is None:
                open_folders.pop()
            elif not path.endswith("/"):
                yield from self._object(path)
            elif not (self.folds and path.startswith(self.prefix)):
                open_folders.append(self._sorted(path))
            # An empty folder holds no key, so it is no prefix.
            elif next(_Walk(self.folder, self.granted, path, False, "", 1).below(path), None):
                yield path, None

    def _sorted(self, base: str) -> Iterator[str]:
        seen = ""
        while True:
            # A folder may hold any number of names; we hold a bounded number.
            batch = nsmallest(self.batch, (path for path in self._children(base) if path > seen))
            yield from batch
            if len(batch) < self.batch:
                return
            seen = batch[-1]

    def _object(self, path: str) -> Iterator[tuple[str, os.stat_result | None]]:
        try:
            details = os.lstat(self.folder.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISREG(details.st_mode):
            yield path, details

    def _children(self, base: str) -> Iterator[str]:
        """The paths in a folder that may be on the page or lead to it. Links, devices and others' files are no objects."""
        for name, kind in entries(self.granted, base.rstrip("/") or "."):
            if not is_segment(name) or (not base and name == TEMPORARY and not self._shows()):
                continue
            path = base + name
            if kind is DescriptorType.DIRECTORY:
                path += "/"
            elif kind is not DescriptorType.REGULAR_FILE:
                continue
            if len(path) <= MAX_KEY and self._concerns(path):
                yield path

    def _shows(self) -> bool:
        return self.prefix.startswith(TEMPORARY + "/")

    def _concerns(self, path: str) -> bool:
        leads = path.endswith("/")
        wanted = path.startswith(self.prefix) or (leads and self.prefix.startswith(path))
        # What comes after the token, and the folder that it lies in.
        return wanted and (path > self.after or (leads and path != self.after and self.after.startswith(path)))
