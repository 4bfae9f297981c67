#!/usr/bin/env python3
"""Restores a backup that Siltstone stored, without Siltstone: an independent reader of its format.

Written from host/docs/repository-format.md alone. Needs Python 3.10 or newer and nothing else; `--verify` also needs
the package `blake3` (python3 -m pip install blake3).

    restore.py LOCATION_FOLDER BACKUP_ID TARGET_FOLDER [--verify] [--node NODE] [--metadata FILE]

LOCATION_FOLDER  the location, downloaded or mounted: the folder that holds <BACKUP_ID>/backup.json
TARGET_FOLDER    must be missing or empty; appears only once everything has been restored. A file goes to
                 TARGET_FOLDER/<collection>/<tenant>/<path>, and `_` stands for the tenant of a collection without any
--verify         also compares every hash: of the descriptor, of manifests, of chunks and of restored files
--node NODE      restores what this node stored; all nodes otherwise
--metadata FILE  also writes schemas, tenants, blobs and what was skipped, as the JSON lines that were stored

Memory does not depend on the sizes of files and chunks. Codecs: gzip and none; a zstd chunk is refused.

Exit codes: 0 restored; 1 the backup is damaged or incomplete; 2 wrong arguments, or `blake3` is missing; 3 made with a
newer format, an unknown feature or zstd; 4 no such backup or node, or a backup that did not succeed; 5 the operating
system said no.
"""

import argparse
import json
import os
import re
import sys
import zlib
from pathlib import Path

FORMAT = 1
FEATURES = frozenset()
FRAME = 1 << 20
MAX_STORED_FRAME = FRAME + (64 << 10)
MAX_DESCRIPTOR = 1 << 20
MAX_LINE = 4 << 20
MAX_LINES = 1 << 24
MAX_CHUNKS = 1 << 20
MAX_BLOB_TEXT = (1 << 20) // 3 * 4 + 4
FRAMES_PER_LINE = 4096

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NODE = r"(?!\.{1,2}/)[0-9A-Za-z._-]{1,128}"
BACKUP = r"[a-z0-9_-]{1,128}"
MANIFEST_KEY = re.compile(rf"{BACKUP}/{UUID}/{NODE}/manifest\.jsonl\.gz", re.ASCII)
CHUNK_KEY = re.compile(rf"{BACKUP}/{UUID}/{NODE}/chunks/(?!0{{8}})[0-9]{{8}}", re.ASCII)
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)


class Failure(Exception):
    """What ends the program, with its exit code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def damaged(text):
    return Failure(1, f"the backup is damaged: {text}")


# --- plain values -----------------------------------------------------------------------------------------------------


def refuse_twice(pairs):
    """Builds an object, in which a name may stand once."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return out


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse(line, what):
    """One line: a JSON object."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=refuse_twice, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as e:
        raise damaged(f"{what} cannot be understood: {e}") from None
    if not isinstance(value, dict):
        raise damaged(f"{what} is not an object")
    return value


def field(line, name, kind, what):
    value = line.get(name)
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or not 0 <= value < 1 << 64)):
        raise damaged(f"{what}: `{name}` is missing or wrong")
    return value


def text_field(line, name, pattern, what):
    value = field(line, name, str, what)
    if not pattern.fullmatch(value):
        raise damaged(f"{what}: `{name}` is wrong: {value[:100]!r}")
    return value


def safe_name(name, limit):
    """Whether it may become one name in a folder."""
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    plain = not any(c in "/\\" or ord(c) < 32 or 127 <= ord(c) < 160 for c in name)
    return 1 <= size <= limit and name not in (".", "..") and plain


def name_field(line, name, what):
    value = field(line, name, str, what)
    if not safe_name(value, 256):
        raise damaged(f"{what}: `{name}` is not a safe name: {value[:100]!r}")
    return value


def path_field(line, what):
    value = field(line, "path", str, what)
    if not all(safe_name(part, 255) for part in value.split("/")) or len(value.encode("utf-8")) > 4096:
        raise damaged(f"{what}: not a safe path: {value[:100]!r}")
    return value


def check_version(line, what):
    form = field(line, "format", int, what)
    if form != FORMAT:
        raise Failure(3, f"{what} has format {form}, this script reads format {FORMAT}")
    for name in field(line, "requires", list, what):
        if not isinstance(name, str) or name not in FEATURES:
            raise Failure(3, f"{what} requires the feature {name!r}, which this script does not know")


def check_end(line, lines, digest, what):
    end = parse(line, f"the last line of {what}")
    if end.get("kind") != "end" or field(end, "lines", int, what) != lines:
        raise damaged(f"{what} does not have the lines that its last one states")
    stated = text_field(end, "blake3", HASH, what)
    if digest is not None and digest.hexdigest() != stated:
        raise damaged(f"{what} does not have the hash that its last line states")


# --- descriptor and manifest ------------------------------------------------------------------------------------------


def read_descriptor(location, backup, hasher):
    """The body of backup.json, checked."""
    path = location / backup / "backup.json"
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_DESCRIPTOR + 1)
    except FileNotFoundError:
        raise Failure(4, f"there is no backup `{backup}`: {path} does not exist") from None
    lines = data.split(b"\n")
    if len(data) > MAX_DESCRIPTOR or len(lines) != 3 or lines[2]:
        raise damaged("the descriptor is not made of two lines of at most 1 MiB")
    digest = hasher(lines[0] + b"\n") if hasher else None
    check_end(lines[1], 1, digest, "the descriptor")
    body = parse(lines[0], "the descriptor")
    check_version(body, "the descriptor")
    if body.get("id") != backup:
        raise damaged(f"the descriptor is that of backup {body.get('id')!r}")
    if body.get("state") != "SUCCESS":
        error = f": {body['error']}" if body.get("error") else ""
        raise Failure(4, f"backup `{backup}` did not succeed, it is {body.get('state')}{error}")
    nodes = field(body, "nodes", dict, "the descriptor")
    if not nodes:
        raise damaged("the descriptor names no node")
    for name, entry in nodes.items():
        if not re.fullmatch(NODE, name) or name in (".", "..") or not isinstance(entry, dict):
            raise damaged(f"the descriptor has a wrong node {name!r}")
        text_field(entry, "manifest", MANIFEST_KEY, "the descriptor")
        text_field(entry, "manifest_blake3", HASH, "the descriptor")
        for count in ("manifest_bytes", "raw_bytes", "stored_bytes", "files"):
            field(entry, count, int, "the descriptor")
    return body


def gunzip_lines(file, what):
    """The lines, with their newlines, of a file that is exactly one gzip member. Holds one line and one frame."""
    member = zlib.decompressobj(wbits=31)
    rest, full = b"", False
    try:
        while not member.eof:
            # When the output was full there may be more of it without any more input.
            data = member.unconsumed_tail or (b"" if full else file.read(1 << 16))
            if not data and not full:
                raise damaged(f"{what} is cut short")
            raw = member.decompress(data, FRAME)
            full = len(raw) == FRAME
            *lines, rest = (rest + raw).split(b"\n")
            for line in lines:
                if len(line) >= MAX_LINE:
                    raise damaged(f"{what} has a line that is too long")
                yield line + b"\n"
            if len(rest) >= MAX_LINE:
                raise damaged(f"{what} has a line that is too long")
    except zlib.error as e:
        raise damaged(f"{what} is not a gzip file: {e}") from None
    if rest or member.unused_data or file.read(1):
        raise damaged(f"bytes follow the last line of {what}")


class Manifest:
    """The lines of one manifest; every pass checks all the rules anew and holds one line at a time."""

    def __init__(self, location, entry, hasher):
        self.path = location / entry["manifest"]
        self.entry = entry
        self.hasher = hasher

    def check_object(self):
        """Compares the stored object with the descriptor."""
        if self.path.stat().st_size != self.entry["manifest_bytes"]:
            raise damaged(f"{self.path} does not have the length that the descriptor states")
        if self.hasher:
            digest = hash_file(self.path, self.hasher)
            if digest != self.entry["manifest_blake3"]:
                raise damaged(f"{self.path} does not have the hash that the descriptor states")

    def lines(self):
        """Pairs of a checked line and its bytes, from the header to the one before the last."""
        what = str(self.path)
        rules = Rules(what, self.entry["manifest"])
        digest = self.hasher() if self.hasher else None
        with open(self.path, "rb") as file:
            lines = gunzip_lines(file, what)
            for raw in lines:
                line = parse(raw, f"line {rules.count + 1} of {what}")
                if line.get("kind") == "end":
                    break
                rules.check(line)
                if digest is not None:
                    digest.update(raw)
                yield line, raw
            else:
                raise damaged(f"{what} ends without its last line")
            rules.check_complete()
            check_end(raw, rules.count, digest, what)
            if next(lines, None) is not None:
                raise damaged(f"bytes follow the last line of {what}")


class Rules:
    """What lines must be, given those before them."""

    def __init__(self, what, key):
        self.manifest = what
        self.key = key
        self.count = 0
        self.chunks = {}
        self.collections = {}
        self.shards = {}
        self.files = set()
        self.folders = set()
        self.blobs = set()
        self.open = None
        self.kinds = {
            "chunk": self.chunk,
            "collection": self.collection,
            "shard": self.shard,
            "file": self.file,
            "blob": self.blob,
            "skipped": self.skipped,
        }

    def check(self, line):
        self.count += 1
        what = f"line {self.count} of {self.manifest}"
        kind = field(line, "kind", str, what)
        if self.count == 1:
            if kind != "manifest":
                raise damaged(f"{what} is not a header")
            check_version(line, what)
            named = [field(line, name, str, what) for name in ("backup", "attempt", "node")]
            if named != self.key.split("/")[:3]:
                raise damaged(f"{what}: this is the manifest of {'/'.join(named)}")
            return
        if self.count >= MAX_LINES or kind == "manifest":
            raise damaged(f"{what}: too many lines, or a second header")
        # A kind that must not be ignored would come with a name in `requires`.
        if kind in self.kinds:
            if kind != "file":
                self.check_complete()
            self.kinds[kind](line, what)

    def check_complete(self):
        if self.open is not None:
            raise damaged(f"line {self.count} of {self.manifest}: the file before is not complete")

    def chunk(self, line, what):
        key = text_field(line, "key", CHUNK_KEY, what)
        codec = field(line, "codec", str, what)
        raw, stored = field(line, "raw", int, what), field(line, "stored", int, what)
        text_field(line, "blake3", HASH, what)
        if codec == "zstd":
            raise Failure(3, f"chunk `{key}` is compressed with zstd, which this script cannot read; "
                             "restore it with siltstone, or unpack its frames with the zstd tool")
        if codec not in ("gzip", "none"):
            raise damaged(f"{what}: unknown codec {codec!r}")
        if raw == 0 or stored == 0 or (codec == "none" and raw != stored):
            raise damaged(f"{what}: impossible lengths")
        if key in self.chunks or len(self.chunks) == MAX_CHUNKS:
            raise damaged(f"{what}: a chunk stands twice, or there are too many")
        self.chunks[key] = (codec, stored)

    def collection(self, line, what):
        name = name_field(line, "name", what)
        if name in self.collections or "schema" not in line:
            raise damaged(f"{what}: a collection stands twice or has no schema")
        self.collections[name] = None

    def shard_of(self, line, what):
        tenant = name_field(line, "tenant", what) if line.get("tenant") is not None else None
        return name_field(line, "collection", what), tenant

    def shard(self, line, what):
        shard = collection, tenant = self.shard_of(line, what)
        state = field(line, "state", str, what)
        if state not in ("HOT", "COLD", "OFFLOADED") or (tenant is None and state != "HOT"):
            raise damaged(f"{what}: impossible state {state!r}")
        if collection not in self.collections or shard in self.shards:
            raise damaged(f"{what}: a shard stands twice or before its collection")
        if self.collections[collection] not in (None, "tenants" if tenant is not None else "first"):
            raise damaged(f"{what}: a collection has tenants or is one shard")
        self.collections[collection] = "tenants" if tenant is not None else "whole"
        self.shards[shard] = state

    def file(self, line, what):
        shard = self.shard_of(line, what)
        path = path_field(line, what)
        length, mode = field(line, "length", int, what), field(line, "mode", int, what)
        digest = text_field(line, "blake3", HASH, what)
        offset = field(line, "offset", int, what)
        extents = field(line, "extents", list, what)
        if mode > 0o777 or length >= 1 << 63 or offset % FRAME:
            raise damaged(f"{what}: impossible mode, length or offset")
        repeated = (shard, path, length, mode, digest)
        if self.open is not None:
            if self.open != (repeated, offset):
                self.check_complete()
        else:
            if offset:
                raise damaged(f"{what}: a file does not begin with its first frame")
            self.new_file(shard, path, what)
        end = offset
        frames = 0
        for extent in extents:
            if not isinstance(extent, dict):
                raise damaged(f"{what}: an extent is not an object")
            at = field(extent, "offset", int, what)
            stored_lengths = field(extent, "frames", list, what)
            codec, stored = self.chunks.get(text_field(extent, "chunk", CHUNK_KEY, what), (None, 0))
            if codec is None or not stored_lengths:
                raise damaged(f"{what}: an extent without frames, or in a chunk that no line before declares")
            for frame in stored_lengths:
                if type(frame) is not int or not 1 <= frame <= MAX_STORED_FRAME or end >= length:
                    raise damaged(f"{what}: impossible length or number of frames")
                raw = min(FRAME, length - end)
                if codec == "none" and frame != raw:
                    raise damaged(f"{what}: a frame is not as long as its raw bytes")
                at, end, frames = at + frame, end + raw, frames + 1
            if at > stored:
                raise damaged(f"{what}: an extent lies beyond the end of its chunk")
        if frames > FRAMES_PER_LINE or (length and not frames):
            raise damaged(f"{what}: too many frames or none")
        self.open = (repeated, end) if end < length else None

    def new_file(self, shard, path, what):
        if self.shards.get(shard, "OFFLOADED") == "OFFLOADED":
            raise damaged(f"{what}: a file stands before its shard, or the shard has no data")
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = (shard, "/".join(parts[:depth]))
            if folder in self.files:
                raise damaged(f"{what}: a file lies below another one")
            self.folders.add(folder)
        if (shard, path) in self.files or (shard, path) in self.folders:
            raise damaged(f"{what}: a file stands twice or is the folder of another one")
        self.files.add((shard, path))

    def blob(self, line, what):
        name, content = field(line, "name", str, what), field(line, "content", str, what)
        if name in self.blobs or len(content) > MAX_BLOB_TEXT or not BASE64.fullmatch(content):
            raise damaged(f"{what}: a blob stands twice, is too long or is not base64")
        self.blobs.add(name)

    def skipped(self, line, what):
        field(line, "what", str, what)
        field(line, "why", str, what)


# --- data -------------------------------------------------------------------------------------------------------------


def hash_file(path, hasher):
    digest = hasher()
    with open(path, "rb") as file:
        while block := file.read(FRAME):
            digest.update(block)
    return digest.hexdigest()


def decode(codec, stored, raw_length, what):
    """The raw bytes of one frame, of exactly that length."""
    if codec == "none":
        return stored
    member = zlib.decompressobj(wbits=31)
    try:
        # One byte more than there may be: enough to see that there are more, and to get to the checksum.
        raw = member.decompress(stored, raw_length + 1)
    except zlib.error as e:
        raise damaged(f"a frame of {what}: {e}") from None
    if len(raw) != raw_length or not member.eof or member.unused_data:
        raise damaged(f"a frame of {what} is not one gzip member of {raw_length} bytes")
    return raw


class Restore:
    """Writes the files of a manifest that has been checked."""

    def __init__(self, location, target, hasher):
        self.location = location
        self.target = target
        self.hasher = hasher
        self.codecs = {}
        self.reading = (None, None)
        self.files = 0
        self.bytes = 0

    def close(self):
        if self.reading[1]:
            self.reading[1].close()

    def check_chunk(self, line):
        path = self.location / line["key"]
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise damaged(f"{path} is missing") from None
        if size != line["stored"]:
            raise damaged(f"{path} has {size} bytes instead of {line['stored']}")
        if self.hasher and hash_file(path, self.hasher) != line["blake3"]:
            raise damaged(f"{path} does not have its hash")

    def chunk(self, key):
        """The opened chunk; one at a time."""
        if self.reading[0] != key:
            self.close()
            self.reading = (key, open(self.location / key, "rb"))
        return self.reading[1]

    def file(self, line):
        """Writes the frames of one line to the file, which the first line makes and the last one completes."""
        tenant = line.get("tenant")
        path = self.target / line["collection"] / ("_" if tenant is None else tenant) / line["path"]
        if line["offset"] == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.digest = self.hasher() if self.hasher else None
            self.bytes += line["length"]
            self.files += 1
        flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        flags |= os.O_CREAT | os.O_EXCL if line["offset"] == 0 else os.O_APPEND
        with open(os.open(path, flags, 0o600), "wb") as out:
            end = line["offset"]
            for extent in line["extents"]:
                chunk = self.chunk(extent["chunk"])
                chunk.seek(extent["offset"])
                for length in extent["frames"]:
                    stored = chunk.read(length)
                    if len(stored) != length:
                        raise damaged(f"chunk `{extent['chunk']}` ends early")
                    raw_length = min(FRAME, line["length"] - end)
                    raw = decode(self.codecs[extent["chunk"]], stored, raw_length, f"`{path}`")
                    out.write(raw)
                    if self.digest is not None:
                        self.digest.update(raw)
                    end += len(raw)
        if end == line["length"]:
            if self.digest is not None and self.digest.hexdigest() != line["blake3"]:
                raise damaged(f"`{path}` does not have its hash")
            os.chmod(path, line["mode"])

    def node(self, manifest, metadata):
        manifest.check_object()
        for line, _ in manifest.lines():  # Nothing is written before the manifest is known to be whole.
            if line["kind"] == "chunk":
                self.check_chunk(line)
        before = (self.files, self.bytes)
        for line, raw in manifest.lines():
            if line["kind"] == "chunk":
                self.codecs[line["key"]] = line["codec"]
            elif line["kind"] == "file":
                self.file(line)
            elif metadata:
                metadata.write(raw)
        if (self.files - before[0], self.bytes - before[1]) != (manifest.entry["files"], manifest.entry["raw_bytes"]):
            raise damaged(f"{manifest.path} does not have the files that the descriptor states")


# --- the program ------------------------------------------------------------------------------------------------------


def find_hasher(verify):
    if not verify:
        return None
    try:
        from blake3 import blake3
    except ImportError:
        raise Failure(2, "--verify needs the package `blake3`: python3 -m pip install blake3") from None
    return blake3


def choose(body, node):
    if node is None:
        return body["nodes"]
    if node not in body["nodes"]:
        raise Failure(4, f"no node `{node}` in this backup; there are: {', '.join(sorted(body['nodes']))}")
    return {node: body["nodes"][node]}


def run(args):
    hasher = find_hasher(args.verify)
    if not re.fullmatch(BACKUP, args.backup):
        raise Failure(2, f"not a backup id: {args.backup!r}")
    target = args.target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Failure(2, f"{target} exists and is not an empty folder")
    body = read_descriptor(args.location, args.backup, hasher)
    nodes = choose(body, args.node)
    partial = target.with_name(target.name + ".partial")
    if partial.exists():
        raise Failure(2, f"{partial} is left from a run that failed; remove it first")
    metadata = open(args.metadata, "xb") if args.metadata else None
    restore = Restore(args.location, partial, hasher)
    partial.mkdir(parents=True)
    try:
        for entry in nodes.values():
            restore.node(Manifest(args.location, entry, hasher), metadata)
        os.rename(partial, target)
    except BaseException:
        try:
            partial.rmdir()
        except OSError:
            print(f"restore.py: what was restored until then is in {partial}", file=sys.stderr)
        raise
    finally:
        restore.close()
        if metadata:
            metadata.close()
    print(f"restored {restore.files} files, {restore.bytes} bytes{', verified' if hasher else ''}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("location", type=Path, metavar="LOCATION_FOLDER")
    parser.add_argument("backup", metavar="BACKUP_ID")
    parser.add_argument("target", type=Path, metavar="TARGET_FOLDER")
    parser.add_argument("--verify", action="store_true", help="compare every hash")
    parser.add_argument("--node", metavar="NODE", help="only this node")
    parser.add_argument("--metadata", type=Path, metavar="FILE", help="write schemas, tenants and blobs to FILE")
    try:
        run(parser.parse_args())
    except Failure as e:
        print(f"restore.py: {e}", file=sys.stderr)
        return e.code
    except OSError as e:
        print(f"restore.py: {e}", file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
