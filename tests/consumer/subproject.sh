#!/usr/bin/env bash
# Builds a user's project that has Plume as a Meson subproject: once with all that the exporters
# need, once where pkg-config finds none of it, which must not stop whoever uses the others.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The tests stay behind: as a subproject Plume builds none, so it must do without.
mkdir -p "$work/subprojects/plume" "$work/nothing"
cp tests/consumer/{main.cpp,meson.build} "$work"
cp -r meson.build meson_options.txt include exporters samplers "$work/subprojects/plume"
cd "$work"

build() {
    CXX=g++ meson setup "$1" >"$1.log" || { cat "$1.log"; return 1; }
    grep -E '^(plume\| )?Message:' "$1.log" || true
    meson test -C "$1" --quiet
}

build build
PKG_CONFIG_LIBDIR=$work/nothing build build-without
grep -q 'Plume: without <plume/exporters/jaeger.hpp>' build-without.log
grep -q 'Plume: without <plume/samplers/jaeger_remote.hpp>' build-without.log
