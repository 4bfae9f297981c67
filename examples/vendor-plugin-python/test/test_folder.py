"""What a folder promises when the file system under it does not play along, and the kind of every error."""

import errno
import os
import stat
import sys
import tempfile
import types
import unittest
from unittest import mock

# The system's words that only WASI has, and the half of the bindings that only an instance has.
errno.ENOTCAPABLE = getattr(errno, "ENOTCAPABLE", 1 << 20)
sys.modules["componentize_py_runtime"] = types.ModuleType("componentize_py_runtime")

# pylint: disable=wrong-import-position
from componentize_py_types import Err  # noqa: E402
from wit_world.imports.siltstone_storage_types import ErrorKind, Outcome  # noqa: E402
from wit_world.imports.wasi_filesystem_types import ErrorCode  # noqa: E402

from failures import CODES, KIND_OF_CODE, KINDS, doing  # noqa: E402
from folder import Folder, Publish  # noqa: E402

FSYNC = os.fsync


def refusing(number: int):
    """A sync that works for files and not for folders."""

    def sync(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(number, os.strerror(number))
        FSYNC(file)

    return mock.patch("os.fsync", sync)


class Published(unittest.TestCase):
    """A file that becomes an object."""

    def setUp(self) -> None:
        base = tempfile.TemporaryDirectory()
        self.addCleanup(base.cleanup)
        self.root = base.name
        self.folder = Folder(base.name)

    def publish(self, key: str, how: Publish = Publish.REPLACE) -> None:
        temporary = self.folder.create_temporary("none")
        try:
            self.folder.publish(temporary, key, how)
        finally:
            self.folder.discard(temporary)

    def refused(self, key: str, how: Publish = Publish.REPLACE) -> tuple[ErrorKind, Outcome]:
        with self.assertRaises(Err) as caught:
            self.publish(key, how)
        self.assertIn(key, caught.exception.value.message)
        return caught.exception.value.kind, caught.exception.value.outcome

    def test_a_folder_that_cannot_be_synced_holds_nothing_back(self) -> None:
        for number in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            with refusing(number):
                self.publish("a")
        self.assertEqual(os.listdir(self.root), ["a"])

    def test_no_error_after_the_object_shows_says_that_nothing_happened(self) -> None:
        for number, kind in ((errno.EIO, ErrorKind.TRANSIENT), (errno.EACCES, ErrorKind.DENIED)):
            with refusing(number):
                self.assertEqual(self.refused("a"), (kind, Outcome.UNKNOWN))
            self.assertEqual(os.listdir(self.root), ["a"])

    def test_if_absent_finds_objects_and_nothing_else(self) -> None:
        self.publish("a", Publish.IF_ABSENT)
        self.assertEqual(self.refused("a", Publish.IF_ABSENT), (ErrorKind.ALREADY_EXISTS, Outcome.NO_EFFECT))
        os.mkdir(f"{self.root}/folder")
        os.symlink("a", f"{self.root}/link")
        for key in ("folder", "link"):
            self.assertEqual(self.refused(key, Publish.IF_ABSENT), (ErrorKind.UNSUPPORTED, Outcome.NO_EFFECT))

    def test_a_file_system_without_links_is_told_as_such(self) -> None:
        for number in (errno.ENOTSUP, errno.EPERM):
            with mock.patch("os.link", side_effect=OSError(number, "no")):
                self.assertEqual(self.refused("a", Publish.IF_ABSENT), (ErrorKind.UNSUPPORTED, Outcome.NO_EFFECT))
        self.assertEqual(os.listdir(self.root), [])


class Kinds(unittest.TestCase):
    """The tables of `failures`."""

    def kind(self, raised: BaseException) -> ErrorKind:
        with self.assertRaises(Err) as caught, doing("read a/b"):
            raise raised
        self.assertIn("cannot read a/b: ", caught.exception.value.message)
        return caught.exception.value.kind

    def test_every_word_of_the_system_has_its_kind(self) -> None:
        for kind, numbers in KINDS.items():
            for number in numbers:
                self.assertIs(self.kind(OSError(number, "word")), kind)
        self.assertIs(self.kind(OSError(errno.EIO, "word")), ErrorKind.TRANSIENT)

    def test_only_trouble_of_the_device_may_pass(self) -> None:
        for kind, codes in CODES.items():
            for code in codes:
                self.assertIs(self.kind(Err(code)), kind)
        passing = {code.name for code in ErrorCode if self.kind(Err(code)) is ErrorKind.TRANSIENT}
        expected = """WOULD_BLOCK ALREADY BUSY DEADLOCK IN_PROGRESS INTERRUPTED IO NO_DEVICE NO_LOCK INSUFFICIENT_MEMORY
            NO_SUCH_DEVICE PIPE TEXT_FILE_BUSY"""
        self.assertEqual(passing, set(expected.split()))
        self.assertEqual(len(KIND_OF_CODE), sum(map(len, CODES.values())), "a word has two kinds")


if __name__ == "__main__":
    unittest.main()
