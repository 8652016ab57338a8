// SPDX-License-Identifier: MIT
// Goal: what an open asks for is judged, and completed with the defaults, before any system call.
// Method: tables of options with the verdict on them.
#define _POSIX_C_SOURCE 200809L

#include "mapping/request.h"

#include <stdlib.h>
#include <string.h>

#include "mapping/superblock.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

static struct shl_request request;

static void begin(void) {
  (void)unsetenv("SHOAL_BASE");
  fault_install();
}

static void end(void) {
  EXPECT_EQ(0, fault_calls());
  fault_remove();
  (void)unsetenv("SHOAL_BASE");
}

static shoal_status judge(const char *name, shoal_options options) {
  if (options.size == 0) options.size = sizeof options;
  return shl_request_read(name, -1, &options, &request);
}

static shoal_status judge_fd(int fd, shoal_options options) {
  options.size = sizeof options;
  return shl_request_read(NULL, fd, &options, &request);
}

static void no_options_ask_for_what_exists_with_the_defaults(void) {
  ASSERT_OK(shl_request_read("word", -1, NULL, &request));
  EXPECT_TEXT("word", request.name);
  EXPECT_EQ(SHOAL_KIND_NAMED, request.kind);
  EXPECT(!request.create && !request.exclusive && !request.read_only);
  EXPECT(!request.relocatable && !request.adopt);
  EXPECT_EQ(SHL_CAPACITY_DEFAULT, request.capacity);
  EXPECT_EQ(0, request.base);
  EXPECT_EQ(0600, request.mode);
  EXPECT_EQ(SHOAL_LIFETIME_LAST_DETACH, request.lifetime);
  EXPECT_EQ(0, request.limit_bytes);
  EXPECT_EQ(0, request.options.max_processes);
}

static void flags_come_through(void) {
  unsigned all = SHOAL_CREATE | SHOAL_EXCLUSIVE | SHOAL_RELOCATABLE | SHOAL_ADOPT;
  ASSERT_OK(judge("word", (shoal_options){.flags = all}));
  EXPECT(request.create && request.exclusive && request.relocatable && request.adopt);
  EXPECT(!request.read_only);
  ASSERT_OK(judge("word", (shoal_options){.flags = SHOAL_READ_ONLY}));
  EXPECT(request.read_only && !request.create);
}

static void flags_that_contradict_are_refused(void) {
  static const unsigned wrong[] = {
      SHOAL_EXCLUSIVE,  SHOAL_READ_ONLY | SHOAL_CREATE, SHOAL_READ_ONLY | SHOAL_ADOPT, 32, 1U << 31,
      SHOAL_CREATE | 64};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, judge("word", (shoal_options){.flags = wrong[i]}));
  }
}

// A program built with an older header hands in a smaller struct, whose missing members are zero.
static void a_smaller_struct_is_an_older_programs(void) {
  shoal_options options;
  memset(&options, 0xff, sizeof options);
  options.kind = SHOAL_KIND_NAMED;
  options.flags = SHOAL_CREATE;
  options.capacity = 6 << 20;
  options.size = offsetof(shoal_options, base);
  ASSERT_OK(shl_request_read("word", -1, &options, &request));
  EXPECT_EQ(6 << 20, request.capacity);
  EXPECT_EQ(0, request.base);
  EXPECT_EQ(0600, request.mode);
  EXPECT_EQ(0, request.limit_bytes);
  EXPECT_EQ(0, request.options.max_pins);
  EXPECT(request.options.on_misuse == NULL);
  options.size = offsetof(shoal_options, capacity);
  ASSERT_OK(shl_request_read("word", -1, &options, &request));
  EXPECT_EQ(SHL_CAPACITY_DEFAULT, request.capacity);
}

static void a_struct_of_no_known_size_is_refused(void) {
  static const size_t wrong[] = {1, 8, offsetof(shoal_options, capacity) - 1,
                                 sizeof(shoal_options) + 1, SIZE_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, judge("word", (shoal_options){.size = wrong[i]}));
  }
  shoal_options zero = {.size = 0};
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shl_request_read("word", -1, &zero, &request));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ARGUMENT), "sizeof(shoal_options)") != NULL);
}

static void capacities_are_4_mib_to_4_tib_in_chunks(void) {
  static const uint64_t wrong[] = {1,
                                   SHL_PAGE_BYTES - 1,
                                   SHL_CAPACITY_MIN - 1,
                                   SHL_CAPACITY_MAX + 1,
                                   PTRDIFF_MAX,
                                   UINT64_MAX - SHL_CHUNK_BYTES,
                                   UINT64_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_SIZE, judge("word", (shoal_options){.capacity = wrong[i]}));
  }
  ASSERT_OK(judge("word", (shoal_options){.capacity = SHL_CAPACITY_MIN}));
  EXPECT_EQ(SHL_CAPACITY_MIN, request.capacity);
  ASSERT_OK(judge("word", (shoal_options){.capacity = SHL_CAPACITY_MIN + 1}));
  EXPECT_EQ(SHL_CAPACITY_MIN + SHL_CHUNK_BYTES, request.capacity);
  ASSERT_OK(judge("word", (shoal_options){.capacity = SHL_CAPACITY_MAX}));
  EXPECT_EQ(SHL_CAPACITY_MAX, request.capacity);
}

static void bases_are_aligned_and_leave_room_for_the_region(void) {
  uint64_t capacity = SHL_CAPACITY_MIN;
  const struct {
    uint64_t base;
    bool fits;
  } rows[] = {{SHL_CHUNK_BYTES, true},
              {UINT64_C(0x200000000000), true},
              {SHL_ADDRESS_MAX - capacity, true},
              {SHL_ADDRESS_MAX - capacity + SHL_CHUNK_BYTES, false},
              {SHL_ADDRESS_MAX, false},
              {UINT64_MAX - SHL_CHUNK_BYTES + 1, false},
              {1, false},
              {SHL_PAGE_BYTES, false},
              {UINT64_C(0x200000000000) + SHL_UNIT_BYTES, false}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    shoal_status expected = rows[i].fits ? SHOAL_OK : SHOAL_E_ARGUMENT;
    EXPECT_STATUS(expected,
                  judge("word", (shoal_options){.capacity = capacity, .base = rows[i].base}));
    if (rows[i].fits) EXPECT_EQ(rows[i].base, request.base);
  }
}

static void the_environments_base_serves_where_the_options_name_none(void) {
  (void)setenv("SHOAL_BASE", "0x300000000000", 1);
  ASSERT_OK(judge("word", (shoal_options){.capacity = 0}));
  EXPECT_EQ(UINT64_C(0x300000000000), request.base);
  ASSERT_OK(judge("word", (shoal_options){.base = UINT64_C(0x400000000000)}));
  EXPECT_EQ(UINT64_C(0x400000000000), request.base);
  (void)setenv("SHOAL_BASE", "", 1);
  ASSERT_OK(judge("word", (shoal_options){.capacity = 0}));
  EXPECT_EQ(0, request.base);
}

static void an_environment_without_an_address_is_refused(void) {
  static const char *const wrong[] = {"here", "0x2000000000zz",        " ",
                                      "-1",   "0x2000000000000000000", "4096"};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    (void)setenv("SHOAL_BASE", wrong[i], 1);
    shoal_status status = judge("word", (shoal_options){.capacity = 0});
    if (status != SHOAL_E_ARGUMENT) FAIL("'%s': %s", wrong[i], shoal_status_name(status));
  }
}

static void lifetimes_fit_their_kind(void) {
  const struct {
    const char *name;
    shoal_kind kind;
    shoal_lifetime asked;
    shoal_lifetime given;  // DEFAULT: refused
  } rows[] = {{"word", SHOAL_KIND_NAMED, SHOAL_LIFETIME_DEFAULT, SHOAL_LIFETIME_LAST_DETACH},
              {"word", SHOAL_KIND_NAMED, SHOAL_LIFETIME_PERSIST, SHOAL_LIFETIME_PERSIST},
              {"./f", SHOAL_KIND_FILE, SHOAL_LIFETIME_DEFAULT, SHOAL_LIFETIME_PERSIST},
              {"./f", SHOAL_KIND_FILE, SHOAL_LIFETIME_PERSIST, SHOAL_LIFETIME_PERSIST},
              {"./f", SHOAL_KIND_FILE, SHOAL_LIFETIME_LAST_DETACH, SHOAL_LIFETIME_DEFAULT},
              {NULL, SHOAL_KIND_MEMFD, SHOAL_LIFETIME_DEFAULT, SHOAL_LIFETIME_LAST_DETACH},
              {NULL, SHOAL_KIND_MEMFD, SHOAL_LIFETIME_PERSIST, SHOAL_LIFETIME_DEFAULT},
              {NULL, SHOAL_KIND_PRIVATE, SHOAL_LIFETIME_DEFAULT, SHOAL_LIFETIME_LAST_DETACH},
              {NULL, SHOAL_KIND_PRIVATE, SHOAL_LIFETIME_PERSIST, SHOAL_LIFETIME_DEFAULT},
              {"word", SHOAL_KIND_NAMED, (shoal_lifetime)3, SHOAL_LIFETIME_DEFAULT}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bool refused = rows[i].given == SHOAL_LIFETIME_DEFAULT;
    shoal_options options = {
        .kind = rows[i].kind, .flags = SHOAL_CREATE, .lifetime = rows[i].asked};
    EXPECT_STATUS(refused ? SHOAL_E_ARGUMENT : SHOAL_OK, judge(rows[i].name, options));
    if (!refused) EXPECT_EQ(rows[i].given, request.lifetime);
  }
}

static void modes_are_read_and_write_bits_with_the_owners(void) {
  static const unsigned right[] = {0600, 0644, 0660, 0666, 0620};
  static const unsigned wrong[] = {0400, 0200, 0060, 0700, 0677, 01600, 04600, 010600, UINT32_MAX};
  for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++) {
    ASSERT_OK(judge("word", (shoal_options){.mode = right[i]}));
    EXPECT_EQ(right[i], request.mode);
  }
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, judge("word", (shoal_options){.mode = wrong[i]}));
  }
}

static void nameless_regions_can_only_be_created(void) {
  EXPECT_STATUS(SHOAL_E_ARGUMENT, judge(NULL, (shoal_options){.kind = SHOAL_KIND_MEMFD}));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, judge(NULL, (shoal_options){.kind = SHOAL_KIND_PRIVATE}));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shl_request_read(NULL, -1, NULL, &request));
  ASSERT_OK(judge(NULL, (shoal_options){.flags = SHOAL_CREATE}));
  EXPECT_EQ(SHOAL_KIND_PRIVATE, request.kind);
}

static void descriptors_stand_for_what_exists(void) {
  ASSERT_OK(judge_fd(0, (shoal_options){.flags = SHOAL_READ_ONLY}));
  EXPECT_EQ(0, request.fd);
  ASSERT_OK(judge_fd(7, (shoal_options){.flags = SHOAL_ADOPT | SHOAL_RELOCATABLE}));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, judge_fd(7, (shoal_options){.flags = SHOAL_CREATE}));
  unsigned both = SHOAL_CREATE | SHOAL_EXCLUSIVE;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, judge_fd(7, (shoal_options){.flags = both}));
}

static void wrong_names_and_kinds_are_refused_here_too(void) {
  EXPECT_STATUS(SHOAL_E_NAME, judge("", (shoal_options){.capacity = 0}));
  EXPECT_STATUS(SHOAL_E_NAME, judge("a b", (shoal_options){.capacity = 0}));
  EXPECT_STATUS(SHOAL_E_NAME, judge(NULL, (shoal_options){.kind = SHOAL_KIND_NAMED}));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, judge("word", (shoal_options){.kind = (shoal_kind)9}));
}

SUITE(request, SET_UP(begin), TEAR_DOWN(end),
      TEST(no_options_ask_for_what_exists_with_the_defaults), TEST(flags_come_through),
      TEST(flags_that_contradict_are_refused), TEST(a_smaller_struct_is_an_older_programs),
      TEST(a_struct_of_no_known_size_is_refused), TEST(capacities_are_4_mib_to_4_tib_in_chunks),
      TEST(bases_are_aligned_and_leave_room_for_the_region),
      TEST(the_environments_base_serves_where_the_options_name_none),
      TEST(an_environment_without_an_address_is_refused), TEST(lifetimes_fit_their_kind),
      TEST(modes_are_read_and_write_bits_with_the_owners),
      TEST(nameless_regions_can_only_be_created), TEST(descriptors_stand_for_what_exists),
      TEST(wrong_names_and_kinds_are_refused_here_too))
