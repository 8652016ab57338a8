// SPDX-License-Identifier: MIT
// Prints the lines that hello_writer left in the file, in whatever process this is.
#include <shoal/shoal.h>
#include <stdio.h>

struct line_rec {
  shoal_off next;
  char text[24];
};

int main(int argc, char **argv) {
  shoal_options options = {.size = sizeof options, .kind = SHOAL_KIND_FILE};
  options.flags = SHOAL_READ_ONLY;
  shoal_heap *heap = NULL;
  shoal_root root = {0};
  shoal_status status = shoal_open(argc > 1 ? argv[1] : "", &options, &heap);
  if (status == SHOAL_OK) status = shoal_root_get(heap, "hello", &root);
  if (status != SHOAL_OK) fprintf(stderr, "hello_reader: %s\n", shoal_status_text(status));
  for (const struct line_rec *line = shoal_ptr(heap, root.off); line != NULL;
       line = shoal_ptr(heap, line->next)) {
    puts(line->text);
  }
  shoal_close(heap);
  return status == SHOAL_OK ? 0 : 1;
}
