# SPDX-License-Identifier: MIT
# Suites of shell tests, to be sourced. A test is a function of the script that no other calls and
# that does not begin with '_'; it fails by `expect`. Around each run the script's _set_up and
# _tear_down. $test is its name, $work a folder of the suite's own. `run_suite NAME` ends the script
# and leaves Bazel the XML with one entry a test.
set -u
export LC_ALL=C

work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/suite.XXXXXX") || exit 1
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
test=suite

# expect WHAT WANTED GOT
expect() {
  [ "$2" = "$3" ] && return
  printf '%s: %s: wanted "%s", got "%s"\n' "$test" "$1" "$2" "$3" | tee -a "$work/complaints"
}

# skip WHY: the test cannot run here.
skip() {
  printf '%s\n' "$1" >"$work/skipped"
}

_as_xml() {
  tr -cd '\11\12\15\40-\176' <"$1" |
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

_run_test() {
  rm -f "$work/complaints" "$work/skipped"
  _set_up
  "$test"
  _tear_down
  printf '<testcase classname="%s" name="%s">' "$suite" "$test" >>"$work/cases"
  if [ -e "$work/complaints" ]; then
    echo "FAILED $test"
    failed=$((failed + 1))
    printf '<failure message="%s"/>' "$(_as_xml "$work/complaints")" >>"$work/cases"
  elif [ -e "$work/skipped" ]; then
    echo "skipped $test: $(cat "$work/skipped")"
    printf '<skipped message="%s"/>' "$(_as_xml "$work/skipped")" >>"$work/cases"
  else
    echo "ok $test"
  fi
  echo '</testcase>' >>"$work/cases"
}

run_suite() {
  suite=$1
  count=0
  failed=0
  for test in $(sed -n 's/^\([a-z][a-z0-9_]*\)() {$/\1/p' "$0"); do
    count=$((count + 1))
    _run_test
  done
  echo "$count tests, $failed failed"
  {
    printf '<testsuites><testsuite name="%s" ' "$suite"
    printf 'tests="%s" failures="%s">\n' "$count" "$failed"
    cat "$work/cases"
    echo '</testsuite></testsuites>'
  } >"${XML_OUTPUT_FILE:-/dev/null}"
  [ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
  exit
}
