#!/bin/sh
# Builds target/sas.wasm. The first run installs the pinned toolchain into target/; after that no network is needed.
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
command -v node >/dev/null || fail "node is not there; install Node.js 20 or newer with npm"
command -v npm >/dev/null || fail "npm is not there; it comes with Node.js"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
    fail "Node.js $(node --version) will not do; 20 or newer is needed"

# The lock file names every package of the toolchain by version and digest; none of them may run anything now.
if ! cmp -s "$here/package-lock.json" "$tools/installed" || ! cmp -s "$here/package.json" "$tools/package.json"; then
    rm -rf "$tools"
    mkdir -p "$tools"
    cp "$here/package.json" "$here/package-lock.json" "$tools"
    (cd "$tools" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
        fail "cannot install what package-lock.json pins; the words of npm are above"
    cp "$here/package-lock.json" "$tools/installed"
fi

# Node looks for packages beside the file that imports them.
cp "$here/componentize.mjs" "$tools"
node "$tools/componentize.mjs" "$here/plugin/store.js" "$wit" "$target/sas.wasm.part" >&2 ||
    fail "componentize-js could not build the component; its words are above"
mv "$target/sas.wasm.part" "$target/sas.wasm"
echo "$target/sas.wasm"
