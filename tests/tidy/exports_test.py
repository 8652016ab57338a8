#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The libraries export what the headers declare, and nothing under a name that is not ours; they
ask the system in one place.

Arguments: the static library, the shared one. The headers stand at include/shoal.
"""

import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import c_text
import cases


def _symbols(*arguments):
    """The names that nm lists, without a version's suffix."""
    run = subprocess.run(
        ["nm", "--format=posix", *arguments], check=True, capture_output=True, text=True
    )
    words = map(str.split, run.stdout.splitlines())
    return {line[0].partition("@")[0] for line in words if len(line) > 1}


def _declared():
    """Every public function that a library must define."""
    names = set()
    for path in glob.glob("include/shoal/*.h"):
        with open(path, encoding="utf-8") as file:
            for declaration in c_text.declarations(file.read()):
                if not declaration.lines and not declaration.text.startswith("typedef"):
                    names.add(declaration.name)
    return names


def _asked_by_member(archive):
    """What each member of the archive wants that is not ours: {member: names}."""
    lines = subprocess.run(
        ["nm", "--format=posix", "--undefined-only", archive],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    members, names = {}, set()
    for line in lines:
        header = re.fullmatch(r".*\[(.+)\]:", line)
        if header:
            names = members.setdefault(header.group(1), set())
        elif not line.startswith(("shoal_", "shl_")):
            names.add(re.sub(r"^__(isoc\d+_)?|_chk$|@.*$", "", line.split()[0]))
    return members


# The member that may call what fails.
_TABLE = re.compile(r"syscall(\.pic)?\.o")
# What cannot fail, and what C itself has.
_UNFAILING = set("geteuid getpid gettid pthread_once sched_yield".split())
_OF_C = set(
    "_GLOBAL_OFFSET_TABLE_ errno_location popcountdi2 stack_chk_fail tls_get_addr"
    " abort calloc fprintf fputc free fwrite getenv malloc memcmp memcpy memmove memset realloc"
    " snprintf sscanf stderr strchr strcmp strerror strlen strncmp strrchr strtoull vsnprintf"
    .split()
)
# Clocks that people set, or that tell no time that passes.
_CLOCKS_SET = set("clock ftime gettimeofday time timespec_get".split())


class ExportsTest(unittest.TestCase):
    static_symbols = set()
    static_wants = set()
    shared_symbols = set()
    asked = {}

    def test_the_system_is_asked_through_the_table_alone(self):
        self.assertTrue(any(map(_TABLE.fullmatch, self.asked)))
        direct = {
            f"{member}: {name}" for member, names in self.asked.items()
            if not _TABLE.fullmatch(member) for name in names - _UNFAILING - _OF_C
        }
        self.assertEqual(direct, set())

    def test_no_clock_that_is_set_is_asked(self):
        everything = set().union(*self.asked.values())
        self.assertIn("clock_gettime", everything)
        self.assertEqual(everything & _CLOCKS_SET, set())

    def test_the_headers_declare_functions(self):
        self.assertIn("shoal_open", _declared())
        self.assertTrue(all(name.startswith("shoal_") for name in _declared()))

    def test_the_shared_library_exports_the_public_functions_and_nothing_else(self):
        self.assertEqual(self.shared_symbols, _declared())

    def test_the_static_library_defines_every_public_function(self):
        self.assertEqual(_declared() - self.static_symbols, set())

    def test_the_static_library_defines_no_name_of_others(self):
        strangers = {s for s in self.static_symbols if not s.startswith(("shoal_", "shl_"))}
        self.assertEqual(strangers, set())

    def test_the_static_library_lacks_nothing_of_its_own(self):
        ours = {s for s in self.static_wants if s.startswith(("shoal_", "shl_"))}
        self.assertEqual(ours - self.static_symbols, set())

    def test_no_public_name_is_undeclared(self):
        public = {name for name in self.static_symbols if name.startswith("shoal_")}
        self.assertEqual(public - _declared(), set())


if __name__ == "__main__":
    ExportsTest.static_symbols = _symbols("--defined-only", "--extern-only", sys.argv[1])
    ExportsTest.static_wants = _symbols("--undefined-only", sys.argv[1])
    ExportsTest.asked = _asked_by_member(sys.argv[1])
    ExportsTest.shared_symbols = _symbols("--defined-only", "--dynamic", sys.argv[2])
    cases.run("exports", ExportsTest)
