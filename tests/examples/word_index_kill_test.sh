#!/bin/sh
# SPDX-License-Identifier: MIT
# Workers that are killed while they build, at random: whatever they were at, others finish it, each
# file counts once, and no block is lost.
. tests/harness/suite.sh

# Killed while the sanitizer looks for leaks in it, a process complains; other tests look for them.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
. tests/examples/word_index.sh

# _build_killing MS: builds with workers that live MS milliseconds on the average; adds to $killed.
_build_killing() {
  run 0 build --heap "$heap" --workers 4 --kill-after "$1" "$tree"
  expect messages "" "$err"
  killed=$((killed + $(echo "$out" | sed 's/.* workers, \([0-9]*\) killed.*/\1/')))
}

# _counts_are_whole: the same words as in the file of the independent count, and no block but those
# that the index names.
_counts_are_whole() {
  run 0 top --heap "$heap" all
  diff "$work/wanted" "$work/out" | cut -c 1-99 | head -n 20 >"$work/differences"
  expect "differences after $killed kills" "" "$(cat "$work/differences")"
  run 0 stats --heap "$heap"
  live=$(figure "live blocks")
  run 0 clear --heap "$heap"
  expect "blocks after $killed kills" "$live blocks freed, 0 left" "$out"
}

_build_until_killed() {
  killed=0
  "$recount" "$tree" >"$work/wanted"
  [ -s "$work/wanted" ] || expect "words to compare" some none
  while [ "$killed" -lt "$1" ] && [ ! -e "$work/complaints" ]; do
    _build_killing "$2"
    _counts_are_whole
    run 0 rm --heap "$heap"
  done
  heap_made=
}

many_files_count_once_each() {
  make_words "$tree"
  _build_until_killed 200 1
}

# A batch of many words, merged by one worker after the other; small files whose words are all the
# same, so that workers die while others want the word they hold.
a_large_file_and_crowded_words_count_once() {
  awk -v tree="$tree" 'BEGIN {
    for (i = 0; i < 150000; i++) print "large" i, "all" >(tree "/large")
    for (file = 0; file < 300; file++) {
      for (i = 0; i < 50; i++) print "all of these are the same words" >(tree "/" file)
      close(tree "/" file)
    }
  }'
  _build_until_killed 200 1
}

clearing_needs_a_whole_index() {
  printf 'one two\n' >"$tree/file"
  run 0 build --heap "$heap" --workers 1 "$tree"
  run 2 clear --heap "$heap" more
  run 0 clear --heap "$heap"
  run 1 clear --heap "$heap"
  says "holds no word index"
}

run_suite word_index_kill
