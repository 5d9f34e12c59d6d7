#!/usr/bin/env bash
# Installs the Flask application's packages, once per machine, and prints the path of their Python.
#
#   python=$(examples/flask/get_python.sh [today | tutorial])
#
# The virtual environment lies in the cache folder, and is named after what is in requirements/, so
# that a changed list gets a new one. stdout carries the path alone, progress goes to stderr. Exit
# status 77, which Meson and automake read as "skipped", says that the packages can't be had.
set -euo pipefail

generation=${1-today}
list=$(dirname "${BASH_SOURCE[0]}")/requirements/$generation.txt
if [[ ! -f $list ]]; then
    echo 'usage: get_python.sh [today | tutorial]' >&2
    exit 2
fi

say() { printf 'get_python: %s\n' "$*" >&2; }

sum=$(sha256sum <"$list")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/plume
environment=$cache/venv-flask-$generation-${sum:0:12}
python=$environment/bin/python

# One at a time: who starts together waits for the first one's packages.
mkdir -p "$cache"
exec 9>"$environment.lock"
flock 9

if [[ ! -e $environment/ready ]]; then
    say "installing into $environment:"
    grep -v '^#' "$list" | paste -sd ' ' | fold -s -w 100 >&2
    if ! python3 -m venv --clear "$environment" >&2 ||
        ! timeout 300 "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
            --requirement "$list" >&2; then
        say 'skipped: the packages above can not be had'
        exit 77
    fi
    touch "$environment/ready"
fi
printf '%s\n' "$python"
