# SPDX-License-Identifier: MIT
"""Rules about what may include what, and where the system and the compiler may be asked."""

import os
import re

from tree import C_ENDINGS, Finding

# A file includes its own layer and those before it. What stands in the last one (programs) knows
# none of its neighbours; tests know everything.
LAYERS = [["include"], ["base"], ["mapping"], ["alloc"], ["containers"],
          ["cpp", "tools", "preload", "examples", "bench", "tests"]]

# The mapping layer, seen from above: its contract. The rest is for its own folder and its tests.
_MAPPING_CONTRACT = {f"mapping/{name}.h" for name in ("os", "process", "region", "superblock")}

# What C itself has. Everything else belongs to a system and stays behind the mapping layer.
_C_HEADERS = {f"{name}.h" for name in (
    "assert ctype errno inttypes limits math setjmp signal stdalign stdarg stdatomic stdbool"
    " stddef stdint stdio stdlib string time").split()}
_PORTABLE = ("include/", "base/", "mapping/", "alloc/")
_SYSTEM_FOLDERS = ("mapping/linux/", "mapping/windows/")
_MAY_ASK_COMPILER = _SYSTEM_FOLDERS + ("base/atomic.h",)

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b((?:\\\n|[^\n])*)", re.MULTILINE)
# Every predefined macro begins so; __cplusplus and __STDC_* belong to the languages.
_PREDEFINED = re.compile(
    r"\b(?!__cplusplus\b|__STDC_)(__\w+|_WIN\w+|_MSC_\w+|_M_\w+|WIN32|linux|unix)\b"
)


def _includes(tree):
    """(path, line, is in quotes, what) of each #include."""
    for path in tree.paths(*C_ENDINGS):
        for number, line in tree.lines(path):
            match = _INCLUDE.match(line)
            if match:
                yield path, number, match.group(1) == '"', match.group(2)


def _layer_of(folder):
    for index, folders in enumerate(LAYERS):
        if folder in folders:
            return index
    return None


def _may_include(path, target):
    """Whether `path` may include `target`, both from the root."""
    mine, other = path.split("/")[0], target.split("/")[0]
    from_layer, to_layer = _layer_of(mine), _layer_of(other)
    if from_layer is None or to_layer is None or mine == other or mine == "tests":
        return to_layer is not None
    return to_layer < from_layer


def includes_point_to_lower_layers(tree):
    found = []
    for path, number, quoted, what in _includes(tree):
        target = "include/" + what if what.startswith("shoal/") else what
        if not quoted and not what.startswith("shoal/"):
            continue
        if not _may_include(path, target):
            found.append(Finding(path, number, f"{path.split('/')[0]} may not include {what}"))
    return found


def includes_name_files_of_the_repository(tree):
    return [
        Finding(path, number, f"{what} is no file here: write the path from the root")
        for path, number, quoted, what in _includes(tree)
        if quoted and what not in tree.files
    ]


def no_source_file_is_included(tree):
    return [
        Finding(path, number, f"{what} is a source file")
        for path, number, _, what in _includes(tree)
        if what.endswith((".c", ".cc"))
    ]


def the_mapping_layer_shows_its_contract_alone(tree):
    return [
        Finding(path, number, f"{what} belongs to the mapping layer alone")
        for path, number, _, what in _includes(tree)
        if what.startswith("mapping/") and what not in _MAPPING_CONTRACT
        and not path.startswith(("mapping/", "tests/mapping/", "tests/watch/"))
    ]


def portable_layers_include_no_system_header(tree):
    return [
        Finding(path, number, f"<{what}> is not a header of C")
        for path, number, quoted, what in _includes(tree)
        if path.startswith(_PORTABLE) and not path.startswith(_SYSTEM_FOLDERS)
        and not quoted and not what.startswith("shoal/") and what not in _C_HEADERS
    ]


def a_source_includes_its_own_header_first(tree):
    found = []
    for path in tree.paths(".c"):
        header = path[:-2] + ".h"
        first = next((entry for entry in _includes(_only(tree, path))), None)
        if header in tree.files and first and first[3] != header:
            found.append(Finding(path, first[1], f"{header} comes first, to prove it sufficient"))
    return found


def _only(tree, path):
    return type(tree)({path: tree.files[path]})


def systems_and_compilers_are_asked_in_their_places(tree):
    found = []
    for path in tree.paths(*C_ENDINGS):
        if path.startswith(_MAY_ASK_COMPILER):
            continue
        text = tree.files[path]
        for condition in _CONDITION.finditer(text):
            match = _PREDEFINED.search(condition.group(1))
            if match:
                line = text.count("\n", 0, condition.start()) + 1
                found.append(Finding(path, line, f"{match.group()} is tested here"))
    return found


_WALL_CLOCK = re.compile(
    r"\bCLOCK_REALTIME\w*|\b(?:gettimeofday|time|clock|timespec_get|GetSystemTime\w*)\s*\(")


def the_library_asks_no_clock_that_is_set(tree):
    found = []
    for path in tree.paths(*C_ENDINGS):
        if not path.startswith(("base/", "mapping/", "alloc/")):
            continue
        for match in _WALL_CLOCK.finditer(tree.files[path]):
            line = tree.files[path].count("\n", 0, match.start()) + 1
            found.append(Finding(path, line, f"{match.group()} is a clock that people set"))
    return found


def headers_are_guarded_by_their_path(tree):
    """By their whole path, with SHL_ before it where that is internal to the library."""
    found = []
    for path in tree.paths(".h"):
        guard = re.search(r"^#ifndef (\w+)\n#define \1\n", tree.files[path], re.MULTILINE)
        stem = re.sub(r"\W", "_", path.removeprefix("include/")).upper()
        names = ["SHL_" + stem, stem, stem.partition("_")[2]]
        if not guard or guard.group(1) not in names:
            found.append(Finding(path, 2, f"is not guarded by {' or '.join(names)}"))
    return found


def folders_have_a_layer(tree):
    return [
        Finding(path, 1, f"the folder {path.split('/')[0]} has no place among the layers")
        for path in tree.paths(*C_ENDINGS)
        if "/" not in path or _layer_of(os.path.normpath(path).split("/")[0]) is None
    ]


RULES = [
    includes_point_to_lower_layers,
    includes_name_files_of_the_repository,
    no_source_file_is_included,
    the_mapping_layer_shows_its_contract_alone,
    portable_layers_include_no_system_header,
    a_source_includes_its_own_header_first,
    systems_and_compilers_are_asked_in_their_places,
    the_library_asks_no_clock_that_is_set,
    headers_are_guarded_by_their_path,
    folders_have_a_layer,
]
