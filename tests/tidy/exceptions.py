# SPDX-License-Identifier: MIT
"""What the rules let pass, each with its reason."""

# Longer than their kind may be, up to the length that no file may pass.
LONG_FILES = {}

# Functions of more than five parameters, by file and name.
MANY_PARAMETERS = {
    ("mapping/linux/syscall.c", "call_mmap"): "stands for mmap",
    ("tests/mapping/fault_table.c", "call_mmap"): "stands for mmap",
    ("tests/mapping/liveness_descriptor_test.c", "map_without_holding"): "stands for mmap",
    ("tests/mapping/liveness_fault_test.c", "map_without_holding"): "stands for mmap",
    ("tests/mapping/map_test.c", "map_by_kernel"): "stands for mmap",
    ("tests/mapping/map_test.c", "map_elsewhere"): "stands for mmap",
}

# Modules without a test file of their own name.
TESTED_ELSEWHERE = {
    "alloc/pin_change.c": "the public half of pins, with the other in tests/alloc/pin_test.c",
    "alloc/root_change.c": "the writing half of roots, with the other in tests/alloc/root_test.c",
    "alloc/root_claim.c": "what both writing halves of roots are made of, tested with them",
}
