// SPDX-License-Identifier: MIT
#include "examples/word_index/options.h"

#include <string.h>

#include "examples/word_index/report.h"

bool options_number(const char *text, uint64_t most, uint64_t *out) {
  uint64_t n = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    uint64_t digit = (uint64_t)(*text - '0');
    if (digit > most || n > (most - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *out = n;
  return true;
}

/// The value of option `name`, at arguments[*at] as "--name value" or "--name=value"; null iff
/// another option stands there.
static const char *take_value(const char *name, int count, char **arguments, int *at) {
  size_t length = strlen(name);
  const char *argument = arguments[*at];
  if (strncmp(argument, name, length) != 0) return NULL;
  if (argument[length] == '=') return argument + length + 1;
  if (argument[length] != '\0' || *at + 1 == count) return NULL;
  return arguments[++*at];
}

/// An option that is a number from 1, and its field.
struct number_option {
  const char *name;
  uint64_t most;
  uint64_t *out;
};

static bool parse_option(int count, char **arguments, int *at, struct options *out) {
  const struct number_option numbers[] = {{"--workers", WORKERS_MAX, &out->workers},
                                          {"--number", WORKERS_MAX, &out->number},
                                          {"--kill-after", KILL_AFTER_MS_MAX,
                                           &out->kill_after_ms}};
  const char *given = arguments[*at];
  const char *value = take_value("--heap", count, arguments, at);
  if (value != NULL) {
    out->heap = value;
    return true;
  }
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    value = take_value(numbers[i].name, count, arguments, at);
    if (value == NULL) continue;
    if (options_number(value, numbers[i].most, numbers[i].out) && *numbers[i].out > 0) return true;
    report("'%s' is no number from 1 to %d", value, (int)numbers[i].most);
    return false;
  }
  report("'%s' is no option here, or lacks its value", given);
  return false;
}

bool options_parse(int count, char **arguments, struct options *out) {
  *out = (struct options){.arguments = arguments};
  bool ended = false;
  for (int i = 0; i < count; i++) {
    bool is_option = !ended && arguments[i][0] == '-' && arguments[i][1] != '\0';
    if (is_option && strcmp(arguments[i], "--") == 0) {
      ended = true;
    } else if (!is_option) {
      // What is no option moves to the front: the place was read already.
      arguments[out->argument_count++] = arguments[i];
    } else if (!parse_option(count, arguments, &i, out)) {
      return false;
    }
  }
  if (out->heap == NULL) report("which heap? say --heap NAME");
  return out->heap != NULL;
}
