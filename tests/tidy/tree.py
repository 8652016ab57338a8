# SPDX-License-Identifier: MIT
"""The files of the repository, as the rules see them: path -> text."""

import os
from typing import NamedTuple

# Not ours to judge: what version control and Bazel keep for themselves.
_SKIPPED_FOLDERS = {".git", "__pycache__"}
_SKIPPED_FILES = {"compile_commands.json"}

C_ENDINGS = (".c", ".h", ".cc")


class Finding(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Tree:
    """Text files by their path from the root, with '/'. A test makes one from a dictionary."""

    def __init__(self, files):
        self.files = dict(files)

    def paths(self, *endings):
        return sorted(path for path in self.files if path.endswith(endings or ("",)))

    def lines(self, path):
        """(number, line) of each line."""
        return enumerate(self.files[path].split("\n"), start=1)

    def package_of(self, path):
        """The folder of the nearest BUILD file at or above `path`, or None."""
        folder = os.path.dirname(path)
        while True:
            if os.path.join(folder, "BUILD") in self.files:
                return folder
            if not folder:
                return None
            folder = os.path.dirname(folder)


def read_tree(root):
    """Reads every file below `root` that is text; Bazel's links into its outputs are left out."""
    files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders
            if name not in _SKIPPED_FOLDERS and not os.path.islink(os.path.join(folder, name))
        ]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and name not in _SKIPPED_FILES:
                with open(path, "rb") as file:
                    content = file.read()
                if b"\0" not in content:
                    files[os.path.relpath(path, root)] = content.decode("utf-8", "replace")
    return Tree(files)
