// SPDX-License-Identifier: MIT
// Messages to standard error. Each is formatted whole and written by one call, so that the lines of
// several processes do not mix.
#include "examples/word_index/report.h"

#include <errno.h>
#include <shoal/shoal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 4096 };

__attribute__((format(printf, 1, 0)))
static void print_message(const char *format, va_list arguments, const char *cause) {
  char text[MESSAGE_BYTES];
  int used = vsnprintf(text, sizeof text, format, arguments);
  if (used < 0 || used >= MESSAGE_BYTES) used = MESSAGE_BYTES - 1;
  if (cause != NULL) (void)snprintf(text + used, sizeof text - (size_t)used, ": %s", cause);
  (void)fprintf(stderr, "word_index: %s\n", text);
}

void report(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message(format, arguments, NULL);
  va_end(arguments);
}

void report_status(shoal_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message(format, arguments, shoal_status_text(status));
  va_end(arguments);
}

void report_no_memory(const char *what) {
  int code = errno;
  if (code != ENOMEM) {
    report("no memory for %s: %s", what, strerror(code));
    return;
  }
  shoal_status status = shoal_os_code() != 0 ? SHOAL_E_NO_SPACE : SHOAL_E_FULL;
  report_status(status, "no memory in the heap for %s", what);
}
