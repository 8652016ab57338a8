#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The repository keeps its own rules. Reads the files where they are: see BUILD."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import cases
import contract_rules
import layer_rules
import text_rules
import tree


class TidyTest(unittest.TestCase):
    """One case a rule, added below."""

    files = None


def _case_of(rule):
    def run(self):
        findings = rule(self.files)
        if findings:
            self.fail("\n".join(map(str, [""] + findings)))

    return run


def main():
    # The marker is a link, perhaps to a link, to the file in the source tree.
    root = os.path.dirname(os.path.realpath("WORKSPACE"))
    TidyTest.files = tree.read_tree(root)
    for rule in text_rules.RULES + layer_rules.RULES + contract_rules.RULES:
        setattr(TidyTest, "test_" + rule.__name__, _case_of(rule))
    cases.run("tidy", TidyTest)


if __name__ == "__main__":
    main()
