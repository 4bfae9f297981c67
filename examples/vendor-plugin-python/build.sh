#!/bin/sh
# Builds target/folder.wasm. The first run installs the pinned toolchain into target/; after that no network is needed.
#
# WIT=DIR      where the interface lies (default: ../../wit/storage)
# TARGET=DIR   where everything goes (default: target beside this script)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
wit=${WIT:-$here/../../wit/storage}
target=${TARGET:-$here/target}
tools=$target/toolchain

fail() {
    echo "build.sh: $1" >&2
    exit 1
}

[ -f "$wit/world.wit" ] || fail "$wit does not hold the interface siltstone:storage; name its folder in WIT"
command -v python3 >/dev/null || fail "python3 is not there; install Python 3.10 or newer with venv and pip"
python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    fail "$(python3 --version 2>&1) will not do; Python 3.10 or newer with venv and pip is needed"

if ! cmp -s "$here/requirements.txt" "$tools/installed"; then
    rm -rf "$tools"
    python3 -m venv "$tools" || fail "cannot make a virtual environment in $tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" ||
        fail "cannot install what requirements.txt pins: $(sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' "$here/requirements.txt")"
    cp "$here/requirements.txt" "$tools/installed"
fi

# The toolchain would look for packages in an environment that is active, and put what is imported into the component.
unset VIRTUAL_ENV
# It writes beside the sources what it compiles.
rm -rf "$target/plugin"
cp -R "$here/plugin" "$target/plugin"
"$tools/bin/componentize-py" --quiet --wit-path "$wit" --world transport \
    componentize app --python-path "$target/plugin" --output "$target/folder.wasm.part" ||
    fail "componentize-py could not build the component; its words are above"
mv "$target/folder.wasm.part" "$target/folder.wasm"
echo "$target/folder.wasm"
