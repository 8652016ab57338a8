#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""scripts/test ends with its verdict, whatever happened. Method: the script itself and the script
that counts, in a folder where set-up and bazel are played: bazel leaves the events of one test."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.getcwd(), "tests", "tidy"))

import cases

PASSED = '<testcase name="good" status="run"/>'
FAILED = '<testcase name="bad"><failure message="x"/></testcase>'
SKIPPED = '<testcase name="lazy"><skipped message="x"/></testcase>'

# The configuration is what --config says, or unit.
BAZEL = """#!/bin/sh
name=unit
for argument; do
  case $argument in
    --config=*) name=${argument#--config=} ;;
    --build_event_json_file=*) events=${argument#*=} ;;
  esac
done
[ ! -e "$PLAYED/$name.kill" ] || kill -TERM "$PPID"
[ ! -e "$PLAYED/$name.json" ] || cp "$PLAYED/$name.json" "$events"
exit "$(cat "$PLAYED/$name.code")"
"""


class ClosingLineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("scripts"))
        for name in ("test", "count_results", "bazel_events.py"):
            shutil.copy(os.path.join("scripts", name), self.path("scripts", name))
        self.program("exit 0", "scripts", "setup")
        self.program(BAZEL, "bazel")
        for name in ("unit", "asan", "ubsan"):
            self.play(name, PASSED * 2)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, text, *parts):
        with open(self.path(*parts), "w", encoding="utf-8") as file:
            file.write(text)

    def program(self, text, *parts):
        self.write(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n", *parts)
        os.chmod(self.path(*parts), 0o755)

    def play(self, name, content, code=0):
        """Bazel in configuration `name` has one test, with these cases; None: it left no XML."""
        xml = self.path(f"{name}.xml")
        if os.path.exists(xml):
            os.remove(xml)
        if content is not None:
            self.write(f"<testsuites><testsuite>{content}</testsuite></testsuites>", xml)
        status = "PASSED" if code == 0 else "FAILED"
        outputs = [{"name": "test.xml", "uri": f"file://{xml}"}]
        events = [{"id": {"targetConfigured": {"label": "//a"}},
                   "configured": {"testSize": "SMALL"}},
                  {"id": {"testResult": {"label": "//a"}},
                   "testResult": {"status": status, "testActionOutput": outputs}}]
        self.write("\n".join(map(json.dumps, events)) + "\n", f"{name}.json")
        self.write(str(code), f"{name}.code")

    def play_nothing(self, name, code, events=""):
        """Bazel ends with `code` and leaves these events; None: no file."""
        self.write(str(code), f"{name}.code")
        os.remove(self.path(f"{name}.json"))
        if events is not None:
            self.write(events, f"{name}.json")

    def run_script(self, *arguments):
        """The script's last lines, and what it ends with."""
        path = f"{self.folder}:{os.environ['PATH']}"
        run = subprocess.run([self.path("scripts", "test"), *arguments], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             env={**os.environ, "PATH": path, "PLAYED": self.folder})
        self.assertTrue(run.stdout.endswith("\n"))
        return run.stdout.splitlines(), run.returncode

    def expect(self, passed, failed, *arguments):
        lines, code = self.run_script(*arguments)
        self.assertEqual(lines[-1], f"{passed} passed, {failed} failed")
        self.assertEqual(code, 1 if failed else 0)
        return lines

    def test_all_passed(self):
        self.assertTrue(self.expect(6, 0)[-2].startswith("== ubsan: "))

    def test_a_failed_case_in_any_configuration_fails(self):
        for name in ("unit", "asan", "ubsan"):
            self.play(name, PASSED + FAILED, 3)
            self.expect(5, 1)
            self.play(name, PASSED * 2)

    def test_skipped_cases_stand_on_a_line_of_their_own(self):
        self.play("unit", PASSED + SKIPPED * 3)
        self.assertEqual(self.expect(5, 0)[-2], "3 skipped")

    def test_nothing_that_ran_is_a_failure(self):
        for name in ("unit", "asan", "ubsan"):
            self.play_nothing(name, 0)
        self.expect(0, 1)

    def test_cases_that_were_all_skipped_are_a_failure(self):
        for name in ("unit", "asan", "ubsan"):
            self.play(name, SKIPPED)
        self.expect(0, 1)

    def test_a_configuration_without_tests_is_a_failure(self):
        self.play_nothing("asan", 4)
        self.expect(4, 1)

    def test_missing_results_are_a_failure(self):
        self.play("asan", None)
        self.expect(4, 1)

    def test_missing_events_are_a_failure(self):
        self.play_nothing("ubsan", 0, None)
        self.expect(4, 1)

    def test_a_build_that_failed_is_a_failure(self):
        self.play_nothing("unit", 1)
        self.expect(4, 1)

    def test_a_set_up_that_failed_is_a_failure(self):
        self.program("exit 1", "scripts", "setup")
        self.expect(0, 1)

    def test_an_unknown_argument_is_a_failure(self):
        self.expect(0, 1, "--fast")

    def test_a_signal_is_a_failure(self):
        self.write("", "asan.kill")
        lines = self.run_script()
        self.assertEqual(lines[0][-1], "2 passed, 1 failed")
        self.assertEqual(lines[1], 1)


if __name__ == "__main__":
    cases.run("closing_line", ClosingLineTest)
