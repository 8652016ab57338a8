#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Nothing that went wrong is counted as passed. Method: events as bazel writes them, made up."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.getcwd(), "tests", "tidy"))

import cases

PASSED = '<testcase name="good" status="run"/>'
FAILED = '<testcase name="bad"><failure message="x"/></testcase>'
ERROR = '<testcase name="worse"><error message="x"/></testcase>'
SKIPPED = '<testcase name="lazy"><skipped message="x"/></testcase>'
NOT_RUN = '<testcase name="off" status="notrun"/>'


def configured(label):
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}}


def completed(label, success=True):
    payload = {"success": True} if success else {"failureDetail": {}}
    return {"id": {"targetCompleted": {"label": label}}, "completed": payload}


def result(label, status, path):
    """The event of a run test that left its XML at `path`, or nothing there."""
    outputs = [{"name": "test.log", "uri": "file:///nowhere"},
               {"name": "test.xml", "uri": "file://" + path.replace(" ", "%20")}]
    return {"id": {"testResult": {"label": label, "shard": 1}},
            "testResult": {"status": status, "testActionOutput": outputs}}


class CountResultsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def result(self, label, status, content):
        """The event of a run test; content None: it left no XML."""
        path = os.path.join(self.folder, f"{label.strip('/')} {len(os.listdir(self.folder))}.xml")
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"<testsuites><testsuite>{content}</testsuite></testsuites>")
        return result(label, status, path)

    def count(self, events, code, rest=""):
        """What the script prints, as three numbers, and what it says was wrong."""
        path = os.path.join(self.folder, "events.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(map(json.dumps, events)) + "\n" + rest)
        run = subprocess.run(["scripts/count_results", path, str(code)], check=True,
                             capture_output=True, text=True)
        return tuple(map(int, run.stdout.split())), run.stderr

    def test_cases_are_counted_each(self):
        events = [configured("//a"), completed("//a"), completed("//library"),
                  self.result("//a", "FAILED", PASSED * 3 + FAILED + ERROR + SKIPPED + NOT_RUN)]
        counts, text = self.count(events, 3)
        self.assertEqual(counts, (3, 2, 2))
        self.assertIn("failed: //a: bad\n", text)

    def test_each_verdict_of_the_harness_is_counted(self):
        path = os.path.join(self.folder, "verdicts.xml")
        run = subprocess.run(["tests/harness/verdicts"], check=False, capture_output=True,
                             env={**os.environ, "XML_OUTPUT_FILE": path})
        self.assertEqual(run.returncode, 1)
        events = [configured("//a"), result("//a", "FAILED", path)]
        counts, text = self.count(events, 3)
        self.assertEqual(counts, (1, 1, 1))
        self.assertEqual(text, "failed: //a: fails\n")
        with open(path, encoding="utf-8") as file:
            self.assertIn("the machine lacks a unicorn", file.read())

    def test_shards_and_tests_add_up(self):
        events = [configured("//a"), configured("//b"), self.result("//a", "PASSED", PASSED),
                  self.result("//a", "PASSED", PASSED * 2), self.result("//b", "PASSED", PASSED)]
        self.assertEqual(self.count(events, 0)[0], (4, 0, 0))

    def test_a_target_that_does_not_build_has_failed(self):
        events = [configured("//a"), configured("//b"), completed("//a", False),
                  completed("//library", False), self.result("//b", "PASSED", PASSED)]
        counts, text = self.count(events, 1)
        self.assertEqual(counts, (1, 2, 0))
        self.assertIn("//library: does not build", text)

    def test_a_test_that_was_not_run_has_failed(self):
        events = [configured("//a"), completed("//a")]
        self.assertEqual(self.count(events, 0)[0], (0, 1, 0))

    def test_a_test_that_does_not_fit_this_system_has_not_failed(self):
        skip = {"id": {"targetCompleted": {"label": "//a"}}, "aborted": {"reason": "SKIPPED"}}
        events = [configured("//a"), skip, configured("//b"), self.result("//b", "PASSED", PASSED)]
        self.assertEqual(self.count(events, 0)[0], (1, 0, 0))

    def test_a_passed_test_without_results_has_failed(self):
        events = [configured("//a"), self.result("//a", "PASSED", None)]
        self.assertEqual(self.count(events, 0)[0], (0, 1, 0))
        events = [configured("//a"), self.result("//a", "PASSED", "")]
        self.assertEqual(self.count(events, 0)[0], (0, 1, 0))

    def test_a_failed_test_whose_cases_all_passed_has_failed(self):
        events = [configured("//a"), self.result("//a", "TIMEOUT", PASSED)]
        counts, text = self.count(events, 3)
        self.assertEqual(counts, (1, 1, 0))
        self.assertIn("//a: TIMEOUT", text)

    def test_a_bazel_that_failed_for_no_target_has_failed(self):
        counts, text = self.count([], 37)
        self.assertEqual(counts, (0, 1, 0))
        self.assertIn("bazel: ended with 37", text)

    def test_events_cut_short_lose_nothing_that_failed(self):
        events = [configured("//a"), configured("//b"), self.result("//a", "PASSED", PASSED)]
        self.assertEqual(self.count(events, 0, '{"id": {"testRes')[0], (1, 1, 0))


if __name__ == "__main__":
    cases.run("count_results", CountResultsTest)
