#!/bin/sh
# SPDX-License-Identifier: MIT
# The word index as its users meet it: small trees with everything odd that a file can be, counted
# by hand or by examples/word_index/recount, and every error with its exit code. Each test is a
# function that fails by `expect`; each has a heap name and a folder of its own.
set -u
export LC_ALL=C
word_index=$(pwd)/examples/word_index/word_index
recount=$(pwd)/examples/word_index/recount
writer=$(pwd)/examples/hello_writer
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/word_index.XXXXXX")
heap=word_index_test.$$
trap 'chmod -R u+rwx "$work"; rm -rf "$work"; "$word_index" rm --heap "$heap" 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
failures=0

# expect WHAT WANTED GOT
expect() {
  [ "$2" = "$3" ] && return
  printf '%s: %s: wanted "%s", got "%s"\n' "$test" "$1" "$2" "$3"
  failures=$((failures + 1))
}

# run CODE ARGUMENT...: runs the program; its output is in $out, its messages in $err.
run() {
  wanted=$1
  shift
  "$word_index" "$@" >"$work/out" 2>"$work/err"
  expect "exit code of '$*'" "$wanted" $?
  out=$(cat "$work/out")
  err=$(cat "$work/err")
}

# says WORD: whether a message names it.
says() {
  case $err in *"$1"*) return ;; esac
  expect "the message" "... $1 ..." "$err"
}

# agrees PATH...: the index holds what the independent count finds.
agrees() {
  "$recount" "$@" >"$work/wanted"
  run 0 top --heap "$heap" all
  [ -s "$work/wanted" ] || expect "words to compare" some none
  cmp -s "$work/wanted" "$work/out" || expect "counts of $*" "$(diff "$work/wanted" "$work/out")" ""
}

counts_are_as_counted_by_hand() {
  mkdir "$tree/below"
  printf 'The cat, the DOG\nthe_end\n\nCat\n' >"$tree/a"
  printf 'dog dog\ndog' >"$tree/below/b"
  run 0 build --heap "$heap" --workers 2 "$tree"
  run 0 top --heap "$heap" all
  expect words "$(printf '4\t3\t2\tdog\n2\t2\t1\tcat\n2\t1\t1\tthe\n1\t1\t1\tthe_end')" "$out"
  run 0 top --heap "$heap" 2
  expect "the best two" "$(printf '4\t3\t2\tdog\n2\t2\t1\tcat')" "$out"
  run 0 find --heap "$heap" DoG
  expect places "dog: 4 times, on 3 lines of 2 files
$tree/a:1
$tree/below/b:1
$tree/below/b:2" "$out"
}

odd_files_are_counted_or_skipped() {
  : >"$tree/empty"
  printf 'no end of line' >"$tree/unended"
  printf 'na\303\257ve caf\303\251 \377\376 x\r\ny\r\n' >"$tree/bytes"
  printf '\n\n\n' >"$tree/blank"
  head -c 300000 /dev/zero | tr '\0' z >"$tree/one_word"
  awk 'BEGIN { for (i = 0; i < 99999; i++) printf "w%d ", i % 997 }' >"$tree/one_line"
  printf 'in a binary \000 file' >"$tree/binary"
  { head -c 8191 /dev/zero | tr '\0' b; printf '\000 binary'; } >"$tree/late_binary"
  { head -c 8192 /dev/zero | tr '\0' t; printf '\000 text'; } >"$tree/nul_in_text"
  printf 'odd name' >"$tree/a name
on two lines"
  printf 'linked' >"$work/$test.elsewhere"
  ln -s "$work/$test.elsewhere" "$tree/link"
  ln -s "$tree" "$tree/loop"
  mkfifo "$tree/pipe"
  mkdir "$tree/closed"
  printf 'secret' >"$tree/secret"
  chmod 000 "$tree/secret" "$tree/closed"
  run 0 build --heap "$heap" --workers 4 "$tree"
  says "skipped '$tree/binary': binary"
  says "skipped '$tree/late_binary': binary"
  if [ "$(id -u)" -ne 0 ]; then
    says "skipped '$tree/secret': Permission denied"
    says "skipped '$tree/closed': Permission denied"
  fi
  agrees "$tree"
  run 1 find --heap "$heap" linked
}

a_file_met_twice_counts_twice() {
  printf 'one two\ntwo\n' >"$tree/file"
  run 0 build --heap "$heap" --workers 4 "$tree" "$tree/file"
  run 0 find --heap "$heap" two
  expect places "two: 4 times, on 4 lines of 2 files
$tree/file:1
$tree/file:2
$tree/file:1
$tree/file:2" "$out"
  agrees "$tree" "$tree/file"
}

nothing_at_all_is_an_index_too() {
  run 0 build --heap "$heap" --workers 3 "$tree"
  run 0 top --heap "$heap" 5
  expect words "" "$out"
  run 1 find --heap "$heap" word
  run 0 stats --heap "$heap"
}

many_words_grow_the_map_under_four_workers() {
  awk -v tree="$tree" 'BEGIN {
    srand(7)
    for (file = 0; file < 40; file++) {
      for (line = 0; line < 500; line++) {
        text = "common Shared"
        for (i = 0; i < 8; i++) text = text " w" int(rand() * 200000) " f" file "_" line "_" i
        print text >(tree "/" file)
      }
      close(tree "/" file)
    }
  }'
  run 0 build --heap "$heap" --workers 4 "$tree"
  agrees "$tree"
  expect "lines of common" "$(printf '20000\t20000\t40\tcommon')" "$(head -n 1 "$work/out")"
}

# Reads one figure out of stats.
figure() {
  "$word_index" stats --heap "$heap" | awk -v name="$1" '
    { number = $NF; sub(/^ */, ""); sub(/ *[0-9]*$/, "") }
    $0 == name { print number }'
}

dropped_words_are_gone_and_their_memory_is_free() {
  awk 'BEGIN { for (i = 0; i < 90000; i++) print "often", "w" i % 5 }' >"$tree/file"
  printf 'often kept\n' >"$tree/other"
  run 0 build --heap "$heap" --workers 2 "$tree"
  live=$(figure live)
  blocks=$(figure "live blocks")
  run 0 drop --heap "$heap" OFTEN
  case $out in "often: 90001 times, dropped, "*" bytes freed") ;; *) expect drop often "$out" ;; esac
  freed=$(echo "$out" | awk '{ print $5 }')
  expect "live bytes" $((live - freed)) "$(figure live)"
  expect "live blocks" $((blocks - 2)) "$(figure "live blocks")"
  expect "different words" 6 "$(figure "different words")"
  run 1 find --heap "$heap" often
  says "'often' is not in the index"
  run 1 drop --heap "$heap" often
  run 0 find --heap "$heap" kept
  for word in kept w0 w1 w2 w3 w4; do run 0 drop --heap "$heap" "$word"; done
  run 0 top --heap "$heap" all
  expect words "" "$out"
}

readers_see_whole_words_while_others_drop() {
  awk 'BEGIN { for (i = 0; i < 400; i++) print "stays w" i }' >"$tree/file"
  run 0 build --heap "$heap" --workers 1 "$tree"
  for begin in 0 1 2; do
    for i in $(seq "$begin" 3 399); do
      "$word_index" drop --heap "$heap" "w$i" >"$work/drop.$begin" 2>&1 || echo "w$i" >>"$work/bad"
    done &
  done
  for i in $(seq 40); do
    run 0 top --heap "$heap" all
    expect "the first word" "$(printf '400\t400\t1\tstays')" "$(head -n 1 "$work/out")"
    expect "whole words" 0 "$(sed 1d "$work/out" | grep -vcE '^1	1	1	w[0-9]+$')"
  done
  wait
  [ ! -e "$work/bad" ] || expect drops "" "$(cat "$work/bad")"
  expect "different words" 1 "$(figure "different words")"
}

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
  "$writer" "$work/$test.heap" || expect "hello_writer" 0 $?
  run 1 top --heap "$work/$test.heap" 1
  says "holds no word index"
  heap_made=
}

a_failed_build_leaves_nothing() {
  run 1 build --heap "$heap" "$tree" "$tree/missing"
  says "cannot read '$tree/missing': No such file or directory"
  says "heap '$heap' is removed"
  run 1 stats --heap "$heap"
  heap_made=
}

a_killed_worker_fails_the_build() {
  awk 'BEGIN { for (i = 0; i < 3000000; i++) print "some words w" i }' >"$tree/large"
  "$word_index" build --heap "$heap" --workers 2 "$tree" >"$work/out" 2>"$work/err" &
  builder=$!
  children=
  while [ -z "$children" ] && kill -0 "$builder" 2>/dev/null; do
    children=$(cat "/proc/$builder/task/$builder/children" 2>/dev/null)
  done
  # The one worker with the file, and the one without, whichever still runs.
  for child in $children; do kill -KILL "$child" 2>/dev/null; done
  wait "$builder"
  expect "exit code" 1 $?
  err=$(cat "$work/err")
  says "was ended by signal 9"
  says "is removed"
  heap_made=
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
  run 2 find --heap "$heap" two words
  run 2 find --heap "$heap" 'no-word'
  says "'no-word' is no word"
  run 2 drop --heap "$heap" ''
  run 2 worker --heap "$heap"
  run 1 top --heap 'a name' 1
  run 0 --help
  case $out in *"build --heap NAME"*"drop "*) ;; *) expect help usage "$out" ;; esac
  heap_made=
}

count=0
for test in $(sed -n 's/^\([a-z_]*\)() {$/\1/p' "$0" | grep -vxE 'expect|run|says|agrees|figure'); do
  count=$((count + 1))
  before=$failures
  heap_made=yes
  tree=$work/$test
  mkdir "$tree"
  "$test"
  [ -z "$heap_made" ] || run 0 rm --heap "$heap"
  chmod -R u+rwx "$tree"
  rm -rf "$tree"
  if [ "$failures" -eq "$before" ]; then echo "ok $test"; else echo "FAILED $test"; fi
done
echo "$count tests, $failures failed expectations"
[ "$count" -gt 0 ] && [ "$failures" -eq 0 ]
