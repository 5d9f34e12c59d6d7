#!/usr/bin/env bash
# Builds Jaeger from its Go module, once per machine, and prints the path of the binary.
#
#   jaeger=$(tests/interop/get_jaeger.sh)
#
# The first run takes minutes (1.3 GB of modules, 1.6 GB of build cache), later ones milliseconds.
# stdout carries the path alone, progress goes to stderr. Exit status 77, which Meson and automake
# read as "skipped", says that something this machine lacks is needed; stderr names it.
set -euo pipefail

version=1.76.0 # of the Go module; `jaeger version` and the releases call it v2.13
module=github.com/jaegertracing/jaeger
cache=${XDG_CACHE_HOME:-$HOME/.cache}/plume/jaeger-$version
binary=$cache/jaeger

if [[ -x $binary ]]; then
    printf '%s\n' "$binary"
    exit
fi

say() { printf 'get_jaeger: %s\n' "$*" >&2; }

# With GOTOOLCHAIN=local an old Go says so, instead of fetching a newer one behind our back.
# GOWORK, because a go.work in a folder above the cache would take our module for a stray.
export GOTOOLCHAIN=local GOWORK=off
found=$(go env GOVERSION 2>/dev/null) || found='no Go'
if ! [[ $found =~ go1\.([0-9]+) ]] || ((BASH_REMATCH[1] < 26)); then
    say "skipped: building Jaeger needs Go >= 1.26, and there is $found here"
    exit 77
fi

# One build at a time: tests that start together wait for the first one's binary.
mkdir -p "$cache"
exec 9>"$cache/build.lock"
flock 9
if [[ -x $binary ]]; then
    printf '%s\n' "$binary"
    exit
fi

# All that the build writes goes below one folder, beside the binary so that the final mv is a
# rename. We hold the lock, so a folder that is there already is what a killed run left behind.
# The build cache is private: kept, it would take 1.6 GB for a build that never comes again.
rm -rf "$cache"/build.*/
work=$(mktemp -d "$cache/build.XXXXXX")
mkdir "$work/tmp"
export GOCACHE=$work/gocache TMPDIR=$work/tmp

# The build runs in a process group of its own (set -m) with the shell in `wait`. So a signal is
# acted on at once and stops the compilers too: no one still writes into the folder we remove.
group=
clean_up() {
    if [[ -n $group ]]; then
        kill -- "-$group" 2>/dev/null || true
        for _ in {1..50}; do
            kill -0 -- "-$group" 2>/dev/null || break
            sleep 0.1
        done
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# `go install module@version` refuses a module whose go.mod has a replace directive. So we require
# Jaeger from a module of our own, which repeats that directive (Go ignores those of dependencies).
cd "$work"
cat >go.mod <<END
module jaegerfortests

go 1.26

require $module v$version

replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0
END

# Keeps the requirement in go.mod. The tag is never set: nobody can import a main package.
cat >tools.go <<END
//go:build tools

package tools

import _ "$module/cmd/jaeger"
END

# The checksum database may be out of reach, so what is compiled is verified without it: Jaeger by
# the two sums here, and every dependency by the go.sum that comes inside the verified Jaeger.
cat >go.sum <<END
$module v$version h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=
$module v$version/go.mod h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=
END

build() {
    local dir
    go mod download "$module"
    dir=$(go list -m -f '{{.Dir}}' "$module")
    cat "$dir/go.sum" >>go.sum
    # -mod=mod lets Go add the indirect requirements to our go.mod, which lists none.
    nice -n 10 go build -mod=mod -p 2 -o jaeger "$module/cmd/jaeger"
    ./jaeger version # a binary that does not start must not get into the cache
}

say "building Jaeger v$version with $found, which takes 5 to 8 minutes"
set -m
build </dev/null >&2 &
group=$!
set +m
wait "$group"
group=

mv "$work/jaeger" "$binary"
say "built in $((SECONDS / 60)) min $((SECONDS % 60)) s"
printf '%s\n' "$binary"
