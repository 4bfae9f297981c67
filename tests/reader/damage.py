#!/usr/bin/env python3
"""Damages every byte of a backup's descriptor and manifests and says whether restore.py notices, or reads the same.

    damage.py LOCATION_FOLDER BACKUP_ID

Works on a small backup; writes to the folder and leaves it as it was. Exit code 1 when damage was read as sound.
"""

import sys
from pathlib import Path

import restore
from blake3 import blake3


def read(location, backup):
    """Everything that the descriptor and the manifests say."""
    body = restore.read_descriptor(location, backup, blake3)
    lines = []
    for entry in body["nodes"].values():
        # Without the manifest's own hash in the descriptor, which would notice everything.
        manifest = restore.Manifest(location, entry, blake3)
        lines += [line for line, _ in manifest.lines()]
    return body, lines


def attempt(location, backup, path, data, sound, where):
    path.write_bytes(data)
    try:
        same = read(location, backup) == sound
    except restore.Failure:
        return 1, 0
    if not same:
        sys.exit(f"damage at {where} of {path} was read as sound")
    return 0, 1


def main():
    location, backup = Path(sys.argv[1]), sys.argv[2]
    sound = read(location, backup)
    noticed = harmless = 0
    paths = [location / backup / "backup.json"]
    paths += [location / entry["manifest"] for entry in sound[0]["nodes"].values()]
    for path in paths:
        good = path.read_bytes()
        cases = [(good[:cut], f"byte {cut} (cut)") for cut in range(len(good))]
        cases += [(good + tail, "the end (more)") for tail in (b"x", b"\n", good)]
        for at in range(len(good)):
            bad = bytearray(good)
            bad[at] ^= 1 << at % 8
            cases.append((bytes(bad), f"byte {at}"))
        try:
            for data, where in cases:
                seen, equal = attempt(location, backup, path, data, sound, where)
                noticed += seen
                harmless += equal
        finally:
            path.write_bytes(good)
    print(f"{noticed} noticed, {harmless} harmless")


if __name__ == "__main__":
    main()
