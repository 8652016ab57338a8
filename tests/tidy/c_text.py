# SPDX-License-Identifier: MIT
"""Just enough of C to find declarations and functions: text without comments, split at the top.

No parser: it knows comments, literals, preprocessor lines, braces and parentheses. What our style
never writes (K&R parameters, functions made by macros) it need not understand.
"""

import re
from typing import NamedTuple

_NOISE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | "(?:\\.|[^"\\\n])*"
      | '(?:\\.|[^'\\\n])*'
      | ^[ \t]*\#(?:\\\n|[^\n])*""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# Braces that hold declarations rather than statements.
_TRANSPARENT = re.compile(r"(?:\bextern\s*|\bnamespace\b[^;{}()]*|\bclass\b[^;{}()]*)$")
_CALL = re.compile(r"(\w+)\s*\(")
# What may stand before parentheses in a declaration without being its name; macros may, too.
_NO_NAMES = set(
    "__attribute__ _Static_assert static_assert _Alignas alignas _Atomic sizeof void char short int"
    " long unsigned signed float double bool if for while switch return".split()
)


class Declaration(NamedTuple):
    """A function, declared or defined, or a type of functions."""

    name: str
    line: int  # where its text begins
    name_line: int
    parameters: int
    text: str  # up to its ';' or '{'
    lines: int  # from the text's first to the closing brace's line; 0 without a body
    depth: int  # the deepest nesting of blocks in the body


def without_noise(text):
    """`text` with comments, literals and preprocessor lines blanked; every line stays in place."""
    return _NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def _matching(code, start, opening, closing):
    depth = 0
    for index in range(start, len(code)):
        if code[index] == opening:
            depth += 1
        elif code[index] == closing:
            depth -= 1
            if depth == 0:
                return index
    return len(code) - 1


def _count_parameters(inside):
    """The number of parameters in the text between a declaration's parentheses."""
    if inside.strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for character in inside:
        depth += (character in "([{") - (character in ")]}")
        count += character == "," and depth == 0
    return count


def _block_depth(body):
    """How deep blocks stand in each other inside a body; braces of initialisers do not count."""
    deepest, stack = 0, []
    for index, character in enumerate(body):
        if character == "{":
            is_block = re.search(r"(?:^|[;{}:]|\)\s|\belse|\bdo)\s*$", body[:index]) is not None
            stack.append(is_block)
            deepest = max(deepest, sum(stack))
        elif character == "}" and stack:
            stack.pop()
    return deepest


def _find_name(text):
    """The match of a declared function's name and '(' in `text`, or None."""
    position = 0
    while match := _CALL.search(text, position):
        if match.group(1) not in _NO_NAMES and not match.group(1).isupper():
            return match if "=" not in text[: match.start()] else None
        position = _matching(text, match.end() - 1, "(", ")") + 1
    return None


def _describe(code, start, end, body_end=0):
    """The Declaration in code[start:end], or None where that is something else."""
    start += len(code[start:end]) - len(code[start:end].lstrip())
    text = code[start:end].rstrip()
    match = _find_name(text)
    if not match:
        return None
    first_line = code.count("\n", 0, start) + 1
    close = _matching(text, match.end() - 1, "(", ")")
    return Declaration(
        name=match.group(1),
        line=first_line,
        name_line=first_line + text.count("\n", 0, match.start()),
        parameters=_count_parameters(text[match.end() : close]),
        text=text,
        lines=code.count("\n", start, body_end) + 1 if body_end else 0,
        depth=_block_depth(code[end + 1 : body_end]),
    )


def declarations(text):
    """Every function declared or defined at file scope (also in extern "C", namespace, class)."""
    code = without_noise(text)
    found = []
    start = index = 0  # the text at hand begins at `start`
    braced = False  # ... and has a body that is no function's: of a struct, an initialiser
    while index < len(code):
        character = code[index]
        if character == "(":
            index = _matching(code, index, "(", ")")
        elif character == "{" and _TRANSPARENT.search(code[start:index]):
            start = index + 1
        elif character == "{":
            end = _matching(code, index, "{", "}")
            declaration = _describe(code, start, index, end)
            if declaration:
                found.append(declaration)
                start = end + 1
            braced = not declaration
            index = end
        elif character in ";}":
            declaration = None if braced else _describe(code, start, index)
            if declaration:
                found.append(declaration)
            start, braced = index + 1, False
        index += 1
    return found
