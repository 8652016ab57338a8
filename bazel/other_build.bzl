# SPDX-License-Identifier: MIT
"""other_build: a library as another build would make it, beside the one that is under test."""

def _settings(_settings, attr):
    return {
        "//command_line_option:compilation_mode": attr.mode,
        "//command_line_option:copt": attr.copts,
    }

_other = transition(
    implementation = _settings,
    inputs = [],
    outputs = [
        "//command_line_option:compilation_mode",
        "//command_line_option:copt",
    ],
)

def _link(ctx):
    made = ctx.attr.library[0][DefaultInfo].files.to_list()[0]
    out = ctx.actions.declare_file(ctx.attr.name)
    ctx.actions.symlink(output = out, target_file = made)
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out, made]))]

other_build = rule(
    implementation = _link,
    doc = "Makes `library`'s first file with another compilation mode and flags, under this name.",
    attrs = {
        "copts": attr.string_list(doc = "Flags of all its compilations."),
        "library": attr.label(cfg = _other, doc = "What is built."),
        "mode": attr.string(default = "opt", doc = "Its compilation mode."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
