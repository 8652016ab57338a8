#!/bin/sh
# SPDX-License-Identifier: MIT
# What the index counts: small trees with everything odd that a file can be, counted by hand or by
# examples/word_index/recount, and words that are dropped again.
. tests/harness/suite.sh
. tests/examples/word_index.sh

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
  make_words "$tree"
  run 0 build --heap "$heap" --workers 4 "$tree"
  agrees "$tree"
  expect "lines of common" "$(printf '20000\t20000\t40\tcommon')" "$(head -n 1 "$work/out")"
}

small_files_are_counted_right_behind_a_large_one() {
  awk -v tree="$tree" 'BEGIN {
    for (i = 0; i < 70000; i++) print "large" i >(tree "/large")
    for (file = 0; file < 20; file++) {
      for (i = 0; i < 1500; i++) print "small" i, "only" file >(tree "/" file)
      close(tree "/" file)
    }
  }'
  run 0 build --heap "$heap" --workers 1 "$tree"
  agrees "$tree"
}

one_worker_and_four_agree() {
  make_words "$tree"
  run 0 build --heap "$heap" --workers 1 "$tree"
  run 0 build --heap "$work/$test.heap" --workers 4 "$tree"
  run 0 top --heap "$work/$test.heap" all
  mv "$work/out" "$work/four"
  run 0 top --heap "$heap" all
  cmp -s "$work/four" "$work/out" || expect words "of four workers" "of one"
  run 0 find --heap "$work/$test.heap" shared
  mv "$work/out" "$work/four"
  run 0 find --heap "$heap" shared
  cmp -s "$work/four" "$work/out" || expect places "of four workers" "of one"
  expect "lines found" 20001 "$(wc -l <"$work/four")"
  run 0 rm --heap "$work/$test.heap"
}

links_are_not_followed() {
  printf 'seen\n' >"$tree/file"
  printf 'linked\n' >"$work/$test.elsewhere"
  ln -s "$work/$test.elsewhere" "$tree/to_file"
  ln -s "$tree" "$tree/to_folder"
  run 0 build --heap "$heap" "$tree" "$tree/to_file"
  says "no file at or below '$tree/to_file'; symbolic links are not followed"
  run 0 top --heap "$heap" all
  expect words "$(printf '1\t1\t1\tseen')" "$out"
}

dropped_words_are_gone_and_their_memory_is_free() {
  awk 'BEGIN { for (i = 0; i < 90000; i++) print "often", "w" i % 5 }' >"$tree/file"
  printf 'often kept\n' >"$tree/other"
  run 0 build --heap "$heap" --workers 2 "$tree"
  live=$(figure live)
  blocks=$(figure "live blocks")
  run 0 drop --heap "$heap" OFTEN
  expect "what drop says" "often: 90001 times, dropped, bytes freed" \
    "$(echo "$out" | sed 's/dropped, [1-9][0-9]* /dropped, /')"
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

# Of an index that four workers built nothing is left but what one without words has, and the
# entries of the map's buckets, 16 bytes each.
dropping_all_words_frees_all_that_workers_allocated() {
  awk -v tree="$tree" 'BEGIN {
    for (file = 0; file < 16; file++) {
      for (i = 0; i < 9000; i++) print "w" i % 9, "only_in" file, "all" >(tree "/" file)
    }
  }'
  mkdir "$work/$test.blank"
  for file in $(seq 0 15); do echo >"$work/$test.blank/$file"; done
  (cd "$work/$test.blank" && exec "$word_index" build --heap "$heap" --workers 4 .) >"$work/out"
  live=$(figure live)
  blocks=$(figure "live blocks")
  run 0 rm --heap "$heap"
  (cd "$tree" && exec "$word_index" build --heap "$heap" --workers 4 .) >"$work/out"
  run 0 top --heap "$heap" all
  words=$(cut -f 4 "$work/out")
  expect "count of words" 26 "$(echo "$words" | wc -l)"
  for word in $words; do run 0 drop --heap "$heap" "$word"; done
  entries=$(($(figure "live blocks") - blocks))
  expect "live bytes" $((live + 16 * entries)) "$(figure live)"
  [ "$entries" -ge 0 ] && [ "$entries" -lt 512 ]
  expect "0 to 511 entries" 0 $?
  expect "different words" 0 "$(figure "different words")"
  expect "bytes of hits" 0 "$(figure "bytes of hits")"
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
    expect "whole words" 0 "$(sed 1d "$work/out" | tr '\t' ' ' | grep -vcE '^1 1 1 w[0-9]+$')"
  done
  wait
  [ ! -e "$work/bad" ] || expect drops "" "$(cat "$work/bad")"
  expect "different words" 1 "$(figure "different words")"
}

run_suite word_index
