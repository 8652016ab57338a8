# SPDX-License-Identifier: MIT
"""Rules that hold files against each other: docstrings, BUILD files, tests, documents, samples."""

import os
import posixpath
import re

import c_text
import exceptions
from tree import Finding

# A call into a heap says what a death inside it leaves.
_CRASH_HEADERS = [
    f"include/shoal/{name}.h"
    for name in ("exact", "heap", "inspect", "mark", "orphans", "root")
]
_TESTED_FOLDERS = ("base/", "mapping/", "alloc/")
# Bazel reads these itself, or they belong to no build.
_NO_BUILD_MATTER = re.compile(
    r"(^|/)(BUILD|WORKSPACE)$|\.md$|(^|/)\.[^/]+$|^\.|^LICENSE$|^docs/|^scripts/|^bazel/stubs/"
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"(?<![\w./-])((?:\.ci|alloc|base|bazel|bench|docs|examples|include|mapping|scripts|tests)"
    r"/[\w./-]*\w\.(?:c|cc|h|md|py|sh|bzl|map))\b"
)
_SAMPLES = ["examples/hello_writer.c", "examples/hello_reader.c"]


def _docstring_above(lines, line):
    """The /// lines that end right above line number `line`."""
    begin = line - 1
    while begin > 0 and lines[begin - 1].startswith("///"):
        begin -= 1
    return lines[begin : line - 1]


def public_calls_say_what_a_crash_leaves(tree):
    found = []
    for path in _CRASH_HEADERS:
        text = tree.files.get(path, "")
        lines = text.split("\n")
        for declaration in c_text.declarations(text):
            if declaration.lines or declaration.text.startswith("typedef"):
                continue
            docstring = _docstring_above(lines, declaration.line)
            if not any(line.startswith("/// crash: ") for line in docstring):
                found.append(Finding(path, declaration.line, f"{declaration.name} has no 'crash:'"))
    return found


def _mentions(build, name):
    """Whether a BUILD file has the name in quotes, or its beginning where it adds the rest."""
    endings = [""] + re.findall(r'\+ "([^"]+)"', build)
    return any(f'"{name.removesuffix(ending)}"' in build for ending in endings)


def every_file_stands_in_a_build_file(tree):
    found = []
    for path in tree.paths():
        if _NO_BUILD_MATTER.search(path):
            continue
        package = tree.package_of(path)
        name = os.path.relpath(path, package or ".")
        if package is None or not _mentions(tree.files[os.path.join(package, "BUILD")], name):
            found.append(Finding(path, 1, "no BUILD file mentions it"))
    return found


def _tests_of(path):
    """Where the test of a module may stand: a folder like its own, or its layer's."""
    folder, name = path[:-2].split("/", 1)
    return {f"tests/{folder}/{name}_test.c", f"tests/{folder}/{os.path.basename(name)}_test.c"}


def every_module_has_its_test(tree):
    return [
        Finding(path, 1, f"has no test {min(_tests_of(path))}")
        for path in tree.paths(".c")
        if path.startswith(_TESTED_FOLDERS)
        and not _tests_of(path) & tree.files.keys()
        and path not in exceptions.TESTED_ELSEWHERE
    ]


def every_exception_is_needed(tree):
    """An exception whose file is gone, or which has become needless, goes too."""
    listed = {path: "" for path in exceptions.LONG_FILES}
    listed.update({path: "" for path, _ in exceptions.MANY_PARAMETERS})
    found = [
        Finding("tests/tidy/exceptions.py", 1, f"{path} does not exist")
        for path in sorted({**listed, **exceptions.TESTED_ELSEWHERE})
        if path not in tree.files
    ]
    return found + [
        Finding("tests/tidy/exceptions.py", 1, f"{path} has a test of its own by now")
        for path in sorted(exceptions.TESTED_ELSEWHERE)
        if _tests_of(path) & tree.files.keys()
    ]


def _anchors(text):
    """The anchors of a document's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _is_dead(tree, path, target):
    file, _, anchor = target.partition("#")
    aim = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
    if aim in tree.files:
        return bool(anchor) and anchor not in _anchors(tree.files[aim])
    return not any(known.startswith(aim + "/") for known in tree.files)


def no_link_is_dead(tree):
    return [
        Finding(path, number, f"the link to {target} is dead")
        for path in tree.paths(".md")
        for number, line in tree.lines(path)
        for target in _LINK.findall(line)
        if not re.match(r"[a-z]+:", target) and _is_dead(tree, path, target)
    ]


def every_file_spoken_of_exists(tree):
    return [
        Finding(path, number, f"speaks of {name}, which does not exist")
        for path in tree.paths()
        if not path.startswith("tests/tidy/")
        for number, line in tree.lines(path)
        for name in _PATH.findall(line)
        if name not in tree.files
    ]


def every_test_of_a_fault_exists(tree):
    """docs/FAULTS.md: below a fault, a test file and its tests or, in quotes, their rows."""
    found = []
    for number, line in tree.lines("docs/FAULTS.md") if "docs/FAULTS.md" in tree.files else []:
        entry = re.match(r"    ([a-z]+/\w+_test) +(.*)$", line)
        text = tree.files.get(f"tests/{entry[1]}.c", "") if entry else ""
        for name in re.findall(r'"[^"]*"|\w+', entry[2]) if entry else []:
            if (name if name[0] == '"' else f"TEST({name})") not in text:
                found.append(Finding("docs/FAULTS.md", number, f"{entry[1]} has no {name}"))
    return found


def the_readme_shows_the_examples(tree):
    readme = tree.files.get("README.md")
    if readme is None:
        return []
    blocks = re.findall(r"^```c\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    found = []
    for path in _SAMPLES:
        sample = tree.files.get(path, "")
        body = sample.partition("\n")[2]
        if not any(block.strip() in (sample.strip(), body.strip()) for block in blocks):
            found.append(Finding("README.md", 1, f"shows no code block that is {path}"))
    return found


RULES = [
    public_calls_say_what_a_crash_leaves,
    every_file_stands_in_a_build_file,
    every_module_has_its_test,
    every_exception_is_needed,
    no_link_is_dead,
    every_file_spoken_of_exists,
    every_test_of_a_fault_exists,
    the_readme_shows_the_examples,
]
