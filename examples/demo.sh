#!/usr/bin/env bash
# Starts the storefront and the inventory, sends them 20 requests, shows what both traced, and stops
# them again; on demand with a Flask application as a third service. ./dev demo builds them first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'END'
usage: ./dev demo [--serve] [--flask] [--export LIST]
  --serve        keep the services up until Ctrl-C; traces come as they happen
  --flask        a third service, in Python; --flask=tutorial takes older packages for it
  --export LIST  where spans go: console (the default), jaeger, otlp, jsonl, or several: jaeger,jsonl
  --build DIR    where the services were built (build-demo)
END
}

serve=false flask='' exporters=console build=build-demo
while (($#)); do
    case $1 in
    --serve) serve=true ;;
    --flask) flask=today ;;
    --flask=today | --flask=tutorial) flask=${1#*=} ;;
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

services=(storefront inventory) # in the order in which one asks the other
if [[ -n $flask ]]; then
    if [[ ,$exporters, == *,jsonl,* ]]; then
        echo 'demo: --flask has no jsonl; take console, jaeger or otlp' >&2
        exit 2
    fi
    # Before anything is started: the first time it takes a while.
    python=$(examples/flask/get_python.sh "$flask")
    services=(reviews "${services[@]}")
    export PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1
fi

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
    local service=$1 log=$files/$1.log deadline=$((SECONDS + 20)) out
    local command=("$build/examples/$service" --jsonl "$jsonl")
    [[ $service != reviews ]] || command=("$python" examples/flask/app.py)
    if $serve; then exec {out}>&1; else exec {out}>"$files/$service.out"; fi
    "${command[@]}" --port "$2" --export "$exporters" "${@:3}" 1>&"$out" 2>"$log" &
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
stop_all() {
    local service
    for service in "${services[@]}"; do stop "$service"; done
}
# shellcheck disable=SC2317 # The trap calls it.
clean_up() {
    stop_all
    rm -rf "$files"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# collect SERVICE: what it printed about each trace, as ${parts[I]}, with a line for each in
# ${parts_of[TRACE_ID]}: when it began, and that I.
parts=()
declare -A parts_of
collect() {
    local line text='' id='' begin
    while IFS= read -r line; do
        text+=$line$'\n'
        if [[ -z $line ]]; then
            [[ -z $id ]] || parts_of[$id]+="$begin ${#parts[@]}"$'\n'
            [[ -z $id ]] || parts+=("$text")
            text='' id=''
        elif [[ -z $id && $line =~ ([0-9a-f]{32}).*([0-9-]{10}\ [0-9:.]+)\ UTC ]]; then
            id=${BASH_REMATCH[1]} begin=${BASH_REMATCH[2]}
        fi
    done <"$files/$1.out"
}

# The logs of all services, one after the other.
logs() {
    local service
    for service in "${services[@]}"; do cat "$files/$service.log"; done
}

# The last line: where the spans of all services went.
account() {
    local line name begun=0 sum='' names=() whose=both
    local -A exported dropped
    local counts='^[a-z]+: begun ([0-9]+), exported ([0-9]+), dropped ([0-9]+) \((.*)\)$'
    while read -r line; do
        [[ $line =~ $counts ]] || continue
        name=${BASH_REMATCH[4]}
        [[ -v exported[$name] ]] || names+=("$name")
        [[ $name != "${names[0]}" ]] || begun=$((begun + BASH_REMATCH[1]))
        exported[$name]=$((${exported[$name]-0} + BASH_REMATCH[2]))
        dropped[$name]=$((${dropped[$name]-0} + BASH_REMATCH[3]))
    done < <(logs)

    for name in "${names[@]}"; do
        sum+="${sum:+; }exported ${exported[$name]}, dropped ${dropped[$name]} ($name)"
        ((begun == exported[$name] + dropped[$name])) || complain "$name lost spans in silence"
    done
    ((${#services[@]} == 2)) || whose='all three'
    printf '%s: begun %s, %s\n' "$whose" "$begun" "$sum"
}

# Until a signal comes, or a service ends on its own.
serve() {
    local stopping=false
    say "Try these, and stop with Ctrl-C:"
    printf 'curl %s\n' "${urls[storefront]}"/{,orders/1001,orders/1003,orders/1005,orders/9999,external}
    [[ -z $flask ]] || printf 'curl %s\n' "${urls[storefront]}/items/oak-table" \
        "${urls[reviews]}"/{,reviews/oak-table,external}
    trap 'stopping=true' HUP INT TERM
    wait -n "${pids[@]}" || true
    $stopping || complain 'a service has ended'
    stop_all
    wait
}

# What is asked of whom, and what comes back.
requests() {
    cat <<'END'
storefront /            200 The storefront
storefront /orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
storefront /orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
storefront /external    200 Order now: 1 wool-rug left
storefront /            200 The storefront
storefront /orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
storefront /orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
storefront /orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
storefront /            200 The storefront
storefront /orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
storefront /orders/1002 200 Order 1002: 2 x oak-table, 3 in stock
storefront /external    200 Order now: 1 wool-rug left
storefront /            200 The storefront
storefront /orders/1001 200 Order 1001: 1 x desk-lamp, 12 in stock
storefront /orders/1003 200 Order 1003: 2 x wool-rug, 1 in stock
storefront /orders/1003 200 Order 1003: 2 x wool-rug, 1 in stock
storefront /external    200 Order now: 1 wool-rug left
storefront /orders/1004 200 Order 1004: fountain-pen, no longer sold
storefront /orders/9999 404 No such order
storefront /orders/1005 502 The inventory doesn't answer
END
    [[ -z $flask ]] || cat <<'END'
reviews /                  200 The Flask application
reviews /reviews/desk-lamp 200 4.5 of 5 stars
storefront /items/wool-rug 200 wool-rug: 1 in stock, 3.0 of 5 stars.
reviews /external          200 The storefront says: desk-lamp: 12 in stock, 4.5 of 5 stars.
END
}

# Sends the requests, stops the services, and shows each request with its trace.
show() {
    local service path status expected text id part i=0 asked=() answers=() ids=()
    say "Sending $(requests | wc -l) requests to ${urls[storefront]}${flask:+ and ${urls[reviews]}}"
    while read -r service path expected text; do
        status=$(get "${urls[$service]}$path") || true
        answers+=("$status $(<"$files/body")")
        asked+=("${urls[$service]}$path")
        ids+=("$(sed -n 's/^X-Trace-Id: \([0-9a-f]*\).*/\1/p' "$files/headers")")
        [[ ${answers[-1]} == "$expected $text"* ]] ||
            complain "$service $path: expected \"$expected $text\", got \"${answers[-1]}\""
    done < <(requests)
    stop_all # after which all is printed that they had to say

    say "Each request with its trace: what every service did in it, one after the other"
    for service in "${services[@]}"; do collect "$service"; done
    for path in "${asked[@]}"; do
        id=${ids[i]:-none}
        say "curl $path"
        printf '%s\n\n' "${answers[i]}"
        if [[ ",$exporters," == *,console,* ]]; then
            [[ -n ${parts_of[$id]-} ]] || complain "no trace of $path"
            while read -r _ _ part; do
                printf '%s' "${parts[part]}"
            done < <(printf '%s' "${parts_of[$id]-}" | sort)
        fi
        i=$((i + 1))
    done
    logs | grep -v ': listening on ' || true
}

# What people would try first, if nobody else has it; else, and for the demo, any free port.
port() {
    if ! $serve || (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then echo 0; else echo "$1"; fi
}

free_port() {
    "$python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

console=()
if ! $serve; then
    columns=100
    [[ ! -t 1 ]] || read -r _ columns < <(stty size <&1) || true
    console=(--columns "$((columns < 72 ? 72 : columns > 160 ? 160 : columns))")
    if $coloured; then console+=(--colour always); else console+=(--colour never); fi
fi
rm -f "$jsonl"
if [[ -z $flask ]]; then
    say 'Starting the inventory and the storefront'
else
    say "Starting the inventory, the storefront and the reviews ($flask's packages for Python)"
fi
start inventory "$(port 8081)" --database "$files/inventory.db" "${console[@]}"
front_port=$(port 8080)
to_reviews=()
if [[ -n $flask ]]; then
    # They ask one another, so one of the two has to know the other's port in advance.
    ((front_port)) || front_port=$(free_port)
    start reviews "$(port 5000)" --storefront "http://127.0.0.1:$front_port" "${console[@]}"
    to_reviews=(--reviews "${urls[reviews]}")
fi
start storefront "$front_port" --inventory "${urls[inventory]}" "${to_reviews[@]}" "${console[@]}"
if $serve; then serve; else show; fi
[[ ! -e $jsonl ]] || say "The spans are in $jsonl"
account
exit $((problems != 0))
