#!/usr/bin/env bash
# Runs the stress with ThreadSanitizer, and with AddressSanitizer and UBSan, both at once.
#
#     tests/stress/run.sh SECONDS [SEED]
#
# STRESS_WITHOUT=kind,... leaves operations out; STRESS_SANITIZERS="thread" runs one of the two.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?usage: tests/stress/run.sh SECONDS [SEED]}
seed=${2:-$(date +%s)}
read -ra sanitizers <<<"${STRESS_SANITIZERS:-thread address,undefined}"
compiler=${STRESS_CXX:-clang++-19}
flags=(-std=c++20 -O1 -g1 -pthread -Iinclude -Iexporters -fno-sanitize-recover=all
    -fno-omit-frame-pointer -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# Where the randomised addresses of a new kernel lie, sanitizers keep their shadow.
no_aslr=()
! setarch -R true 2>/dev/null || no_aslr=(setarch -R)

build() {
    local directory=build-stress/$1
    mkdir -p "$directory"
    "$compiler" "${flags[@]}" "-fsanitize=$1" -fPIC -shared tests/stress/plugin.cpp \
        -o "$directory/plugin.so"
    "$compiler" "${flags[@]}" "-fsanitize=$1" tests/stress/stress.cpp -ldl -o "$directory/stress"
}

run() {
    local directory=build-stress/$1
    # A child of a process with several threads may go on, and the plugin's leaks have no names.
    TSAN_OPTIONS="die_after_fork=0 second_deadlock_stack=1" \
        ASAN_OPTIONS="detect_stack_use_after_return=1 detect_leaks=0" \
        "${no_aslr[@]}" "$directory/stress" "$seconds" "$seed" "$directory/plugin.so" \
        "--without=${STRESS_WITHOUT:-}"
}

for sanitizer in "${sanitizers[@]}"; do build "$sanitizer"; done
echo "stress: $seconds s with seed $seed"
pids=()
for sanitizer in "${sanitizers[@]}"; do
    run "$sanitizer" &
    pids+=("$!")
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
((status == 0)) || echo "stress: failed with seed $seed"
exit "$status"
