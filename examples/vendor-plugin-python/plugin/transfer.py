"""Moves the bytes: from stream to stream inside the host, so that they never become Python objects.

`blob.read` with `os.pwrite` would do the same in six to eight times the time: see the README.
"""

from componentize_py_types import Err
from wit_world.imports import preopens
from wit_world.imports.io import Blob, Sink
from wit_world.imports.siltstone_storage_types import ErrorKind
from wit_world.imports.streams import (
    InputStream,
    OutputStream,
    StreamError_Closed,
    StreamError_LastOperationFailed,
)
from wit_world.imports.wasi_filesystem_types import (
    Descriptor,
    DescriptorFlags,
    OpenFlags,
    PathFlags,
    filesystem_error_code,
)

from failures import doing, failure

# Bytes of one step at most; the host moves as many as suits it.
STEP = 1 << 20


def granted(path: str) -> Descriptor:
    """The folder that the host has granted under exactly this path."""
    for descriptor, name in preopens.get_directories():
        if name == path:
            return descriptor
    raise failure(ErrorKind.DENIED, f"the folder {path} is not granted")


def write(folder: Descriptor, path: str, offset: int, body: Blob, key: str) -> None:
    """Writes the whole body into a file that is there, from `offset`, and makes it durable."""
    size = body.size()
    with (
        doing(f"write {key}"),
        # Children are closed before what they came from, as the host demands.
        folder.open_at(PathFlags(0), path, OpenFlags(0), DescriptorFlags.WRITE) as file,
    ):
        with file.write_via_stream(offset) as out, body.stream(0, size) as source:
            if (moved := _splice(out, source, size)) < size:
                raise failure(ErrorKind.INTERNAL, f"the source of {key} ended after {moved} bytes")
            _flush(out)
        # By the descriptor that wrote: an error of a late write is told to nobody else.
        file.sync()


def read(folder: Descriptor, key: str, offset: int, length: int | None, to: Sink) -> int:
    """Sends a range of a file to the sink and answers its length."""
    with (
        doing(f"read {key}"),
        folder.open_at(PathFlags(0), key, OpenFlags(0), DescriptorFlags.READ) as file,
    ):
        left = max(file.stat().size - offset, 0)
        wanted = left if length is None else min(left, length)
        if wanted == 0:
            return 0
        with to.stream() as out, file.read_via_stream(offset) as source:
            moved = _splice(out, source, wanted)
            _flush(out)
        return moved


def _splice(out: OutputStream, source: InputStream, length: int) -> int:
    """Moves `length` bytes, or fewer if the source ends, and answers how many."""
    left = length
    try:
        while left > 0:
            left -= out.blocking_splice(source, min(left, STEP))
    except Err as raised:
        if not isinstance(raised.value, StreamError_Closed):
            raise _reason(raised) from None
    return length - left


def _flush(out: OutputStream) -> None:
    try:
        out.blocking_flush()
    except Err as raised:
        raise _reason(raised) from None


def _reason(raised: Err) -> Exception:
    """The word of the file system behind the error of a stream, for `doing`."""
    if not isinstance(raised.value, StreamError_LastOperationFailed):
        return failure(ErrorKind.TRANSIENT, "the stream was closed")
    with raised.value.value as error:
        code = filesystem_error_code(error)
        if code is None:
            return failure(ErrorKind.TRANSIENT, f"the stream broke: {error.to_debug_string()[:200]}")
        return Err(code)
