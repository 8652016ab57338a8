// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_FAIL_H
#define SHL_BASE_FAIL_H

#include <shoal/status.h>

/// Keeps `status`, the system's code and a formatted sentence as the calling thread's last failure,
/// which shoal_status_text and shoal_os_code tell. Formats: as printf.
/// returns: `status`, so that a function may end in `return shl_fail(...)`.
/// safe: any thread; neither allocates nor locks. A text past 255 bytes is cut.
__attribute__((format(printf, 3, 4))) shoal_status shl_fail(shoal_status status, int os_code,
                                                            const char *format, ...);

#endif
