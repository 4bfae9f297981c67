"""The granted folder: makes, finds, publishes and removes what lies in it, so that it survives a crash."""

import errno
import os
import stat
from enum import Enum

from wit_world.imports.siltstone_storage_types import (
    ErrorKind,
    ObjectMeta,
    Outcome,
    Precondition,
    Precondition_IfAbsent,
    Precondition_IfMatch,
)

from failures import doing, failure, kind_of
from keys import TEMPORARY, split

# How often a step is tried whose folder others keep removing because it was empty.
TRIES = 128
# What file systems say that give no file a second name.
NO_LINKS = (errno.ENOTSUP, errno.EPERM, errno.EXDEV, errno.EMLINK)
# What network and FUSE file systems say that never hold the entries of a folder back, and so have nothing to sync.
NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
# Folders whose entry is remembered to be durable, at most.
MAX_DURABLE = 256


class Publish(Enum):
    """How a complete temporary file becomes an object. The words stand in ids of uploads."""

    # By a rename, which replaces what is there.
    REPLACE = "replace"
    # By a hard link, which fails when something is there.
    IF_ABSENT = "if-absent"

    @classmethod
    def of(cls, condition: Precondition) -> "Publish":
        """The way that honours a condition. A file system cannot compare and replace in one step."""
        if isinstance(condition, Precondition_IfMatch):
            raise failure(ErrorKind.UNSUPPORTED, "folder cannot put with if-match")
        return cls.IF_ABSENT if isinstance(condition, Precondition_IfAbsent) else cls.REPLACE


def sync(path: str) -> None:
    """Makes the entries of a folder durable, where the file system has such a thing."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    except OSError as raised:
        if raised.errno not in NO_SYNC:
            raise
    finally:
        os.close(folder)


def describe(key: str, found: os.stat_result) -> ObjectMeta:
    """What is told of an object. A file is never changed in place: size, time and number tell contents apart."""
    etag = f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}"
    return ObjectMeta(key, found.st_size, etag, max(found.st_mtime_ns, 0) // 1_000_000)


class Folder:
    """One location. It holds nothing that a call depends on, only what spares repeated work."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._durable: set[str] = set()

    def path(self, *names: str) -> str:
        """The path of a key or of its parts."""
        return "/".join(("" if self.root == "/" else self.root, *names))

    def create_temporary(self, attempt: str, suffix: str = "") -> str:
        """Makes an empty temporary file with a name that no other has, and answers its key."""
        key = f"{TEMPORARY}/{attempt}/{os.urandom(16).hex()}{suffix}"
        for _ in range(TRIES):
            try:
                os.close(os.open(self.path(key), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                return key
            except FileNotFoundError:
                self._make(TEMPORARY)
                self._make(TEMPORARY, attempt)
        raise failure(ErrorKind.TRANSIENT, f"cannot make a file in {TEMPORARY}: the folder keeps being removed")

    def discard(self, temporary: str) -> None:
        """Removes a temporary file, and its folders as far as they are empty. What stays is listed, and can be deleted."""
        try:
            os.unlink(self.path(temporary))
        except OSError:
            pass
        self.prune(temporary.split("/")[:-1])

    def publish(self, temporary: str, key: str, how: Publish) -> ObjectMeta:
        """Gives a synced temporary file the name of the key. It keeps its own name after `IF_ABSENT`."""
        folders, _ = split(key)
        for _ in range(TRIES):
            with doing(f"put {key}", Outcome.UNKNOWN):
                try:
                    found = self._place(temporary, folders, key, how)
                except FileNotFoundError:
                    # A delete found the folder empty and removed it just before we used it.
                    self._durable.clear()
                    continue
            try:
                sync(self.path(*folders))
            except OSError as raised:
                # Others see it by now, so no error may say that nothing happened.
                text = f"cannot sync {key}: {raised.strerror}"
                raise failure(kind_of(raised), text, Outcome.UNKNOWN) from None
            return describe(key, found)
        raise failure(ErrorKind.TRANSIENT, f"cannot put {key}: its folder or temporary file keeps being removed")

    def _place(self, temporary: str, folders: list[str], key: str, how: Publish) -> os.stat_result:
        source, target = self.path(temporary), self.path(key)
        found = os.stat(source)
        self._ensure(folders)
        if how is Publish.REPLACE:
            os.rename(source, target)
            return found
        try:
            os.link(source, target)
        except FileExistsError:
            if not stat.S_ISREG(os.lstat(target).st_mode):
                text = f"cannot put {key}: something that is no file has that name"
                raise failure(ErrorKind.UNSUPPORTED, text) from None
            raise
        except OSError as raised:
            if raised.errno in NO_LINKS:
                text = f"cannot put {key} if-absent: this file system has no hard links ({raised.strerror})"
                raise failure(ErrorKind.UNSUPPORTED, text) from None
            raise
        return found

    def prune(self, folders: list[str]) -> int:
        """Removes a folder and those above it, as far as they are empty; answers how many still stand."""
        for standing in range(len(folders), 0, -1):
            path = self.path(*folders[:standing])
            try:
                os.rmdir(path)
            except FileNotFoundError:
                pass
            except OSError:
                return standing
            self._durable.discard(path)
        return 0

    def _ensure(self, folders: list[str]) -> None:
        """Makes what is missing, and every entry on the way durable: what another writer made may not be yet."""
        for depth in range(len(folders)):
            path = self.path(*folders[: depth + 1])
            if path in self._durable:
                continue
            self._make(*folders[: depth + 1])
            sync(self.path(*folders[:depth]))
            if len(self._durable) >= MAX_DURABLE:
                self._durable.clear()
            self._durable.add(path)

    def _make(self, *names: str) -> None:
        try:
            os.mkdir(self.path(*names))
        except (FileExistsError, FileNotFoundError):
            # Where the folder above is gone as well, the next step says so and is tried again.
            pass
