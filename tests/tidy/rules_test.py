#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Each rule bites: it finds what is seeded, where it is seeded, and lets its neighbours pass.

A seed is a small tree, every line of which that a rule must find ends in the mark "@@"; the mark is
taken out before the rule sees it. A file whose mere presence is wrong has the mark in its path.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import c_text
import cases
import contract_rules
import exceptions
import layer_rules
import text_rules
from tree import Tree

MARK = "@@"
SPDX = "// SPDX-License-Identifier: MIT\n"
LONG = "x" * 101
BODY = "{\n" + "  f();\n" * 69
TAIL = "TO" "DO"
NOUN = "are" "na"

SEEDS = {
    "every_file_begins_with_its_licence": {
        "a.c": "int x;@@\n" + SPDX, "b.c": SPDX, "c.c": "# SPDX-License-Identifier: MIT@@\n",
        "BUILD": "# SPDX-License-Identifier: MIT\n", "d.bzl": "@@", "run": "#!/bin/sh\nset -eu@@\n",
        "ok": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n", "a.md": "# Any\n",
    },
    "no_line_is_too_long": {
        "a.c": LONG + "@@\n" + LONG[1:] + "\n", "BUILD": LONG + "@@", "a.md": f"{LONG}@@\n|{LONG}",
        "b.h": f"// see https://example.org/{LONG}\n", "data.txt": LONG,
    },
    "no_line_ends_in_a_blank_or_holds_a_tab": {
        "a.c": "int x; @@\nint y;\n", "run": "#!/bin/sh\n\techo@@\n", "data.txt": "a\tb \n",
    },
    "no_file_is_too_long": {
        "a.h": "\n" * 250 + "x@@\n", "b.h": "\n" * 250,
        "a.c": "\n" * 400 + "x@@\n", "b.c": "\n" * 400,
        "docs/A.md": "\n" * 300 + "x@@\n", "README.md": "\n" * 200 + "x@@\n",
    },
    "no_function_is_too_long": {
        "a.c": "int f(int a) @@" + BODY + "}\nint g(int a) " + BODY[:-7] + "}\n",
        "b.cc": 'extern "C" {\nvoid f(void) @@' + BODY + "}\n}\n",
    },
    "no_function_has_too_many_parameters": {
        "a.h": "int f(int a, int b, int c, int d, int e, int f);@@\n"
               "int g(int a, int b, int c, int d, int (*e)(int x, int y));\n"
               "typedef int call(int a, int b, int c, int d, int e, int f);@@\n"
               "__attribute__((format(printf, 1, 2))) int h(const char *a, ...);\n",
        "a.c": "static int f(int a, int b, int c,@@\n int d, int e, int f) {\n  return 0;\n}\n"
               "static const int t[] = {g(1, 2, 3, 4, 5, 6)};\nvoid v(void) {\n}\n",
    },
    "no_block_is_nested_too_deep": {
        "a.c": "void f(void) {@@\n if (a) {\n  for (;;) {\n   do {\n    if (b) {\n    }\n"
               "   } while (c);\n  }\n }\n}\n"
               "void g(void) {\n if (a) {\n  for (;;) {\n   if (b) {\n    x = (s){1};\n"
               "   }\n  }\n }\n}\n",
    },
    "nothing_is_marked_as_unfinished": {
        "a.c": f"// {TAIL}: later@@\n// {TAIL}S are none\n", "README.md": "FIX" "ME@@\n",
    },
    "our_nouns_alone_are_used": {
        "alloc/a.c": f"int {NOUN};@@\nint my_{NOUN}s;@@\nint lifespans;\n// Segmentation fault\n",
        "base/b.h": "// a Magazine@@\n", "bench/c.c": f"opt.{NOUN}\n",
    },
    "no_type_takes_the_systems_ending": {
        "a.h": "typedef uint32_t my_t;@@\nstruct s_t {@@\n};\n} other_t;@@\n"
               "typedef uint32_t mine;\n",
    },
    "nothing_names_what_is_outside_the_repository": {
        "a.c": "// see /wor" "k/x@@\n// net/work, homework/, $dir/work/log\n",
        "b.md": "../share" "d/X@@\nPROTOCOL.m" "d@@\ndocs/WINDOWS.md\n", "s": "cd /roo" "t/x@@\n",
    },
    "every_file_has_a_name_that_says_something": {
        "alloc/utils.c@@": "", "base/common.h@@": "", "a/internal.h@@": "", "a/uncommon.c": "",
    },
    "includes_point_to_lower_layers": {
        "base/a.c": '#include "base/b.h"\n#include "mapping/os.h"@@\n#include <shoal/heap.h>\n',
        "mapping/a.c": '#include "alloc/slab.h"@@\n#include "base/b.h"\n',
        "include/shoal/a.h": '#include <shoal/b.h>\n#include "base/b.h"@@\n#include <stdio.h>\n',
        "alloc/a.c": '#include "tests/harness/harness.h"@@\n#include "mapping/os.h"\n',
        "bench/a.c": '#include "examples/x.h"@@\n#include "base/b.h"\n#include "bench/c.h"\n',
        "tests/alloc/a.c": '#include "alloc/slab.h"\n#include "bench/c.h"\n',
        "alloc/b.c": '#include "nowhere/x.h"@@\n',
    },
    "includes_name_files_of_the_repository": {
        "base/a.c": '#include "b.h"@@\n#include "base/b.h"\n#include <stdio.h>\n', "base/b.h": "",
    },
    "no_source_file_is_included": {
        "base/a.c": '#include "base/b.c"@@\n#include "base/b.h"\n',
    },
    "the_mapping_layer_shows_its_contract_alone": {
        "alloc/a.c": '#include "mapping/region.h"\n#include "mapping/linux/syscall.h"@@\n',
        "tests/alloc/a.c": '#include "mapping/name.h"@@\n',
        "tests/mapping/a.c": '#include "mapping/linux/syscall.h"\n#include "mapping/name.h"\n',
        "mapping/a.c": '#include "mapping/linux/syscall.h"\n',
    },
    "portable_layers_include_no_system_header": {
        "alloc/a.c": "#include <string.h>\n#include <unistd.h>@@\n#include <shoal/heap.h>\n",
        "mapping/a.c": "#include <sys/mman.h>@@\n", "mapping/linux/a.c": "#include <sys/mman.h>\n",
        "tests/a.c": "#include <unistd.h>\n",
    },
    "a_source_includes_its_own_header_first": {
        "base/a.c": '#include <stdio.h>@@\n#include "base/a.h"\n', "base/a.h": "",
        "base/b.c": '#include "base/b.h"\n#include <stdio.h>\n', "base/b.h": "",
        "base/c.c": "#include <stdio.h>\n",
    },
    "systems_and_compilers_are_asked_in_their_places": {
        "alloc/a.c": "#ifdef __linux__@@\n#endif\n#if 1 && defined(_WIN32)@@\n#endif\n"
                     "#if SHL_DEBUG\n",
        "base/a.h": "#if __has_feature(thread_sanitizer)@@\n#endif\n#ifdef __cplusplus\n#endif\n",
        "tests/a.c": "#if defined(__SANITIZE_THREAD__)@@\n", "bench/a.c": "#elif __GNUC__ > 4@@\n",
        "base/atomic.h": "#ifdef _MSC_VER\n", "mapping/linux/a.c": "#ifdef __SANITIZE_THREAD__\n",
    },
    "the_library_asks_no_clock_that_is_set": {
        "mapping/linux/a.c": "clock_gettime(CLOCK_MONOTONIC, &now);\n"
                             "clock_gettime(CLOCK_REALTIME, &now);@@\nstart_time(1);\n",
        "alloc/a.c": "uint64_t now = time(NULL);@@\ngettimeofday(&now, 0);@@\n",
        "bench/a.c": "time(NULL);\n",
    },
    "headers_are_guarded_by_their_path": {
        "alloc/a.h": "\n@@#ifndef SHL_ALLOC_B_H\n#define SHL_ALLOC_B_H\n", "base/c.h": "\n@@",
        "alloc/b.h": "#ifndef SHL_ALLOC_B_H\n#define SHL_ALLOC_B_H\n",
        "include/shoal/a.h": "#ifndef SHOAL_A_H\n#define SHOAL_A_H\n",
        "examples/x/y.h": "#ifndef X_Y_H\n#define X_Y_H\n",
    },
    "folders_have_a_layer": {"new/a.c@@": "", "b.c@@": "", "alloc/c.c": ""},
    "public_calls_say_what_a_crash_leaves": {
        "include/shoal/heap.h":
            "/// Opens.\n/// crash: nothing.\nint shoal_open(const char *name,\n    int x);\n\n"
            "/// Closes.\nint shoal_close(int heap);@@\nint shoal_bare(void);@@\n"
            "typedef int shoal_handler(int x);\n",
        "include/shoal/root.h": "/// A crash: no line of it.\nint shoal_root_get(int heap);@@\n",
        "include/shoal/status.h": "int shoal_os_code(void);\n",
    },
    "every_file_stands_in_a_build_file": {
        "base/BUILD": '"a.c" "linux/b.c" # dead.c', "base/a.c": "", "base/dead.c@@": "",
        "base/linux/b.c": "", "base/linux/c.c@@": "", "nobody/a.c@@": "", "scripts/run": "",
        "alloc/BUILD": 'name + "_test.c" for name in ["a"]', "alloc/a_test.c": "",
        "alloc/b_test.c@@": "", "alloc/a_tests.c@@": "",
        "docs/A.md": "", ".gitignore": "",
    },
    "every_module_has_its_test": {
        "base/a.c": "", "tests/base/a_test.c": "", "alloc/b.c@@": "", "bench/c.c": "",
        "mapping/linux/d.c": "", "tests/mapping/d_test.c": "", "mapping/linux/e.c": "",
        "tests/mapping/linux/e_test.c": "", "mapping/linux/f.c@@": "",
    },
    "no_link_is_dead": {
        "README.md": "[a](docs/A.md)\n[b](docs/B.md)@@\n[c](docs/A.md#two-words)\n[d](#no)@@\n"
                     "[e](https://example.org/x)\n[f](docs)\n[g](docs/A.md#none)@@\n",
        "docs/A.md": "## Two words\n[up](../README.md)\n[dead](README.md)@@\n",
    },
    "every_test_of_a_fault_exists": {
        "docs/FAULTS.md": "    alloc/a_test  one, two\n    alloc/a_test  one, three@@\n    word\n"
                          "    alloc/a_test  \"row, of it\"\n    alloc/a_test  \"another\"@@\n"
                          "    alloc/b_test  one@@\n",
        "tests/alloc/a_test.c": '{"row, of it"}\nTEST(one), TEST(two))\n',
    },
    "every_file_spoken_of_exists": {
        "alloc/a.c": "// see docs/A.md and alloc/b.c@@\n// tests/alloc/*.c, xalloc/b.c\n",
        "docs/A.md": "`alloc/a.c`\n",
    },
}


def _plant(seed):
    """The tree of a seed without its marks, and the set of (path, line) that bear one."""
    files, marked = {}, set()
    for path, text in seed.items():
        if path.endswith(MARK):
            path = path[: -len(MARK)]
            marked.add((path, 1))
        marked |= {(path, n) for n, line in enumerate(text.split("\n"), 1) if MARK in line}
        files[path] = text.replace(MARK, "")
    return Tree(files), marked


def _rules():
    return text_rules.RULES + layer_rules.RULES + contract_rules.RULES


class RulesTest(unittest.TestCase):
    """One case a seed, added in main, and what needs more than a seed."""

    def test_every_rule_has_a_case(self):
        own = {name.removeprefix("test_") for name in dir(self)}
        self.assertEqual([rule.__name__ for rule in _rules() if rule.__name__ not in own], [])

    def test_the_readme_shows_the_examples(self):
        samples = {"examples/hello_writer.c": SPDX + "int w;\n"}
        samples["examples/hello_reader.c"] = "r\nq\n"
        good = "```c\nint w;\n```\n\n```c\nr\nq\n```\n"
        rule = contract_rules.the_readme_shows_the_examples
        self.assertEqual(rule(Tree(samples)), [])
        self.assertEqual(rule(Tree({**samples, "README.md": good})), [])
        self.assertEqual(len(rule(Tree({**samples, "README.md": good.replace("w;", "x;")}))), 1)
        self.assertEqual(len(rule(Tree({**samples, "README.md": "none"}))), 2)

    def test_every_exception_is_needed(self):
        listed = exceptions.TESTED_ELSEWHERE
        exceptions.TESTED_ELSEWHERE = {"alloc/a.c": "", "alloc/b.c": "", "alloc/gone.c": ""}
        files = {"alloc/a.c": "", "alloc/b.c": "", "tests/alloc/b_test.c": ""}
        try:
            texts = [f.text for f in contract_rules.every_exception_is_needed(Tree(files))]
            modules = contract_rules.every_module_has_its_test(Tree(files))
        finally:
            exceptions.TESTED_ELSEWHERE = listed
        self.assertIn("alloc/gone.c does not exist", texts)
        self.assertIn("alloc/b.c has a test of its own by now", texts)
        self.assertNotIn("alloc/a.c does not exist", texts)
        self.assertEqual(modules, [])

    def test_a_listed_file_may_be_longer_but_not_endless(self):
        listed = exceptions.LONG_FILES
        exceptions.LONG_FILES = {"a.c": "", "b.c": ""}
        try:
            found = text_rules.no_file_is_too_long(Tree({"a.c": "\n" * 600, "b.c": "\n" * 601}))
        finally:
            exceptions.LONG_FILES = listed
        self.assertEqual([f.path for f in found], ["b.c"])

    def test_comments_and_literals_hide_no_declaration(self):
        text = '/* int a(int x); */\nconst char *b = "int c(void) {";\nstatic int d(void) { }\n'
        text += "struct e {\n  size (*f)(void);\n};\n#define G(x) \\\n  int g(int y);\n"
        text += "int h(void);\n"
        found = [(d.name, d.line, d.lines) for d in c_text.declarations(text)]
        self.assertEqual(found, [("d", 3, 1), ("h", 9, 0)])


def _case_of(rule, seed):
    def run(self):
        tree, marked = _plant(seed)
        found = rule(tree)
        self.assertEqual({(f.path, f.line) for f in found}, marked, "\n".join(map(str, found)))

    return run


if __name__ == "__main__":
    for each in _rules():
        if each.__name__ in SEEDS:
            setattr(RulesTest, "test_" + each.__name__, _case_of(each, SEEDS[each.__name__]))
    cases.run("tidy_rules", RulesTest)
