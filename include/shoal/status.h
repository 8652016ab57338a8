// SPDX-License-Identifier: MIT
#ifndef SHOAL_STATUS_H
#define SHOAL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/// What a call came to. The numbers are fixed and can never change.
typedef enum shoal_status {
  SHOAL_OK = 0,
  SHOAL_E_ARGUMENT = 1,       ///< An argument is out of its range.
  SHOAL_E_NAME = 2,           ///< The name has a form that no region can have.
  SHOAL_E_NOT_FOUND = 3,      ///< No region, or no root, of that name.
  SHOAL_E_EXISTS = 4,         ///< EXCLUSIVE was asked and the name is taken.
  SHOAL_E_KIND = 5,           ///< The name belongs to something that is not a regular file.
  SHOAL_E_PERMISSION = 6,     ///< Owner, mode, link count or the system forbid it.
  SHOAL_E_ADDRESS = 7,        ///< The region's base is occupied in this process.
  SHOAL_E_SIZE = 8,           ///< A size or capacity is out of its range.
  SHOAL_E_TRUNCATED = 9,      ///< The object is shorter than its header says.
  SHOAL_E_CORRUPT = 10,       ///< The region's content contradicts itself.
  SHOAL_E_VERSION = 11,       ///< Format version or features this library cannot handle.
  SHOAL_E_FOREIGN_HOST = 12,  ///< Written by another host, and ADOPT was not given.
  SHOAL_E_STALE = 13,         ///< The handle names an earlier incarnation of the region.
  SHOAL_E_BUSY = 14,          ///< Another live process holds what is needed; try again.
  SHOAL_E_NO_SPACE = 15,      ///< The system is full: memory, /dev/shm, disk, quota.
  SHOAL_E_FULL = 16,          ///< The heap's capacity or limit_bytes is used up.
  SHOAL_E_LIMIT = 17,         ///< A table is full: slots, roots, pins, handles.
  SHOAL_E_READ_ONLY = 18,     ///< The heap was opened READ_ONLY.
  SHOAL_E_MISUSE = 19,        ///< A pointer or offset that is no live block's start.
  SHOAL_E_UNSUPPORTED = 20,   ///< Not available on this system or for this kind.
  SHOAL_E_SYSTEM = 21         ///< A system call failed otherwise; see shoal_os_code.
} shoal_status;

/// The status's name, as "SHOAL_E_NO_SPACE".
/// returns: a static string; "SHOAL_E_?" for a number that is no status.
/// safe: any thread, any time.
const char *shoal_status_name(shoal_status status);

/// A sentence with the cause and the limit that was hit.
/// returns: the details of the calling thread's last failed call where that call ended in `status`,
///   otherwise the general meaning of `status`.
/// owns: the library; valid until the thread's next failing call.
const char *shoal_status_text(shoal_status status);

/// The system's error code (errno, GetLastError) behind the calling thread's last failed call.
/// returns: 0 where no system call was to blame.
int shoal_os_code(void);

#ifdef __cplusplus
}
#endif

#endif
