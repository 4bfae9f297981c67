"""Turns what the system says into the kinds of error that a host acts on."""

import errno
from types import TracebackType
from typing import Self

from componentize_py_types import Err
from wit_world.imports.siltstone_storage_types import Error, ErrorKind, Outcome
from wit_world.imports.wasi_filesystem_types import ErrorCode

KINDS = {
    ErrorKind.NOT_FOUND: (errno.ENOENT,),
    ErrorKind.ALREADY_EXISTS: (errno.EEXIST,),
    # ENOTCAPABLE is WASI's word for a path that leads out of what was granted.
    ErrorKind.DENIED: (errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENOTCAPABLE),
    ErrorKind.QUOTA: (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMLINK),
    ErrorKind.INVALID_CONFIG: (errno.ENAMETOOLONG, errno.EILSEQ),
    # One name is a file or a folder, never both: a key below another key has no place here.
    ErrorKind.UNSUPPORTED: (errno.ENOTSUP, errno.EXDEV, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY),
    # What a defect of ours would cause.
    ErrorKind.INTERNAL: (
        errno.EBADF,
        errno.EINVAL,
        errno.ESPIPE,
        errno.EMSGSIZE,
        errno.ENOTTY,
        errno.ENOTRECOVERABLE,
        errno.EOVERFLOW,
    ),
}
KIND_OF = {number: kind for kind, numbers in KINDS.items() for number in numbers}

# The same for the words of wasi:filesystem, which `transfer` and `entries` use directly.
CODES = {
    ErrorKind.NOT_FOUND: (ErrorCode.NO_ENTRY,),
    ErrorKind.ALREADY_EXISTS: (ErrorCode.EXIST,),
    ErrorKind.DENIED: (ErrorCode.ACCESS, ErrorCode.NOT_PERMITTED, ErrorCode.READ_ONLY, ErrorCode.LOOP),
    ErrorKind.QUOTA: (
        ErrorCode.INSUFFICIENT_SPACE,
        ErrorCode.QUOTA,
        ErrorCode.FILE_TOO_LARGE,
        ErrorCode.TOO_MANY_LINKS,
    ),
    ErrorKind.INVALID_CONFIG: (ErrorCode.NAME_TOO_LONG, ErrorCode.ILLEGAL_BYTE_SEQUENCE),
    ErrorKind.UNSUPPORTED: (
        ErrorCode.UNSUPPORTED,
        ErrorCode.CROSS_DEVICE,
        ErrorCode.IS_DIRECTORY,
        ErrorCode.NOT_DIRECTORY,
        ErrorCode.NOT_EMPTY,
    ),
    ErrorKind.INTERNAL: (
        ErrorCode.BAD_DESCRIPTOR,
        ErrorCode.INVALID,
        ErrorCode.INVALID_SEEK,
        ErrorCode.MESSAGE_SIZE,
        ErrorCode.NO_TTY,
        ErrorCode.NOT_RECOVERABLE,
        ErrorCode.OVERFLOW,
    ),
}
KIND_OF_CODE = {code: kind for kind, codes in CODES.items() for code in codes}


def kind_of(raised: OSError) -> ErrorKind:
    """The kind of an error of the system. What is in no table is trouble of the device, or of the server behind it."""
    return KIND_OF.get(raised.errno or 0, ErrorKind.TRANSIENT)


def failure(kind: ErrorKind, message: str, outcome: Outcome = Outcome.NO_EFFECT) -> Err[Error]:
    """An error to raise; the binding makes it the `err` of the function's `result`."""
    return Err(Error(kind, message, None, None, None, outcome))


def missing(key: str) -> Err[Error]:
    """The error for an object, or an upload, that is not there."""
    return failure(ErrorKind.NOT_FOUND, f"{key} does not exist")


class doing:  # pylint: disable=invalid-name
    """Gives the system's errors in a `with` block their kind. `deed` is a verb with its object: `read a/b`.

    `unknown` is for steps that others can see: trouble of the device leaves open whether they happened.

    This is a class, since `contextlib.contextmanager` cannot pass `Err` on: it assigns to the exception, which is frozen.
    """

    def __init__(self, deed: str, outcome: Outcome = Outcome.NO_EFFECT) -> None:
        self.deed = deed
        self.outcome = outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, raised: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(raised, OSError):
            kind, word = kind_of(raised), raised.strerror or "no reason"
        elif isinstance(raised, Err) and isinstance(raised.value, ErrorCode):
            kind, word = KIND_OF_CODE.get(raised.value, ErrorKind.TRANSIENT), raised.value.name
        else:
            return
        outcome = self.outcome if kind is ErrorKind.TRANSIENT else Outcome.NO_EFFECT
        raise failure(kind, f"cannot {self.deed}: {word}", outcome) from None
