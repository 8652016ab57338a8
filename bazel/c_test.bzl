# SPDX-License-Identifier: MIT
"""shoal_c_test: one C file with a SUITE of tests makes one test binary."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")
load("//bazel:copts.bzl", "SHOAL_COPTS")

def shoal_c_test(
        name,
        srcs,
        deps = [],
        data = [],
        copts = [],
        linkopts = [],
        size = "small",
        tags = [],
        **kwargs):
    """Builds the C sources with the harness into a test.

    Args:
      name: of the test.
      srcs: C files, exactly one of which holds a SUITE.
      deps: what is tested; the harness comes of itself.
      data: files read at run time.
      copts: more flags for the sources.
      linkopts: more flags for the linker.
      size: Bazel's test size, which sets the timeout.
      tags: of the test.
      **kwargs: of the cc_test, such as args, shard_count or target_compatible_with.
    """
    cc_library(
        name = name + "_body",
        testonly = True,
        srcs = srcs,
        copts = SHOAL_COPTS + copts,
        deps = deps + ["//tests/harness"],
        alwayslink = True,
        tags = tags,
        target_compatible_with = kwargs.get("target_compatible_with", []),
    )
    cc_test(
        name = name,
        size = size,
        data = data,
        linkopts = linkopts,
        linkstatic = True,
        tags = tags,
        deps = [
            ":" + name + "_body",
            "//tests/harness:bridge",
        ],
        **kwargs
    )
