#!/usr/bin/env bash
# Installs Plume below a temporary prefix, and builds a user's program that knows only pkg-config.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

CXX=g++ meson setup "$work/build" --prefix="$work/prefix" --libdir=lib \
    -Dtests=disabled -Dexamples=disabled -Dbenchmarks=disabled >"$work/log" || {
    cat "$work/log"
    exit 1
}
meson install -C "$work/build" --quiet

# Nothing but the prefix, so that a Plume of the system can't answer in its place.
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
[[ $(pkg-config --variable=prefix plume) == "$work/prefix" ]]

read -ra flags < <(pkg-config --cflags --libs plume plume-memory)
cp tests/consumer/main.cpp "$work"
cd "$work"
g++ -std=c++20 main.cpp "${flags[@]}" -o consumer
./consumer

# What each exporter asks for by pkg-config is enough to compile its header, and to link it.
for header in prefix/include/plume/exporters/*.hpp; do
    exporter=$(basename "$header" .hpp)
    read -ra flags < <(pkg-config --cflags --libs "plume-$exporter")
    printf '#include <plume/exporters/%s.hpp>\nint main() {}\n' "$exporter" >"$exporter.cpp"
    g++ -std=c++20 "$exporter.cpp" "${flags[@]}" -o "$exporter"
    echo "plume-$exporter: compiles and links"
done

# Likewise the sampler.
read -ra flags < <(pkg-config --cflags --libs plume-jaeger-remote)
printf '#include <plume/samplers/jaeger_remote.hpp>\nint main() {}\n' >jaeger_remote.cpp
g++ -std=c++20 jaeger_remote.cpp "${flags[@]}" -o jaeger_remote
echo "plume-jaeger-remote: compiles and links"
