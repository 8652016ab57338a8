#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark's programs run and print their figures; what these are is not judged. --traced does
# so little that it takes no time, and the comparison is fed with workloads that take the least.
. tests/harness/suite.sh

_set_up() {
  :
}

_tear_down() {
  :
}

# _run CODE PROGRAM ARGUMENT...: what it prints is in $out, its messages in $err. Its heaps, which
# are named after the process, must be gone.
_run() {
  wanted=$1
  program=$2
  shift 2
  "bench/$program" "$@" >"$work/out" 2>"$work/err" &
  pid=$!
  wait "$pid"
  expect "exit code of '$program $*'" "$wanted" $?
  expect "heaps of '$program $*'" "" "$(find /dev/shm -name "shoal.bench-$pid-*")"
  out=$(cat "$work/out")
  err=$(cat "$work/err")
}

# _tells ALLOCATOR WORKLOAD FIGURE...: the workload tells these figures and no others.
_tells() {
  _run 0 "$1" "$2" --traced
  what="$1 $2"
  shift 2
  expect "figures of $what" "$*" "$(cut -d ' ' -f 1 "$work/out" | tr '\n' ' ' | sed 's/ $//')"
  line='^[a-z0-9_]+ (ns|per_s|bytes|count|ratio) [0-9.e+]+$'
  expect "bad lines of $what" "" "$(grep -vE "$line" "$work/out")"
}

every_allocator_runs_the_plain_workloads() {
  for allocator in none glibc jemalloc shoal_private shoal_named; do
    _tells "$allocator" pair64 time
    _tells "$allocator" batch time fifo lifo random
    _tells "$allocator" churn time memory_over_live
  done
  for allocator in glibc jemalloc; do _tells "$allocator" waste memory_over_live; done
  for allocator in shoal_private shoal_named; do
    _tells "$allocator" waste memory_over_live committed_over_requested metadata_over_requested
  done
}

a_shared_heap_runs_the_sharing_workloads() {
  _tells shoal_named handover time blocks ring_alone ring_and_memory blocks_over_ring_alone \
    blocks_over_ring_and_memory
  _tells shoal_named growth blocks time committed_start committed_steady committed_most \
    committed_end most_over_steady
  _tells shoal_named attach time empty full_over_empty first_block_empty first_block_full
  _tells shoal_named image metadata metadata_committed data_committed
  _tells shoal_named neighbour time with_kills undisturbed kills_over_undisturbed \
    median_of_ratios kills neighbour_with_kills neighbour_undisturbed
}

recovery_is_timed_in_heaps_of_all_sizes() {
  figures=
  for capacity in 64_mib 256_mib 1_gib 4_gib 16_gib; do
    for figure in slot_median slot_p99 slot_max reap_median reap_p99 reap_max; do
      figures="$figures ${figure}_$capacity"
    done
  done
  # shellcheck disable=SC2086  # one word per figure is meant
  _tells shoal_inside recover $figures largest_over_smallest cut_short_over_all time
}

every_allocator_tells_its_version() {
  for allocator in none glibc jemalloc shoal_private shoal_named shoal_inside; do
    _run 0 "$allocator" --version
    expect "lines of $allocator's version" 1 "$(wc -l <"$work/out")"
    expect "$allocator's version is known" "" "$(grep unknown "$work/out")"
  done
}

what_cannot_be_run_is_told() {
  _run 1 shoal_named flight
  expect message 'shoal_named: no workload "flight"' "$err"
  _run 1 glibc handover
  expect message "glibc: its heaps cannot be shared, handover needs that" "$err"
  _run 1 shoal_named recover
  expect message "shoal_named: what the dead leave cannot be seen" "$err"
  _run 2 shoal_named
  _run 1 shoal_named --role flight
}

# _compare CODE ARGUMENT...
_compare() {
  wanted=$1
  shift
  _run "$wanted" compare --folder bench "$@"
}

_ask_json() {
  python3 -c 'import json, sys; print(eval(sys.argv[2], {"all": json.load(open(sys.argv[1]))}))' \
    "$work/figures" "$1"
}

a_comparison_prints_tables_and_writes_json() {
  _compare 0 --quick --only pair64 --allocators none,shoal_named --json "$work/figures"
  python3 -m json.tool "$work/figures" >/dev/null
  expect "json.tool's code" 0 $?
  for allocator in none shoal_named; do
    expect "rows of $allocator" 1 "$(grep -c "time (ns) *$allocator " "$work/out")"
  done
  expect allocators "['none', 'shoal_named']" "$(_ask_json 'sorted(all["versions"])')"
  expect series "[('pair64', 'time', 5), ('pair64', 'time', 5)]" \
    "$(_ask_json '[(r["workload"], r["figure"], r["reps"]) for r in all["results"]]')"
  expect order True \
    "$(_ask_json 'min(r["min_ns"] <= r["median_ns"] <= r["max_ns"] for r in all["results"])')"
}

a_comparison_refuses_names_it_does_not_know() {
  _compare 2 --only pair64,flight
  _compare 2 --only pair64 --allocators nonesuch
  _compare 2 --reps 4
  _compare 2 --json
  _run 2 compare --quick
}

a_failing_run_fails_the_comparison() {
  mkdir "$work/folder"
  printf '#!/bin/sh\necho nonsense\n' >"$work/folder/none"
  chmod +x "$work/folder/none"
  _run 1 compare --folder "$work/folder" --only pair64 --allocators none
}

run_suite bench
