#!/bin/sh
# SPDX-License-Identifier: MIT
# What the index's program says and returns when something is wrong, and what it leaves then.
. tests/harness/suite.sh
. tests/examples/word_index.sh

a_path_with_a_slash_is_a_heap_file() {
  printf 'in a file\n' >"$tree/text"
  run 0 build --heap "$work/$test.heap" --workers 2 "$tree"
  [ -f "$work/$test.heap" ] || expect "heap file" there missing
  run 0 find --heap "$work/$test.heap" file
  run 0 rm --heap "$work/$test.heap"
  [ ! -e "$work/$test.heap" ] || expect "heap file" gone there
  heap_made=
}

removing_removes() {
  printf 'x\n' >"$tree/text"
  run 0 build --heap "$heap" "$tree"
  run 0 rm --heap "$heap"
  run 1 top --heap "$heap" 1
  says "cannot open heap '$heap'"
  run 1 rm --heap "$heap"
  run 0 build --heap "$heap" "$tree"
}

a_heap_that_exists_is_left_alone() {
  printf 'first\n' >"$tree/text"
  run 0 build --heap "$heap" "$tree"
  run 1 build --heap "$heap" "$tree"
  says "exists already"
  run 0 find --heap "$heap" first
}

a_heap_without_an_index_is_refused() {
  "$(pwd)/examples/hello_writer" "$work/$test.heap" || expect "hello_writer" 0 $?
  run 1 top --heap "$work/$test.heap" 1
  says "holds no word index"
  heap_made=
}

a_heap_that_others_may_write_is_refused() {
  printf 'x\n' >"$tree/text"
  run 0 build --heap "$work/$test.heap" "$tree"
  chmod 666 "$work/$test.heap"
  run 1 top --heap "$work/$test.heap" 1
  says "cannot open heap '$work/$test.heap': "
  rm -f "$work/$test.heap"
  heap_made=
}

a_heap_that_cannot_be_created_is_told() {
  printf 'x\n' >"$tree/text"
  run 1 build --heap "$tree/missing/heap" "$tree"
  says "cannot create heap '$tree/missing/heap'"
  run 1 build --heap "$tree" "$tree"
  says "cannot create heap '$tree'"
  heap_made=
}

a_heap_without_room_fails_the_build() {
  make_words "$tree"
  # The file may grow to its full length, sparse, but the disk under it is full.
  mkdir "$work/$test.full"
  if ! mount -t tmpfs -o size=4m none "$work/$test.full" 2>/dev/null; then
    skip "needs the right to mount a small tmpfs"
    heap_made=
    return
  fi
  run 1 build --heap "$work/$test.full/heap" --workers 4 "$tree"
  says "no memory"
  says "heap '$work/$test.full/heap' is removed"
  expect "heap file" "" "$(ls "$work/$test.full")"
  umount "$work/$test.full"
  heap_made=
}

a_failed_build_leaves_nothing() {
  run 1 build --heap "$heap" "$tree" "$tree/missing"
  says "cannot read '$tree/missing': No such file or directory"
  says "heap '$heap' is removed"
  run 1 stats --heap "$heap"
  heap_made=
}

a_build_whose_workers_are_always_killed_fails() {
  awk 'BEGIN { for (i = 0; i < 3000000; i++) print "some words w" i }' >"$tree/large"
  # The leak checker works by a child of its own, which would be killed as well.
  ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
    "$word_index" build --heap "$heap" --workers 2 "$tree" >"$work/out" 2>"$work/err" &
  builder=$!
  # Whichever runs, until the builder is no more than a code to be waited for.
  while [ -e "/proc/$builder/exe" ]; do
    for child in $(cat "/proc/$builder/task/$builder/children" 2>/dev/null); do
      kill -KILL "$child" 2>/dev/null
    done
  done
  wait "$builder"
  expect "exit code" 1 $?
  err=$(cat "$work/err")
  says "was ended by signal 9"
  says "20 workers in a row were ended before they had done anything"
  says "is removed"
  heap_made=
}

progress_is_shown_on_a_terminal_alone() {
  make_words "$tree"
  run 0 build --heap "$heap" "$tree"
  expect "messages without a terminal" "" "$err"
  run 0 rm --heap "$heap"
  if ! command -v script >/dev/null; then
    skip "needs script, which makes a terminal"
    heap_made=
    return
  fi
  script -qec "'$word_index' build --heap '$heap' '$tree'" /dev/null </dev/null >"$work/seen"
  expect "exit code" 0 $?
  expect "progress" yes "$(grep -q ' of 40 files, ' "$work/seen" && echo yes)"
}

wrong_usage_is_told() {
  run 2
  run 2 fly --heap "$heap"
  says "there is no command 'fly'"
  run 2 top 5
  says "--heap NAME"
  for n in 0 -1 x 1x ''; do run 2 top --heap "$heap" "$n"; done
  run 2 top --heap "$heap"
  run 2 build --heap "$heap"
  run 2 build --heap "$heap" --workers 0 "$tree"
  run 2 build --heap "$heap" --workers 257 "$tree"
  says "1 to 256"
  run 2 build --heap "$heap" --workers
  run 2 build --heap "$heap" --kill-after 0 "$tree"
  run 2 find --heap "$heap" two words
  run 2 find --heap "$heap" 'no-word'
  says "'no-word' is no word"
  run 2 drop --heap "$heap" ''
  run 2 worker --heap "$heap"
  for name in 'a name' '' "$(printf 'caf\303\251')" "$(head -c 201 /dev/zero | tr '\0' n)"; do
    run 1 top --heap "$name" 1
    says "cannot open heap '$name'"
    run 1 build --heap "$name" "$tree"
    run 1 rm --heap "$name"
  done
  run 0 --help
  case $out in *"build --heap NAME"*"drop "*) ;; *) expect help usage "$out" ;; esac
  heap_made=
}

run_suite word_index_errors
