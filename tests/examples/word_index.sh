# SPDX-License-Identifier: MIT
# What the tests of the word index have in common, to be sourced behind suite.sh. Each test has a
# heap name, $heap, and an empty folder, $tree, of its own.
word_index=$(pwd)/examples/word_index/word_index
recount=$(pwd)/examples/word_index/recount
heap=word_index_test.${work##*.}
trap '"$word_index" rm --heap "$heap" 2>/dev/null; chmod -R u+rwx "$work"; rm -rf "$work"' EXIT

_set_up() {
  heap_made=yes
  tree=$work/$test
  mkdir "$tree"
}

# A test that leaves no heap says so with an empty heap_made.
_tear_down() {
  [ -z "$heap_made" ] || run 0 rm --heap "$heap"
  chmod -R u+rwx "$tree"
  rm -rf "$tree"
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

# says WORDS: whether a message holds them.
says() {
  case $err in *"$1"*) return ;; esac
  expect "the message" "... $1 ..." "$err"
}

# agrees PATH...: the index holds what the independent count finds.
agrees() {
  "$recount" "$@" >"$work/wanted"
  run 0 top --heap "$heap" all
  [ -s "$work/wanted" ] || expect "words to compare" some none
  diff "$work/wanted" "$work/out" | cut -c 1-99 | head -n 20 >"$work/differences"
  expect "differences from counts of $*" "" "$(cat "$work/differences")"
}

# figure NAME: one figure out of stats.
figure() {
  "$word_index" stats --heap "$heap" | awk -v name="$1" '
    { number = $NF; sub(/^ */, ""); sub(/ *[0-9]*$/, "") }
    $0 == name { print number }'
}

# make_words FOLDER: 40 files of 500 lines that hold many words once, some often, two always.
make_words() {
  awk -v tree="$1" 'BEGIN {
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
}
