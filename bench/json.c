// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "bench/output.h"
#include "bench/plan.h"
#include "bench/report.h"

static void write_string(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', file);
    if ((unsigned char)*text >= ' ') fputc(*text, file);
  }
  fputc('"', file);
}

static void write_fact(FILE *file, const char *key, const char *value) {
  fprintf(file, "    \"%s\": ", key);
  write_string(file, value);
  fputs(",\n", file);
}

static void write_machine(FILE *file, const struct bench_machine *machine) {
  fputs("  \"machine\": {\n", file);
  write_fact(file, "date", machine->date);
  write_fact(file, "cpu", machine->cpu);
  write_fact(file, "kernel", machine->kernel);
  write_fact(file, "huge_anonymous", machine->huge_anonymous);
  write_fact(file, "huge_shared", machine->huge_shared);
  fprintf(file, "    \"cpus\": %ld,\n    \"memory_mib\": %ld,\n    \"load\": %.2f\n  },\n",
          machine->cpus, machine->memory_mib, machine->load);
}

static void write_versions(FILE *file, const struct bench_launch *launch,
                           const struct bench_results *results) {
  const char *separator = "";
  fputs("  \"versions\": {", file);
  for (size_t i = 0; i < results->count; i++) {
    const char *allocator = results->series[i].allocator;
    size_t j = 0;
    while (strcmp(results->series[j].allocator, allocator) != 0) j++;
    if (j < i) continue;
    char version[BENCH_NAME_BYTES];
    bench_launch_version(launch, allocator, version);
    fprintf(file, "%s\n    \"%s\": ", separator, allocator);
    write_string(file, version);
    separator = ",";
  }
  fputs("\n  },\n", file);
}

// A workload's main figure is its time; the others carry their own name beside the workload's.
static void write_series(FILE *file, struct bench_results *results,
                         const struct bench_series *series) {
  const struct bench_series *memory =
      bench_series_find(results, series->workload, series->allocator, BENCH_MEMORY);
  fprintf(file, "    {\"workload\": \"%s\", \"figure\": \"%s\", \"allocator\": \"%s\", "
          "\"reps\": %zu, \"median_%s\": %.9g, \"min_%s\": %.9g, \"max_%s\": %.9g, ",
          series->workload, series->figure, series->allocator, series->count, series->unit,
          series->median, series->unit, series->min, series->unit, series->max);
  if (memory == NULL) {
    fputs("\"memory_over_live\": null}", file);
  } else {
    fprintf(file, "\"memory_over_live\": %.9g}", memory->median);
  }
}

int bench_output_json(const char *path, const struct bench_machine *machine,
                      const struct bench_launch *launch, struct bench_results *results) {
  FILE *file = fopen(path, "we");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  fputs("{\n", file);
  write_machine(file, machine);
  write_versions(file, launch, results);
  fprintf(file, "  \"quick\": %s,\n  \"results\": [\n", launch->quick ? "true" : "false");
  for (size_t i = 0; i < results->count; i++) {
    write_series(file, results, &results->series[i]);
    fputs(i + 1 < results->count ? ",\n" : "\n", file);
  }
  fputs("  ]\n}\n", file);
  if (fclose(file) == 0) return 0;
  perror(path);
  return -1;
}
