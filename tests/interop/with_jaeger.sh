#!/usr/bin/env bash
# Runs a command while a Jaeger all-in-one (spans in memory) is up on loopback with its defaults.
#
#   tests/interop/with_jaeger.sh [--set KEY=VALUE]... CMD ARGS...
#
# --set changes a value of Jaeger's all-in-one configuration.
# CMD finds the query API in $JAEGER_QUERY; spans go to UDP 6831 and 6832, HTTP 14268, and OTLP
# 4317 (gRPC) and 4318 (HTTP). The exit status is CMD's, or 77 ("skipped") when Jaeger can't be
# had, or 1 when it does not come up. Jaeger's log is shown only when something failed.
set -euo pipefail

settings=()
while [[ ${1-} == --set && $# -ge 2 ]]; do
    settings+=(--set "$2")
    shift 2
done
if (($# == 0)); then
    echo 'usage: with_jaeger.sh [--set KEY=VALUE]... CMD ARGS...' >&2
    exit 2
fi

say() { printf 'with_jaeger: %s\n' "$*" >&2; }

jaeger=$("$(dirname "$0")/get_jaeger.sh")
if ! command -v curl >/dev/null; then
    say 'skipped: curl is missing'
    exit 77
fi

# --noproxy, because a proxy set in the environment would be asked for loopback too.
healthy() { curl -sf --noproxy '*' --max-time 1 -o /dev/null http://127.0.0.1:13133/status; }

# The ports are fixed, so two of us take turns. A Jaeger that someone else left running we refuse
# to use: its spans are not ours, and its health would pass for that of the one we start.
exec 9>"$(dirname "$jaeger")/run.lock"
flock 9
if healthy; then
    say 'port 13133 is taken, by another Jaeger it seems: stop that one first'
    exit 1
fi

log=$(mktemp)
jaeger_pid=
cmd_pid=
# shellcheck disable=SC2317 # The trap calls it.
clean_up() {
    local status=$?
    # A traced command that was told to stop may still flush spans, so Jaeger goes last.
    if [[ -n $cmd_pid ]]; then
        kill -- "-$cmd_pid" 2>/dev/null || true
        wait "$cmd_pid" 2>/dev/null || true
    fi
    if [[ -n $jaeger_pid ]]; then
        kill "$jaeger_pid" 2>/dev/null || true
        wait "$jaeger_pid" 2>/dev/null || true
    fi
    if ((status != 0 && status != 77)); then
        say "exit status $status; the last lines of Jaeger's log:"
        tail -n 40 "$log" >&2
    fi
    rm -f "$log"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Process groups of their own (set -m), so that Ctrl-C reaches us alone and we choose the order.
# Should we be killed outright, the kernel stops Jaeger (--pdeathsig), and the ports are free.
#
# Jaeger's defaults, but for two that do not suit a test. The query server listens on every
# interface; the rest is on localhost. And it traces its own requests: a service "jaeger" turns up
# among ours, and stopping takes 10 s while it tries to send those spans to itself.
set -m
JAEGER_LISTEN_HOST=127.0.0.1 setpriv --pdeathsig TERM "$jaeger" \
    --set extensions.jaeger_query.http.endpoint=127.0.0.1:16686 \
    --set extensions.jaeger_query.grpc.endpoint=127.0.0.1:16685 \
    --set extensions.jaeger_query.enable_tracing=false \
    "${settings[@]}" \
    </dev/null >"$log" 2>&1 &
jaeger_pid=$!

deadline=$((SECONDS + 30))
until healthy; do
    if ! kill -0 "$jaeger_pid" 2>/dev/null; then
        say 'Jaeger ended before it was ready'
        exit 1
    fi
    if ((SECONDS >= deadline)); then
        say 'Jaeger was not ready after 30 s'
        exit 1
    fi
    sleep 0.1
done

# In the background, for the same reason: a signal interrupts `wait`, and would not a command.
# Without the lock (9>&-), lest a daemon that CMD leaves behind keeps everyone else waiting.
export JAEGER_QUERY=http://127.0.0.1:16686
"$@" <&0 9>&- &
cmd_pid=$!
status=0
wait "$cmd_pid" || status=$?
cmd_pid=
exit "$status"
