# SPDX-License-Identifier: MIT
"""Runs unittest cases and writes the XML that Bazel's tests hand in, one entry a case."""

import os
import sys
import unittest
import xml.etree.ElementTree as xml


class _Recorder(unittest.TextTestResult):
    """Keeps (name, "failed" or "skipped" or "", text) of each case, in order."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cases = []

    def _record(self, case, verdict="", text=""):
        self.cases.append((case.id().rpartition(".")[2], verdict, text))

    def addSuccess(self, case):
        super().addSuccess(case)
        self._record(case)

    def addFailure(self, case, error):
        super().addFailure(case, error)
        self._record(case, "failed", str(error[1]))

    def addError(self, case, error):
        super().addError(case, error)
        self._record(case, "failed", str(error[1]))

    def addSkip(self, case, reason):
        super().addSkip(case, reason)
        self._record(case, "skipped", reason)


def _write_xml(path, suite_name, cases):
    suite = xml.Element("testsuite", name=suite_name, tests=str(len(cases)))
    for name, verdict, text in cases:
        case = xml.SubElement(suite, "testcase", classname=suite_name, name=name)
        if verdict:
            xml.SubElement(case, {"failed": "failure"}.get(verdict, verdict), message=text)
    suite.set("failures", str(sum(verdict == "failed" for _, verdict, _ in cases)))
    root = xml.Element("testsuites")
    root.append(suite)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def run(suite_name, *classes):
    """Runs the cases of the classes and ends the process with 0 iff none failed."""
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(map(loader.loadTestsFromTestCase, classes))
    result = unittest.TextTestRunner(resultclass=_Recorder, verbosity=2).run(suite)
    if "XML_OUTPUT_FILE" in os.environ:
        _write_xml(os.environ["XML_OUTPUT_FILE"], suite_name, result.cases)
    sys.exit(0 if result.wasSuccessful() and result.cases else 1)
