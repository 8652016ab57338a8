// SPDX-License-Identifier: MIT
// Goal: a process record stands for one registration, lives as long as its byte is held, and serves
// again when its process is gone.
// Method: a plain region; other processes are played by further openings of the object.
#include "mapping/process.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/mapping/plain.h"
#include "tests/mapping/played.h"

enum { MOST = PLAIN_PROCESSES };

static char name[TEST_NAME_BYTES];
static struct shl_region *region;
static struct shl_object *other;

static void open_region(void) {
  plain_reset();
  (void)test_unique_name(name);
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  other = played_open(name);
  ASSERT(other != NULL);
}

static void close_region(void) {
  shl_object_close(other);
  EXPECT_OK(plain_close(region));
}

// Opens the region as a process would that has not got it, and gives the record it got back.
static uint32_t register_again(shoal_status expected) {
  struct shl_region_private part = {.object = other, .liveness = {.fd = -1}};
  struct shl_region second = *region;
  second.private_part = &part;
  second.process = 0;
  EXPECT_STATUS(expected, shl_process_register(&second));
  uint32_t process = second.process;
  if (process != 0) shl_process_leave(&second);
  shl_liveness_drop(&part.liveness);
  return process;
}

static void the_first_process_is_record_1_of_generation_1(void) {
  EXPECT_EQ(1, region->process);
  EXPECT_EQ(1, region->process_generation);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 1));
  EXPECT_EQ(1, played_generation(region, 1));
  EXPECT_EQ(shl_identity_process(), shl_load_relaxed_u64(&played_record(region, 1)->pid));
  EXPECT_EQ(shl_identity_process_start(),
            shl_load_relaxed_u64(&played_record(region, 1)->start_time));
  EXPECT_EQ(1, shl_process_count(region));
}

static void it_lives_in_its_own_eyes_and_in_others(void) {
  struct shl_region_private part = {.object = other};
  struct shl_region seen = *region;
  seen.private_part = &part;
  seen.process = 2;
  seen.process_generation = 1;
  EXPECT(!shl_process_is_dead(region, 1, 1));
  EXPECT(!shl_process_is_dead(&seen, 1, 1));
  EXPECT(shl_process_is_dead(&seen, 1, 2));
  EXPECT(shl_process_is_dead(&seen, 1, 0));
}

static void records_that_nobody_has_are_dead(void) {
  for (uint32_t k = 2; k <= MOST; k++) EXPECT(shl_process_is_dead(region, k, 0));
  EXPECT(shl_process_is_dead(region, 0, 1));
  EXPECT(shl_process_is_dead(region, MOST + 1, 0));
  EXPECT(shl_process_is_dead(region, UINT32_MAX, 1));
}

static void a_registration_takes_the_lowest_free_record(void) {
  struct shl_liveness byte;
  EXPECT_EQ(2, register_again(SHOAL_OK));
  uint32_t generation = played_register(region, other, 2, &byte);
  EXPECT_EQ(3, register_again(SHOAL_OK));
  EXPECT(!shl_process_is_dead(region, 2, generation));
  EXPECT_EQ(2, shl_process_count(region));
  shl_liveness_drop(&byte);
  EXPECT(shl_process_is_dead(region, 2, generation));
  EXPECT_EQ(1, shl_process_count(region));
}

static void every_registration_has_a_generation_of_its_own(void) {
  for (uint32_t i = 1; i <= 5; i++) {
    EXPECT_EQ(2, register_again(SHOAL_OK));
    EXPECT_EQ(i, played_generation(region, 2));
    EXPECT_EQ(SHL_PROCESS_FREE, played_state(region, 2));
  }
}

// Generations: 24 bits, and the next after the last is 0.
static void generations_wrap(void) {
  shl_store_relaxed_u64(&played_record(region, 2)->word, UINT64_C(0xfffffe) << 8);
  static const uint32_t expected[] = {0xffffff, 0, 1};
  for (unsigned i = 0; i < 3; i++) {
    struct shl_liveness byte;
    EXPECT_EQ(expected[i], played_register(region, other, 2, &byte));
    EXPECT(!shl_process_is_dead(region, 2, expected[i]));
    EXPECT(shl_process_is_dead(region, 2, expected[i] ^ 1));
    shl_process_clear(region, 2, expected[i]);
    EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 2));
    shl_liveness_drop(&byte);
    shl_process_clear(region, 2, expected[i]);
    EXPECT_EQ(SHL_PROCESS_FREE, played_state(region, 2));
  }
}

// A table full of the dead is no obstacle; one full of the living is.
static void a_full_table_gives_the_records_of_the_dead(void) {
  struct shl_liveness bytes[MOST + 1];
  for (uint32_t k = 2; k <= MOST; k++) (void)played_register(region, other, k, &bytes[k]);
  EXPECT_EQ(0, register_again(SHOAL_E_LIMIT));
  EXPECT(strstr(shoal_status_text(SHOAL_E_LIMIT), "4 processes") != NULL);
  EXPECT(strstr(shoal_status_text(SHOAL_E_LIMIT), "max_processes") != NULL);
  shl_liveness_drop(&bytes[3]);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 3));
  EXPECT_EQ(3, register_again(SHOAL_OK));
  EXPECT_EQ(2, played_generation(region, 3));
  EXPECT(shl_process_is_dead(region, 3, 1));
  shl_liveness_drop(&bytes[2]);
  shl_liveness_drop(&bytes[4]);
}

// A free record is preferred: a dead one's slots may still await recovery under its number.
static void a_dead_record_is_taken_only_when_none_is_free(void) {
  struct shl_liveness byte;
  (void)played_register(region, other, 2, &byte);
  shl_liveness_drop(&byte);
  EXPECT_EQ(3, register_again(SHOAL_OK));
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 2));
}

// As long as the byte of a number is held, the number is not given out, whatever its record
// says.
static void a_number_whose_byte_is_held_is_not_given_out(void) {
  struct shl_liveness byte;
  ASSERT_OK(shl_liveness_take(other, 2, &byte));
  struct shl_object *third = played_open(name);
  struct shl_object *kept = other;
  other = third;
  EXPECT_EQ(3, register_again(SHOAL_OK));
  other = kept;
  shl_object_close(third);
  shl_liveness_drop(&byte);
  EXPECT_EQ(2, register_again(SHOAL_OK));
}

static void the_dead_are_found_one_after_the_other(void) {
  struct shl_liveness byte;
  uint32_t generation = played_register(region, other, 3, &byte);
  uint32_t process = 0, found = 99;
  EXPECT(!shl_process_next_dead(region, &process, &found));
  shl_liveness_drop(&byte);
  process = 0;
  ASSERT(shl_process_next_dead(region, &process, &found));
  EXPECT_EQ(3, process);
  EXPECT_EQ(generation, found);
  EXPECT(!shl_process_next_dead(region, &process, &found));
}

static void clearing_spares_the_living_and_later_generations(void) {
  struct shl_liveness byte;
  uint32_t generation = played_register(region, other, 2, &byte);
  shl_process_clear(region, 2, generation);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 2));
  shl_process_clear(region, 1, 1);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 1));
  shl_liveness_drop(&byte);
  shl_process_clear(region, 2, generation + 1);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 2));
  shl_process_clear(region, 2, generation);
  EXPECT_EQ(SHL_PROCESS_FREE, played_state(region, 2));
  EXPECT_EQ(generation, played_generation(region, 2));
  shl_process_clear(region, 0, 0);
  shl_process_clear(region, MOST + 1, 0);
}

static void clearing_lets_the_byte_go_again(void) {
  struct shl_liveness byte;
  uint32_t generation = played_register(region, other, 2, &byte);
  shl_liveness_drop(&byte);
  shl_process_clear(region, 2, generation);
  EXPECT(!shl_liveness_is_held(other, 2, 0, 0));
}

// A record whose pid names nobody here lives while its byte is held.
static void pids_are_never_asked(void) {
  struct shl_liveness byte;
  uint32_t generation = played_register(region, other, 2, &byte);
  shl_store_release_u64(&played_record(region, 2)->pid, 4194305);
  EXPECT(!shl_process_is_dead(region, 2, generation));
  shl_liveness_drop(&byte);
  shl_store_release_u64(&played_record(region, 2)->pid, shl_identity_process());
  EXPECT(shl_process_is_dead(region, 2, generation));
}

static void this_process_is_seen_to_be_attached_twice(void) {
  struct shl_liveness byte;
  EXPECT(!shl_process_is_attached_twice(region));
  (void)played_register(region, other, 2, &byte);
  struct shl_process_rec *record = played_record(region, 2);
  EXPECT(!shl_process_is_attached_twice(region));
  shl_store_release_u64(&record->pid, shl_identity_process());
  EXPECT(!shl_process_is_attached_twice(region));
  shl_store_release_u64(&record->start_time, shl_identity_process_start());
  EXPECT(shl_process_is_attached_twice(region));
  shl_liveness_drop(&byte);
  EXPECT(!shl_process_is_attached_twice(region));
}

// Where a start time could not be read, unmapping under another copy's feet would be worse than
// keeping the mapping.
static void a_start_that_is_not_known_counts_as_the_same(void) {
  struct shl_liveness byte;
  (void)played_register(region, other, 2, &byte);
  struct shl_process_rec *record = played_record(region, 2);
  shl_store_release_u64(&record->pid, shl_identity_process());
  shl_store_release_u64(&record->start_time, 0);
  EXPECT(shl_process_is_attached_twice(region));
  shl_store_release_u64(&record->start_time, shl_identity_process_start());
  shl_store_release_u64(&played_record(region, 1)->start_time, 0);
  EXPECT(shl_process_is_attached_twice(region));
  shl_liveness_drop(&byte);
}

SUITE(process, SET_UP(open_region), TEAR_DOWN(close_region),
      TEST(the_first_process_is_record_1_of_generation_1),
      TEST(it_lives_in_its_own_eyes_and_in_others), TEST(records_that_nobody_has_are_dead),
      TEST(a_registration_takes_the_lowest_free_record),
      TEST(every_registration_has_a_generation_of_its_own), TEST(generations_wrap),
      TEST(a_full_table_gives_the_records_of_the_dead),
      TEST(a_dead_record_is_taken_only_when_none_is_free),
      TEST(a_number_whose_byte_is_held_is_not_given_out),
      TEST(the_dead_are_found_one_after_the_other),
      TEST(clearing_spares_the_living_and_later_generations), TEST(clearing_lets_the_byte_go_again),
      TEST(pids_are_never_asked), TEST(this_process_is_seen_to_be_attached_twice),
      TEST(a_start_that_is_not_known_counts_as_the_same))
