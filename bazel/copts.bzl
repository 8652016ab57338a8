# SPDX-License-Identifier: MIT
"""The compiler flags of our own code, for every C and C++ target here."""

_WARNINGS = [
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wcast-qual",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wformat=2",
    "-Wimplicit-fallthrough",
    "-Wpointer-arith",
    "-Wshadow",
    "-Wswitch-enum",
    "-Wundef",
    "-Wvla",
    "-Wwrite-strings",
]

# initial-exec: the current thread's slot is one load away even in the shared library. Without
# interposition the compiler may inline there, too; what the library exports is shoal.map's to say.
# Windows knows neither.
_PLATFORM = select({
    "@platforms//os:windows": [],
    "//conditions:default": [
        "-fno-semantic-interposition",
        "-ftls-model=initial-exec",
    ],
})

# What the fast paths of an optimised build cannot afford. A pair of words handed on by value would
# be copied as one vector, which waits until every store before it is done, cache misses included;
# a frame pointer takes a register and two stores of every call.
_FAST = select({
    "//bazel:optimized": [
        "-fno-tree-slp-vectorize",
        "-fomit-frame-pointer",
    ],
    "//conditions:default": [],
})

SHOAL_COPTS = [
    "-std=c11",
    "-Wmissing-prototypes",
    "-Wold-style-definition",
    "-Wstrict-prototypes",
] + _WARNINGS + _PLATFORM + _FAST

SHOAL_CXXOPTS = ["-std=c++17"] + _WARNINGS + _PLATFORM
