// SPDX-License-Identifier: MIT
// word_index: an inverted index of text files in one heap that several processes fill.
#include <stdio.h>
#include <string.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/report.h"

static const char usage[] =
    "usage: word_index COMMAND --heap NAME ...\n"
    "\n"
    "  build --heap NAME [--workers N] [--kill-after MS] PATH...\n"
    "                                           index files, and directories with all below;\n"
    "                                           workers may be killed: others finish their work.\n"
    "                                           --kill-after does so, after MS ms on average\n"
    "  top   --heap NAME N                      the N words met most often, or 'all':\n"
    "                                           total, lines, files, word\n"
    "  find  --heap NAME WORD                   where the word stands: path:line\n"
    "  drop  --heap NAME WORD                   take the word out and free its memory\n"
    "  clear --heap NAME                        free the index block by block, none is left\n"
    "  stats --heap NAME                        what the index and its heap hold\n"
    "  rm    --heap NAME                        remove the heap\n"
    "\n"
    "NAME is [A-Za-z0-9._-]: a heap in memory that stays until 'rm'; with a '/' it is a file.\n"
    "A word is a run of [A-Za-z0-9_], folded to lower case. Symbolic links are not followed;\n"
    "a file with a NUL byte in its first 8 KiB is binary and skipped. N is 1 to 256 workers, by\n"
    "default one per processor. Exit codes: 0 done, 1 failed or not found, 2 wrong usage.\n";

static const struct {
  const char *name;
  int (*run)(const struct options *options);
} commands[] = {
    {"build", command_build}, {"top", command_top},     {"find", command_find},
    {"drop", command_drop},   {"stats", command_stats}, {"clear", command_clear},
    {"rm", command_rm},       {"worker", command_worker},
};

static int flush_output(int result) {
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return result;
  report("cannot write to standard output");
  return result == EXIT_OK ? EXIT_FAILED : result;
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) continue;
    (void)fputs(usage, stdout);
    return flush_output(EXIT_OK);
  }
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(name, commands[i].name) != 0) continue;
    struct options options;
    if (!options_parse(argc - 2, argv + 2, &options)) return EXIT_USAGE;
    return flush_output(commands[i].run(&options));
  }
  if (*name != '\0') report("there is no command '%s'", name);
  (void)fputs(usage, stderr);
  return EXIT_USAGE;
}
