#!/bin/sh
# SPDX-License-Identifier: MIT
# What README promises of the two hello programs, one after the other in processes of their own.
. tests/harness/suite.sh

_set_up() {
  heap=$work/$test.heap
}

_tear_down() {
  rm -f "$heap"
}

# hello PROGRAM: runs it on the heap; what it prints and says is in $out, its code in $code.
_hello() {
  out=$("examples/$1" "$heap" 2>&1)
  code=$?
}

the_reader_prints_what_the_writer_left() {
  _hello hello_writer
  expect "the writer's code" 0 "$code"
  expect "the writer's words" "" "$out"
  _hello hello_reader
  expect "the reader's code" 0 "$code"
  expect "lines" "Hello from a process
and goodbye." "$out"
  _hello hello_reader
  expect "lines of another reader" "Hello from a process
and goodbye." "$out"
}

a_second_writer_is_refused() {
  _hello hello_writer
  _hello hello_writer
  expect "the writer's code" 1 "$code"
  expect "the reason" "hello_writer: The region exists already." "$out"
}

a_reader_without_a_heap_says_so() {
  _hello hello_reader
  expect "the reader's code" 1 "$code"
  expect "the reason" "hello_reader: There is no $heap." "$out"
}

run_suite hello
