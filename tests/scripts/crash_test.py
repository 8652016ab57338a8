#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What engines count is added up and judged, each run by itself. Method: scripts/crash, in a folder
where set-up and bazel are played: bazel leaves logs and the events that name them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.getcwd(), "tests", "tidy"))

import cases

NAMES = ["points", "kills", "kills_in_recovery", "images", "instructions", "deaths_in_recovery",
         "storm_kills", "schedules", "lost_bytes", "duplicated_bytes", "hangs", "seeded_bugs",
         "seeded_bugs_caught"]
# A run with which nothing is wrong.
WHOLE = """[ RUN      ] die.whatever_dies
count points 3
count images 5
count deaths_in_recovery 7
count kills 11
count kills_in_recovery 29
count instructions 13
count storm_kills 17
count audits 2
count schedules 19
count lost_bytes 0
count duplicated_bytes 0
count hangs 0
count model_states 23
count model_bugs 2
count model_bugs_caught 2
count seeded.journal_late.die 1
count seeded.torn_swap.weave 1
"""

BAZEL = """#!/bin/sh
printf '%s\\n' "$@" >"$PLAYED/arguments"
for argument; do
  case $argument in
    --build_event_json_file=*) [ ! -e "$PLAYED/events" ] || cp "$PLAYED/events" "${argument#*=}" ;;
  esac
done
exit "$(cat "$PLAYED/code")"
"""


class CrashTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("scripts"))
        for name in ("crash", "bazel_events.py"):
            shutil.copy(os.path.join("scripts", name), self.path("scripts", name))
        self.program("#!/bin/sh\nexit 0\n", "scripts", "setup")
        self.program(BAZEL, "bazel")
        self.logs = 0
        self.play(WHOLE)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, text, *parts):
        with open(self.path(*parts), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()

    def program(self, text, *parts):
        self.write(text, *parts)
        os.chmod(self.path(*parts), 0o755)

    def play(self, *logs, code=0):
        """Bazel runs a test for each log, which stays there, and ends with `code`."""
        events = [{"id": {"started": {}}, "started": {"command": "test"}}]
        for text in logs:
            self.logs += 1
            name = f"log {self.logs}"
            self.write(text, name)
            outputs = [{"name": "test.xml", "uri": "file:///nowhere"},
                       {"name": "test.log",
                        "uri": "file://" + self.path(name).replace(" ", "%20")}]
            events.append({"id": {"testResult": {"label": "//a"}},
                           "testResult": {"status": "PASSED", "testActionOutput": outputs}})
        self.write("\n".join(map(json.dumps, events)) + "\n", "events")
        self.write(str(code), "code")

    def run_script(self, *arguments):
        """The ended run, made in a folder of its own."""
        os.makedirs(self.path("elsewhere"), exist_ok=True)
        path = f"{self.folder}:{os.environ['PATH']}"
        return subprocess.run([self.path("scripts", "crash"), *arguments], check=False,
                              cwd=self.path("elsewhere"), capture_output=True, text=True,
                              env={**os.environ, "PATH": path, "PLAYED": self.folder})

    def summary(self, code=0):
        """What a run that ends with `code` writes, and what it says was wrong."""
        run = self.run_script("--json", "summary.json")
        self.assertEqual(run.returncode, code, run.stderr)
        summary = json.loads(self.read("elsewhere", "summary.json"))
        self.assertEqual(summary["passed"], code == 0)
        return summary, run.stderr

    def expect_failure(self, line):
        self.assertEqual(self.summary(1)[1].splitlines(), [f"scripts/crash: {line}"])

    def expect_refusal(self, *arguments):
        """The run ends at once. returns: what it says."""
        run = self.run_script(*arguments)
        self.assertEqual(run.returncode, 2)
        self.assertFalse(os.path.exists(self.path("arguments")), "bazel was run")
        return run.stderr.splitlines()[-1]

    def test_a_whole_run_passes(self):
        summary, text = self.summary()
        self.assertEqual(text, "")
        self.assertEqual(summary["tier"], "commit")
        self.assertTrue(summary["date"] and summary["commit"])

    def test_counts_of_one_name_are_summed(self):
        self.play(WHOLE, "count points 30\ncount points 300\n", "count points 3000\n")
        self.assertEqual(self.summary()[0]["points"], 3333)

    def test_what_is_no_count_is_passed_over(self):
        self.play(WHOLE, "count points\ncount points -5\ncount points 5 more\n  points 5\n")
        self.assertEqual(self.summary()[0]["points"], 3)

    def test_counts_of_any_other_name_stand_in_the_summary(self):
        self.play(WHOLE, "count stops 4\n")
        self.assertEqual(self.summary()[0]["stops"], 4)

    def test_logs_of_an_earlier_run_are_left_out(self):
        self.summary()
        self.play(WHOLE.replace("points 3", "points 8"))
        self.assertEqual(self.summary()[0]["points"], 8)

    def test_a_seeded_bug_is_caught_by_any_engine(self):
        self.play(WHOLE, "count seeded.false_dead.weave 0\ncount seeded.false_dead.storm 1\n",
                  "count seeded.journal_late.kill 0\n")
        summary = self.summary()[0]
        self.assertEqual((summary["seeded_bugs"], summary["seeded_bugs_caught"]), (3, 3))
        self.assertFalse([name for name in summary if name.startswith("seeded.")])

    def test_a_seeded_bug_that_no_engine_sees_fails(self):
        self.play(WHOLE, "count seeded.false_dead.weave 0\n", "count seeded.false_dead.storm 0\n")
        self.expect_failure("seeded_bugs_caught is 2 of 3")

    def test_a_bug_that_the_model_does_not_find_fails(self):
        self.play(WHOLE, "count model_bugs 1\ncount model_bugs_caught 0\n")
        self.expect_failure("model_bugs_caught is 2 of 3")

    def test_what_was_lost_or_doubled_or_hung_fails(self):
        for name in ("lost_bytes", "duplicated_bytes", "hangs"):
            self.play(WHOLE, f"count {name} 64\n")
            self.expect_failure(f"{name} is 64")

    def test_a_test_that_failed_fails(self):
        self.play(WHOLE, code=3)
        self.expect_failure("a test failed, or was not run")

    def test_an_engine_that_counted_nothing_fails(self):
        self.play(WHOLE.replace("count schedules 19\n", ""))
        self.expect_failure("schedules is 0: an engine did not run")

    def test_a_run_without_seeded_bugs_fails(self):
        self.play(WHOLE.replace("count seeded.", "uncounted seeded."))
        self.expect_failure("seeded_bugs is 0: an engine did not run")

    def test_every_name_stands_in_the_summary_where_nothing_was_counted(self):
        self.play("")
        summary = self.summary(1)[0]
        self.assertEqual({name: summary[name] for name in NAMES}, dict.fromkeys(NAMES, 0))

    def test_a_bazel_that_tells_nothing_fails(self):
        os.remove(self.path("events"))
        self.write("37", "code")
        self.assertIn("a test failed, or was not run", self.summary(1)[1])

    def test_a_set_up_that_failed_fails(self):
        self.program("#!/bin/sh\nexit 1\n", "scripts", "setup")
        run = self.run_script()
        self.assertEqual((run.returncode, run.stderr), (1, "scripts/crash: set-up failed\n"))

    def test_each_name_is_printed_with_its_number(self):
        lines = [line.split() for line in self.run_script().stdout.splitlines()]
        self.assertIn(["points", "3"], lines)
        self.assertIn(["seeded_bugs_caught", "2"], lines)

    def test_the_tier_is_handed_on_and_nothing_comes_from_a_cache(self):
        self.assertEqual(self.run_script("--tier", "nightly").returncode, 0)
        arguments = self.read("arguments").splitlines()
        self.assertIn("--test_env=SHOAL_CRASH_TIER=nightly", arguments)
        self.assertIn("--nocache_test_results", arguments)
        self.assertLessEqual({"//tests/crash/...", "//tests/model/..."}, set(arguments))

    def test_an_unknown_tier_is_refused(self):
        self.assertIn("argument --tier: invalid choice: 'weekly'",
                      self.expect_refusal("--tier", "weekly"))

    def test_a_file_that_cannot_be_written_is_refused_ahead_of_the_run(self):
        self.assertEqual(self.expect_refusal("--json", "missing/summary.json"),
                         "scripts/crash: error: --json missing/summary.json: "
                         "No such file or directory")
        self.assertIn("Is a directory", self.expect_refusal("--json", self.folder))


if __name__ == "__main__":
    cases.run("crash", CrashTest)
