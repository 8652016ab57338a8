# SPDX-License-Identifier: MIT
"""Rules about single files: first line, lengths, words. A rule takes a Tree, returns Findings."""

import os
import re

import c_text
import exceptions
from tree import C_ENDINGS, Finding

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
NESTING_MAX = 3
# Of any file, exception or not.
FILE_LINES_MAX = 600

_LICENCE = "SPDX-License-Identifier: MIT"
_CODE_NAMES = {"BUILD", "WORKSPACE", ".bazelrc", ".clang-format", ".clang-tidy"}
_CODE_ENDINGS = C_ENDINGS + (".py", ".sh", ".bzl", ".BUILD", ".map")

# Written in halves (and below with [x] for x), so that this file can be searched too.
_LEFTOVERS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]) + r")\b")
# Nouns that mean something else in every other allocator; ours stand in the glossary.
_BANNED_NOUNS = re.compile(
    r"(?<![a-z])(arena|segment|extent|span|magazine)s?(?![a-z])", re.IGNORECASE
)
_BANNED_NOUN_FOLDERS = ("alloc/", "mapping/", "base/", "include/")
_NAMELESS_FILE = re.compile(r"(^|/)(utils?|misc|common|internal)\.\w+$")
_RESERVED_TYPE = re.compile(
    r"^\s*(?:}|typedef\b[^;]*?\b)\s*\w+_t\s*;|\b(?:struct|enum|union)\s+\w+_t\b"
)
# Paths of one machine, and documents that do not belong to the repository.
_OUTSIDE = re.compile(
    r"(?<![\w.$}])/wor[k](?!\w)|\.\./share[d]|(?<!\w)/roo[t]/|(?<!\w)/hom[e]/\w"
    r"|\b(?:PROTOCOL|RELIABILITY|ALGORITHM|STYLE|DESIGN|SCALE|PEERS|BASELINE)\.m[d]\b"
)


def is_script(tree, path):
    return tree.files[path].startswith("#!")


def is_code(tree, path):
    name = os.path.basename(path)
    return name in _CODE_NAMES or name.endswith(_CODE_ENDINGS) or is_script(tree, path)


def every_file_begins_with_its_licence(tree):
    found = []
    for path in tree.paths():
        if not is_code(tree, path):
            continue
        mark = "//" if path.endswith(C_ENDINGS) else "#"
        line = 2 if is_script(tree, path) else 1
        if (tree.files[path].split("\n") + [""])[line - 1] != f"{mark} {_LICENCE}":
            found.append(Finding(path, line, f"does not read '{mark} {_LICENCE}'"))
    return found


def _may_be_long(path, line):
    """Tables and shell commands of a document cannot be broken."""
    return path.endswith(".md") and line.startswith(("|", "    ")) or "://" in line


def no_line_is_too_long(tree):
    return [
        Finding(path, number, f"has {len(line)} columns, more than {COLUMNS_MAX}")
        for path in tree.paths()
        if is_code(tree, path) or path.endswith(".md")
        for number, line in tree.lines(path)
        if len(line) > COLUMNS_MAX and not _may_be_long(path, line)
    ]


def no_line_ends_in_a_blank_or_holds_a_tab(tree):
    return [
        Finding(path, number, "ends in a blank" if line != line.rstrip() else "holds a tab")
        for path in tree.paths()
        if is_code(tree, path)
        for number, line in tree.lines(path)
        if line != line.rstrip() or "\t" in line
    ]


def _lines_max(path):
    if path.endswith(".h"):
        return 250
    if path == "README.md":
        return 200
    if path.startswith("docs/"):
        return 300
    return 400


def no_file_is_too_long(tree):
    found = []
    for path in tree.paths():
        if not is_code(tree, path) and not path.endswith(".md"):
            continue
        count = tree.files[path].count("\n")
        limit = FILE_LINES_MAX if path in exceptions.LONG_FILES else _lines_max(path)
        if count > limit:
            found.append(Finding(path, count, f"has {count} lines, more than {limit}"))
    return found


def _functions(tree):
    for path in tree.paths(*C_ENDINGS):
        for declaration in c_text.declarations(tree.files[path]):
            yield path, declaration


def no_function_is_too_long(tree):
    return [
        Finding(path, f.name_line, f"{f.name} has {f.lines} lines, more than {FUNCTION_LINES_MAX}")
        for path, f in _functions(tree)
        if f.lines > FUNCTION_LINES_MAX
    ]


def no_function_has_too_many_parameters(tree):
    return [
        Finding(path, f.name_line, f"{f.name} has {f.parameters} parameters")
        for path, f in _functions(tree)
        if f.parameters > PARAMETERS_MAX and (path, f.name) not in exceptions.MANY_PARAMETERS
    ]


def no_block_is_nested_too_deep(tree):
    return [
        Finding(path, f.name_line, f"{f.name} nests {f.depth} deep, more than {NESTING_MAX}")
        for path, f in _functions(tree)
        if f.depth > NESTING_MAX
    ]


def _matches(tree, paths, pattern, text):
    return [
        Finding(path, number, text.format(match.group()))
        for path in paths
        for number, line in tree.lines(path)
        for match in [pattern.search(line)]
        if match
    ]


def nothing_is_marked_as_unfinished(tree):
    return _matches(tree, tree.paths(), _LEFTOVERS, "a leftover: {}")


def our_nouns_alone_are_used(tree):
    paths = [path for path in tree.paths() if path.startswith(_BANNED_NOUN_FOLDERS)]
    return _matches(tree, paths, _BANNED_NOUNS, "'{}' is not one of our words")


def no_type_takes_the_systems_ending(tree):
    return _matches(tree, tree.paths(*C_ENDINGS), _RESERVED_TYPE, "'{}': _t belongs to POSIX")


def nothing_names_what_is_outside_the_repository(tree):
    return _matches(tree, tree.paths(), _OUTSIDE, "'{}' is not part of the repository")


def every_file_has_a_name_that_says_something(tree):
    return [
        Finding(path, 1, "a file of this name has no subject")
        for path in tree.paths()
        if _NAMELESS_FILE.search(path)
    ]


RULES = [
    every_file_begins_with_its_licence,
    no_line_is_too_long,
    no_line_ends_in_a_blank_or_holds_a_tab,
    no_file_is_too_long,
    no_function_is_too_long,
    no_function_has_too_many_parameters,
    no_block_is_nested_too_deep,
    nothing_is_marked_as_unfinished,
    our_nouns_alone_are_used,
    no_type_takes_the_systems_ending,
    nothing_names_what_is_outside_the_repository,
    every_file_has_a_name_that_says_something,
]
