#!/bin/sh
# SPDX-License-Identifier: MIT
# What //:shoal builds serves a user who has the headers, a compiler and one of the two libraries.
. tests/harness/suite.sh

_set_up() {
  heap=$work/$test.heap
}

_tear_down() {
  rm -f "$heap"
}

# build KIND PROGRAM: links an example with libshoal.a or libshoal.so; it is $work/KIND_PROGRAM.
_build() {
  case $1 in
    static) library=libshoal.a ;;
    shared) library="-L. -lshoal -Wl,-rpath,$PWD" ;;
  esac
  # shellcheck disable=SC2086  # several words are meant
  cc -std=c11 -Wall -Werror -Iinclude "examples/$2.c" $library -lpthread -o "$work/$1_$2" 2>&1
  expect "the compiler's code for a $1 $2" 0 $?
}

# hello WRITER READER: builds both of these kinds and runs one after the other.
_hello() {
  _build "$1" hello_writer
  _build "$2" hello_reader
  expect "the writer's words" "" "$("$work/$1_hello_writer" "$heap" 2>&1)"
  expect "lines" "Hello from a process
and goodbye." "$("$work/$2_hello_reader" "$heap" 2>&1)"
}

programs_with_the_static_library_say_hello() {
  _hello static static
}

programs_with_the_shared_library_say_hello() {
  _hello shared shared
}

programs_with_either_library_meet_in_a_heap() {
  _hello static shared
}

only_the_shared_one_is_looked_for_when_the_program_starts() {
  _build static hello_writer
  _build shared hello_writer
  expect "the static one's wishes" 0 "$(ldd "$work/static_hello_writer" | grep -c libshoal)"
  expect "the shared one's wishes" 1 "$(ldd "$work/shared_hello_writer" | grep -c libshoal)"
}

run_suite libraries
