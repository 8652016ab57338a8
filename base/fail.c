// SPDX-License-Identifier: MIT
// The calling thread's last failure: status, system code and a sentence. Private to the thread, so
// that no call needs a place in a handle that may not exist yet (a failed open).
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>

// A library loaded late finds little room for thread-local data: it is kept short.
enum { TEXT_BYTES = 256 };

static _Thread_local struct {
  shoal_status status;
  int os_code;
  char text[TEXT_BYTES];
} last;

struct meaning {
  const char *name;
  const char *text;
};

static const struct meaning meanings[] = {
    [SHOAL_OK] = {"SHOAL_OK", "It worked."},
    [SHOAL_E_ARGUMENT] = {"SHOAL_E_ARGUMENT", "An argument is out of its range."},
    [SHOAL_E_NAME] = {"SHOAL_E_NAME", "No region or root can have that name."},
    [SHOAL_E_NOT_FOUND] = {"SHOAL_E_NOT_FOUND", "There is nothing of that name."},
    [SHOAL_E_EXISTS] = {"SHOAL_E_EXISTS", "The name is taken."},
    [SHOAL_E_KIND] = {"SHOAL_E_KIND", "The name belongs to something that is no region."},
    [SHOAL_E_PERMISSION] = {"SHOAL_E_PERMISSION", "Owner, mode or the system forbid it."},
    [SHOAL_E_ADDRESS] = {"SHOAL_E_ADDRESS", "The region's base is occupied in this process."},
    [SHOAL_E_SIZE] = {"SHOAL_E_SIZE", "A size is out of its range."},
    [SHOAL_E_TRUNCATED] = {"SHOAL_E_TRUNCATED", "The object is shorter than its header says."},
    [SHOAL_E_CORRUPT] = {"SHOAL_E_CORRUPT", "The region's content contradicts itself."},
    [SHOAL_E_VERSION] = {"SHOAL_E_VERSION", "The region's format is not one of this library's."},
    [SHOAL_E_FOREIGN_HOST] = {"SHOAL_E_FOREIGN_HOST",
                              "Another host wrote the region; SHOAL_ADOPT takes it over."},
    [SHOAL_E_STALE] = {"SHOAL_E_STALE", "The handle names an earlier incarnation of the region."},
    [SHOAL_E_BUSY] = {"SHOAL_E_BUSY", "Another live process holds what is needed."},
    [SHOAL_E_NO_SPACE] = {"SHOAL_E_NO_SPACE", "The system has no more memory or disk to give."},
    [SHOAL_E_FULL] = {"SHOAL_E_FULL", "The heap's capacity or limit_bytes is used up."},
    [SHOAL_E_LIMIT] = {"SHOAL_E_LIMIT", "A table of the heap is full."},
    [SHOAL_E_READ_ONLY] = {"SHOAL_E_READ_ONLY", "The heap was opened READ_ONLY."},
    [SHOAL_E_MISUSE] = {"SHOAL_E_MISUSE", "The pointer or offset is no live block's start."},
    [SHOAL_E_UNSUPPORTED] = {"SHOAL_E_UNSUPPORTED", "Not available here."},
    [SHOAL_E_SYSTEM] = {"SHOAL_E_SYSTEM", "A system call failed."},
};

static const struct meaning *find_meaning(shoal_status status) {
  unsigned index = (unsigned)status;
  return index < sizeof meanings / sizeof meanings[0] ? &meanings[index] : NULL;
}

shoal_status shl_fail(shoal_status status, int os_code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(last.text, sizeof last.text, format, arguments);
  va_end(arguments);
  last.status = status;
  last.os_code = os_code;
  return status;
}

const char *shoal_status_name(shoal_status status) {
  const struct meaning *meaning = find_meaning(status);
  return meaning != NULL ? meaning->name : "SHOAL_E_?";
}

const char *shoal_status_text(shoal_status status) {
  if (status != SHOAL_OK && status == last.status) return last.text;
  const struct meaning *meaning = find_meaning(status);
  return meaning != NULL ? meaning->text : "That is no shoal_status.";
}

int shoal_os_code(void) {
  return last.os_code;
}
