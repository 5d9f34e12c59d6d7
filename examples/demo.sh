#!/usr/bin/env bash
# Starts the storefront and the inventory, sends them 20 requests, shows what both traced, and stops
# them again. ./dev demo builds them first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'END'
usage: ./dev demo [--serve] [--export LIST]
  --serve        keep the services up until Ctrl-C; traces come as they happen
  --export LIST  where spans go: console (the default), jaeger, otlp, jsonl, or several: jaeger,jsonl
  --build DIR    where the services were built (build-demo)
END
}

serve=false exporters=console build=build-demo
while (($#)); do
    case $1 in
    --serve) serve=true ;;
    --export=* | --build=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
    --export) exporters=${2?--export needs a list} && shift ;;
    --build) build=${2?--build needs a directory} && shift ;;
    --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

# A proxy, if there is one, is not for what stays on this machine.
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

coloured=false bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
    coloured=true bold=$'\e[1m' plain=$'\e[0m'
fi
say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
problems=0
complain() {
    printf 'demo: %s\n' "$*" >&2
    problems=$((problems + 1))
}

files=$(mktemp -d "${TMPDIR:-/tmp}/plume-demo-XXXXXX")
jsonl=$build/traces.jsonl
declare -A pids urls

# start SERVICE PORT [ARGUMENT...]: returns when it answers.
start() {
    local service=$1 log=$files/$1.log deadline=$((SECONDS + 10)) out
    if $serve; then exec {out}>&1; else exec {out}>"$files/$service.out"; fi
    "$build/examples/$service" --port "$2" --export "$exporters" --jsonl "$jsonl" "${@:3}" \
        1>&"$out" 2>"$log" &
    pids[$service]=$!
    exec {out}>&-
    # Ends with the service.
    ! $serve || tail -n +1 -s 0.1 -f --pid="${pids[$service]}" "$log" >&2 &

    urls[$service]=''
    until [[ -n ${urls[$service]} ]] && get "${urls[$service]}/healthz" >/dev/null; do
        if ! kill -0 "${pids[$service]}" 2>/dev/null || ((SECONDS >= deadline)); then
            cat "$log" >&2
            complain "$service did not start"
            exit 1
        fi
        sleep 0.02
        urls[$service]=$(sed -n "s|^$service: listening on ||p" "$log")
    done
}

# get URL: prints the status; the rest of the response is in $files/headers and $files/body.
get() { curl -s --max-time 10 -D "$files/headers" -o "$files/body" -w '%{http_code}' "$1"; }

# Ends a service, which delivers its last spans meanwhile. It has ten seconds.
stop() {
    local service=$1 pid=${pids[$1]-} status=0 deadline=$((SECONDS + 10))
    [[ -n $pid ]] || return 0
    unset "pids[$service]"
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        ((SECONDS < deadline)) || kill -KILL "$pid" 2>/dev/null || true
        sleep 0.02
    done
    wait "$pid" || status=$?
    ((status == 0)) || complain "$service ended with status $status"
}
stop_both() {
    stop storefront # who asks goes first
    stop inventory
}
# shellcheck disable=SC2317 # The trap calls it.
clean_up() {
    stop_both
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# collect SERVICE: its traces, each as the text of ${traces[TRACE_ID]}, behind what is there.
declare -A traces
collect() {
    local line text='' id=''
    while IFS= read -r line; do
        text+=$line$'\n'
        if [[ -z $line ]]; then
            [[ -z $id ]] || traces[$id]=${traces[$id]-}$text
            text='' id=''
        elif [[ -z $id && $line =~ [0-9a-f]{32} ]]; then
            id=${BASH_REMATCH[0]}
        fi
    done <"$files/$1.out"
}

# The last line: where the spans of both services went.
account() {
    local line name begun=0 sum='' names=()
    local -A exported dropped
    local counts='^[a-z]+: begun ([0-9]+), exported ([0-9]+), dropped ([0-9]+) \((.*)\)$'
    while read -r line; do
        [[ $line =~ $counts ]] || continue
        name=${BASH_REMATCH[4]}
        [[ -v exported[$name] ]] || names+=("$name")
        [[ $name != "${names[0]}" ]] || begun=$((begun + BASH_REMATCH[1]))
        exported[$name]=$((${exported[$name]-0} + BASH_REMATCH[2]))
        dropped[$name]=$((${dropped[$name]-0} + BASH_REMATCH[3]))
    done < <(cat "$files/storefront.log" "$files/inventory.log")

    for name in "${names[@]}"; do
        sum+="${sum:+; }exported ${exported[$name]}, dropped ${dropped[$name]} ($name)"
        ((begun == exported[$name] + dropped[$name])) || complain "$name lost spans in silence"
    done
    printf 'both: begun %s, %s\n' "$begun" "$sum"
}

# Until a signal comes, or a service ends on its own.
serve() {
    local stopping=false
    say "Try these, and stop with Ctrl-C:"
    printf 'curl %s\n' "${urls[storefront]}"/{,orders/1001,orders/1003,orders/1005,orders/9999,external}
    trap 'stopping=true' HUP INT TERM
    wait -n "${pids[@]}" || true
    $stopping || complain 'a service has ended'
    stop_both
    wait
}

# Sends the requests, stops the services, and shows each request with its trace.
show() {
    local path status expected text id i=0 asked=() answers=() ids=()
    say "Sending 20 requests to ${urls[storefront]}"
    while read -r path expected text; do
        status=$(get "${urls[storefront]}$path") || true
        answers+=("$status $(<"$files/body")")
        asked+=("$path")
        ids+=("$(sed -n 's/^X-Trace-Id: \([0-9a-f]*\).*/\1/p' "$files/headers")")
        [[ ${answers[-1]} == "$expected $text"* ]] ||
            complain "$path: expected \"$expected $text\", got \"${answers[-1]}\""
    done <<'END'
/            200 The storefront
/orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
/orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
/external    200 Order now: 1 wool-rug left
/            200 The storefront
/orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
/orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
/orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
/            200 The storefront
/orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
/orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
/external    200 Order now: 1 wool-rug left
/            200 The storefront
/orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
/orders/1003 200 Order 1003: 2 x wool-rug, 1 in stock
/orders/1003 200 Order 1003: 2 x wool-rug, 1 in stock
/external    200 Order now: 1 wool-rug left
/orders/1004 200 Order 1004: fountain-pen, no longer sold
/orders/9999 404 No such order
/orders/1005 502 The inventory doesn't answer
END
    stop_both # after which all is printed that they had to say

    say "Each request with its trace: the storefront's part, then the inventory's, by trace id"
    collect storefront
    collect inventory
    for path in "${asked[@]}"; do
        id=${ids[i]:-none}
        say "curl ${urls[storefront]}$path"
        printf '%s\n\n' "${answers[i]}"
        if [[ ",$exporters," == *,console,* ]]; then
            [[ -n ${traces[$id]-} ]] || complain "no trace of $path"
            printf '%s' "${traces[$id]-}"
        fi
        i=$((i + 1))
    done
    grep -hv ': listening on ' "$files/storefront.log" "$files/inventory.log" || true
}

# What people would try first, if nobody else has it; else, and for the demo, any free port.
port() {
    if ! $serve || (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then echo 0; else echo "$1"; fi
}

console=()
if ! $serve; then
    columns=100
    [[ ! -t 1 ]] || read -r _ columns < <(stty size <&1) || true
    console=(--columns "$((columns < 72 ? 72 : columns > 160 ? 160 : columns))")
    if $coloured; then console+=(--colour always); else console+=(--colour never); fi
fi
rm -f "$jsonl"
say 'Starting the inventory and the storefront'
start inventory "$(port 8081)" --database "$files/inventory.db" "${console[@]}"
start storefront "$(port 8080)" --inventory "${urls[inventory]}" "${console[@]}"
if $serve; then serve; else show; fi
[[ ! -e $jsonl ]] || say "The spans are in $jsonl"
account
exit $((problems != 0))
