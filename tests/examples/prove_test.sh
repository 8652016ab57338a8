#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration over a small tree of odd names, and over an index that is wrong: here a program
# stands between, which changes one number of what the index says.
. tests/harness/suite.sh
. tests/examples/word_index.sh
prove=$(pwd)/examples/word_index/prove

_make_tree() {
  mkdir -p "$tree/-folder/with blank"
  printf 'The cat and the dog.\nThe_end\n' >"$tree/-folder/with blank/a:1:b
on two lines"
  printf 'cat cat\n\n(dog) the CAT' >"$tree/-x"
  printf 'a \000 binary cat' >"$tree/binary"
  ln -s -- "-x" "$tree/link"
}

# _miscount COMMAND SCRIPT: a word_index whose COMMAND's output goes through sed SCRIPT.
_miscount() {
  cat >"$work/miscounting" <<EOF
#!/bin/sh
if [ "\$1" = $1 ]; then
  "$word_index" "\$@" | sed '$2'
else
  exec "$word_index" "\$@"
fi
EOF
  chmod +x "$work/miscounting"
}

# _prove CODE PROGRAM PATH...: from within $tree, with temporary files where they can be counted.
_prove() {
  wanted=$1
  shift
  mkdir "$work/tmp"
  (cd "$tree" && TMPDIR=$work/tmp "$prove" "$@") >"$work/out" 2>"$work/err"
  expect "exit code" "$wanted" $?
  expect "temporary files left" "" "$(ls -A "$work/tmp")"
  rmdir "$work/tmp"
  used=$(sed -n 's/^== four processes index .* in heap //p' "$work/out")
  expect "the heap's name" yes "${used:+yes}"
  expect "heap left" "" "$(find /dev/shm -name "shoal.$used")"
  err=$(cat "$work/err")
  heap_made=
}

right_counts_are_proved() {
  _make_tree
  _prove 0 "$word_index" .
  expect "top and end" "$(printf '4\t3\t2\tcat')" "$(grep -m 1 'cat$' "$work/out")"
  expect "skipped" "word_index: skipped './binary': binary" "$(grep '^word_index' "$work/out")"
}

counts_of_killed_workers_are_proved() {
  make_words "$tree"
  _prove 0 --kill "$word_index" .
  last=$(tail -n 1 "$work/out" | sed 's/^== [1-9][0-9]* /== some /')
  wanted="every count equals the independent one, and no block is lost"
  expect "the last line" "== some processes were killed; $wanted" "$last"
}

odd_paths_can_be_given() {
  _make_tree
  mkdir "$tree/!" "$tree/("
  printf 'cat\n' >"$tree/!/file"
  printf 'dog\n' >"$tree/(/file"
  _prove 0 "$word_index" -folder -x '!' '(' "-folder/with blank" ./-x
}

_refuses() {
  _make_tree
  _miscount "$1" "$2"
  _prove 1 "$work/miscounting" .
  says "$3"
}

a_wrong_total_is_found() {
  _refuses top 's/^4\t/5\t/' "the counts differ"
}

a_wrong_count_of_lines_is_found() {
  _refuses top 's/^1\t1\t1\tand/1\t2\t1\tand/' "the counts differ"
}

a_word_left_out_is_found() {
  _refuses top '/\tthe_end$/d' "the counts differ"
}

a_place_left_out_is_found() {
  _refuses find '$d' "on other lines"
}

a_place_too_many_is_found() {
  _refuses find '$s/[0-9]*$/9/' "on other lines"
}

a_block_that_is_lost_is_found() {
  _make_tree
  cat >"$work/losing" <<EOF
#!/bin/sh
"$word_index" "\$@" && [ "\$1" != clear ]
EOF
  chmod +x "$work/losing"
  _prove 1 "$work/losing" .
  says "blocks are lost"
}

nothing_to_index_is_told() {
  printf '...\n' >"$tree/dots"
  _prove 1 "$word_index" .
  says "there is no word in ."
  _prove 1 "$word_index" missing
  says "cannot read 'missing'"
  says "the build failed"
}

run_suite prove
