"""The resource `handle` of the interface `store`. The toolchain looks for it in a module of this name."""

import os
import stat
from typing import Self, override

from wit_world.exports import store
from wit_world.imports.io import Blob, Sink
from wit_world.imports.siltstone_storage_types import (
    Capabilities,
    DigestKinds,
    Error,
    ErrorKind,
    Location,
    ObjectMeta,
    Outcome,
    Page,
    PartOrder,
    PartRules,
    Precondition,
    Preconditions,
)

import config
import listing
import transfer
from componentize_py_types import Err
from failures import doing, failure, kind_of, missing
from folder import Folder, Publish, describe, sync
from keys import split
from uploads import MAX_FILE, MAX_PART, MAX_PARTS, SUFFIX, Upload, attempt_of, cut, tag

DELETE_BATCH = 1000
IN_FLIGHT = 4

Attributes = list[tuple[str, str]]


class Handle(store.Handle):
    """One location. A method ends with its answer, or raises `Err` with an `Error`; anything else ends the instance."""

    def __init__(self, path: str) -> None:
        self.folder = Folder(path)
        self.granted = transfer.granted(path)

    @override
    @classmethod
    def open(cls, settings: list[tuple[str, str]], location: Location) -> Self:
        return cls(config.folder(settings, location))

    @override
    def home(self) -> str:
        return self.folder.root

    @override
    def capabilities(self) -> Capabilities:
        return Capabilities(
            max_put=MAX_FILE,
            max_object=MAX_FILE,
            parts=PartRules(PartOrder.ANY_ORDER, 1, MAX_PART, 1, MAX_PARTS),
            preconditions=Preconditions.IF_ABSENT,
            digests=DigestKinds(0),
            delete_batch=DELETE_BATCH,
            in_flight=IN_FLIGHT,
        )

    @override
    def put(self, key: str, body: Blob, condition: Precondition, attributes: Attributes) -> ObjectMeta:
        split(key)
        publish, attempt = Publish.of(condition), attempt_of(attributes)
        with doing(f"make a temporary file for {key}"):
            temporary = self.folder.create_temporary(attempt)
        try:
            transfer.write(self.granted, temporary, 0, body, key)
            return self.folder.publish(temporary, key, publish)
        finally:
            self.folder.discard(temporary)

    @override
    def get(self, key: str, offset: int, len: int | None, to: Sink) -> int:  # pylint: disable=redefined-builtin
        # The look before keeps a pipe from holding us up.
        self._find(key)
        return transfer.read(self.granted, key, offset, len, to)

    @override
    def head(self, key: str) -> ObjectMeta:
        return describe(key, self._find(key))

    @override
    def list(self, prefix: str, delimiter: str | None, token: str | None, limit: int) -> Page:
        return listing.page(self.folder, self.granted, prefix, delimiter, token, limit)

    @override
    def delete(self, keys: list[str]) -> list[tuple[str, Error]]:
        refused: list[tuple[str, Error]] = []
        gone: dict[tuple[str, ...], list[str]] = {}
        for key in keys:
            try:
                folders, _ = split(key)
                with doing(f"delete {key}", Outcome.UNKNOWN):
                    if self._remove(key):
                        gone.setdefault(tuple(folders), []).append(key)
            except Err as raised:
                refused.append((key, raised.value))
        for folders, names in gone.items():
            standing = self.folder.prune([*folders])
            # Nobody may meet again after a crash what we said is gone.
            try:
                sync(self.folder.path(*folders[:standing]))
            except FileNotFoundError:
                continue
            except OSError as raised:
                kind = kind_of(raised)
                for name in names:
                    text = f"cannot sync the delete of {name}: {raised.strerror}"
                    refused.append((name, failure(kind, text, Outcome.UNKNOWN).value))
        return refused

    @override
    def multipart_start(
        self, key: str, part_size: int, total: int | None, condition: Precondition, attributes: Attributes
    ) -> str:
        split(key)
        publish, attempt = Publish.of(condition), attempt_of(attributes)
        if not 1 <= part_size <= MAX_PART or (total or 0) > MAX_FILE:
            raise failure(ErrorKind.UNSUPPORTED, f"cannot upload {key} in parts of {part_size} bytes")
        with doing(f"make a temporary file for {key}"):
            temporary = self.folder.create_temporary(attempt, SUFFIX)
        return Upload(temporary, part_size, total, publish).id()

    @override
    def multipart_put(self, key: str, id: str, number: int, body: Blob) -> str:  # pylint: disable=redefined-builtin
        upload = self._upload(key, id)
        size = body.size()
        start = upload.offset(number, size)
        transfer.write(self.granted, upload.temporary, start, body, key)
        if size < upload.part_size:
            with doing(f"write part {number} of {key}"):
                cut(self.folder.path(upload.temporary), start + size)
        return tag(number, size)

    @override
    def multipart_finish(self, key: str, id: str, tags: list[tuple[int, str]]) -> ObjectMeta:  # pylint: disable=redefined-builtin
        upload = self._upload(key, id)
        length = upload.length(tags)
        with doing(f"finish {key}"):
            found = os.stat(self.folder.path(upload.temporary)).st_size
        if found != length:
            raise failure(ErrorKind.CORRUPT, f"the parts of {key} are {found} bytes long, not {length}")
        # After an error without effect the parts are still there.
        published = self.folder.publish(upload.temporary, key, upload.publish)
        self.folder.discard(upload.temporary)
        return published

    @override
    def multipart_abort(self, key: str, id: str) -> None:  # pylint: disable=redefined-builtin
        upload = Upload.parse(id)
        if upload is None:
            return
        with doing(f"abort the upload of {key}", Outcome.UNKNOWN):
            self._remove(upload.temporary)
        self.folder.discard(upload.temporary)

    def _find(self, key: str) -> os.stat_result:
        split(key)
        try:
            with doing(f"look at {key}"):
                found = os.lstat(self.folder.path(key))
        except Err as raised:
            if raised.value.kind in (ErrorKind.NOT_FOUND, ErrorKind.UNSUPPORTED):
                raise missing(key) from None
            raise
        if not stat.S_ISREG(found.st_mode):
            raise missing(key)
        return found

    def _remove(self, key: str) -> bool:
        """Removes a file and answers whether it was there. What is no file is no object, so no object has the key."""
        try:
            os.unlink(self.folder.path(key))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        return True

    def _upload(self, key: str, text: str) -> Upload:
        split(key)
        upload = Upload.parse(text)
        if upload is None:
            raise failure(ErrorKind.NOT_FOUND, f"the upload of {key} does not exist")
        try:
            self._find(upload.temporary)
        except Err as raised:
            # Trouble of the device does not end an upload.
            if raised.value.kind is ErrorKind.NOT_FOUND:
                raise failure(ErrorKind.NOT_FOUND, f"the upload of {key} does not exist") from None
            raise
        return upload
