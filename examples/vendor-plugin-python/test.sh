#!/bin/sh
# Runs test/ with Python alone, outside of the sandbox, where a file system can be made to fail. Run ./build.sh first.
#
# WIT=DIR      where the interface lies (default: ../../wit/storage)
# TARGET=DIR   where build.sh put everything (default: target beside this script)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
wit=${WIT:-$here/../../wit/storage}
target=${TARGET:-$here/target}
tools=$target/toolchain

[ -x "$tools/bin/componentize-py" ] || {
    echo "test.sh: $tools does not hold the toolchain; run build.sh first" >&2
    exit 1
}
rm -rf "$target/bindings"
"$tools/bin/componentize-py" --quiet --wit-path "$wit" --world transport bindings "$target/bindings"
# Nothing is written beside the sources.
PYTHONPATH=$target/bindings:$here/plugin "$tools/bin/python" -B -m unittest discover --start-directory "$here/test"
