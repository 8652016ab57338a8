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

# initial-exec: the current thread's slot is one load away even in the shared library. Windows knows
# no such model and exports nothing unasked.
_PLATFORM = select({
    "@platforms//os:windows": [],
    "//conditions:default": [
        "-fvisibility=hidden",
        "-ftls-model=initial-exec",
    ],
})

SHOAL_COPTS = [
    "-std=c11",
    "-Wmissing-prototypes",
    "-Wold-style-definition",
    "-Wstrict-prototypes",
] + _WARNINGS + _PLATFORM

SHOAL_CXXOPTS = ["-std=c++17"] + _WARNINGS + _PLATFORM
