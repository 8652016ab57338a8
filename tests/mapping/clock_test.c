// SPDX-License-Identifier: MIT
// Goal: time only goes on, sleeping is not cut short by signals, and identities differ whatever
// the system's randomness does.
// Method: the calls themselves; signals from a timer; the fault table.
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "mapping/os.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

static volatile sig_atomic_t ticks;

static void count_tick(int signal_number) {
  (void)signal_number;
  ticks++;
}

// Of all clocks the one that nobody sets and that stands still in a suspend is asked.
static void time_never_goes_back(void) {
  uint64_t before = shl_os_now_ns();
  EXPECT_NE(0, before);
  for (unsigned i = 0; i < 10000; i++) {
    uint64_t now = shl_os_now_ns();
    ASSERT(before <= now);
    before = now;
  }
}

// Who waits for a time comes to an end without one, too.
static void a_clock_that_does_not_answer_lets_time_pass(void) {
  fault_install();
  fault_arm(&(struct fault_plan){.call = FAULT_MONOTONIC, .at = 1, .sticky = true});
  uint64_t before = shl_os_now_ns();
  for (unsigned i = 0; i < 100; i++) {
    uint64_t now = shl_os_now_ns();
    EXPECT_EQ(before + 1000000, now);
    before = now;
  }
  EXPECT_EQ(101, fault_strikes());
  fault_remove();
}

static void sleeps_last_at_least_as_long_as_asked(void) {
  uint64_t before = shl_os_now_ns();
  shl_os_sleep_ms(5);
  EXPECT_LE(before + 5000000, shl_os_now_ns());
  shl_os_sleep_ms(0);
}

static void signals_do_not_shorten_a_sleep(void) {
  struct sigaction action = {.sa_handler = count_tick}, kept;
  struct itimerval often = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
  struct itimerval never = {.it_value = {.tv_usec = 0}};
  ASSERT_EQ(0, sigaction(SIGALRM, &action, &kept));
  ticks = 0;
  uint64_t before = shl_os_now_ns();
  (void)setitimer(ITIMER_REAL, &often, NULL);
  while (ticks == 0) shl_os_sleep_ms(20);
  (void)setitimer(ITIMER_REAL, &never, NULL);
  EXPECT_LE(before + 20000000, shl_os_now_ns());
  ASSERT_EQ(0, sigaction(SIGALRM, &kept, NULL));
}

static void random_bytes_differ(void) {
  unsigned char first[16], second[16];
  shl_os_random(first, sizeof first);
  shl_os_random(second, sizeof second);
  EXPECT(memcmp(first, second, sizeof first) != 0);
}

static void exactly_the_wanted_bytes_are_written(void) {
  unsigned char bytes[64];
  for (unsigned count = 0; count <= 32; count++) {
    memset(bytes, 0xaa, sizeof bytes);
    shl_os_random(bytes + 8, count);
    for (unsigned i = 0; i < 8; i++) ASSERT(bytes[i] == 0xaa && bytes[8 + count + i] == 0xaa);
  }
}

static void without_a_source_identities_still_differ(void) {
  static const int codes[] = {ENOSYS, EAGAIN, EINTR};
  fault_install();
  for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    unsigned char first[16] = {0}, second[16] = {0}, none[16] = {0};
    bool sticky = codes[i] != EINTR;
    fault_arm(
        &(struct fault_plan){.call = FAULT_GETRANDOM, .at = 1, .sticky = sticky, .code = codes[i]});
    shl_os_random(first, sizeof first);
    shl_os_random(second, sizeof second);
    EXPECT(memcmp(first, second, sizeof first) != 0);
    EXPECT(memcmp(first, none, sizeof first) != 0);
  }
  fault_remove();
}

// Each call gives half of what is left: 8, 4, 2, 1, 1.
static void a_short_answer_is_asked_on(void) {
  unsigned char bytes[16];
  fault_install();
  fault_arm(&(struct fault_plan){
      .call = FAULT_GETRANDOM, .at = 1, .sticky = true, .code = FAULT_SHORT});
  shl_os_random(bytes, sizeof bytes);
  EXPECT_EQ(5, fault_calls_of(FAULT_GETRANDOM));
  fault_remove();
}

SUITE(clock, TEST(time_never_goes_back), TEST(a_clock_that_does_not_answer_lets_time_pass),
      TEST(sleeps_last_at_least_as_long_as_asked), TEST(signals_do_not_shorten_a_sleep),
      TEST(random_bytes_differ), TEST(exactly_the_wanted_bytes_are_written),
      TEST(without_a_source_identities_still_differ), TEST(a_short_answer_is_asked_on))
