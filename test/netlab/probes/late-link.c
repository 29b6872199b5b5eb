/*
 * What link.c does when the machine gives it no time: its own functions, with a clock that the test
 * turns. Ends with 0 if the case that is named holds; else it says on stderr what does not.
 */
#define main link_main
#include "../link.c"
#undef main

#include <assert.h>

#define MS (SECOND / 1000)

/* 1,000 bytes take a millisecond. */
static struct direction line_of_8_mbit(void) {
  int nowhere = open("/dev/null", O_WRONLY);
  assert(nowhere >= 0);
  return (struct direction){
      .to = nowhere, .rate = 8e6, .queue_limit = 3000, .burst_length = 1, .random = 1};
}

static void arrive(struct direction *d, nanos at) {
  struct packet *p = take_spare();
  memset(p->bytes, 0, sizeof p->bytes);
  p->length = 1000;
  accept_packet(d, p, at);
}

/* The queue was full at the last look, and has been empty for long. */
static void fits(void) {
  struct direction d = line_of_8_mbit();
  for (int i = 0; i < 3; i++) arrive(&d, SECOND);
  arrive(&d, 2 * SECOND);
  assert(d.counters.queue_drops == 0);
  assert(d.queued_bytes == 1000);
  arrive(&d, 2 * SECOND);
  arrive(&d, 2 * SECOND);
  arrive(&d, 2 * SECOND);
  assert(d.counters.queue_drops == 1);
}

/* Nothing was sent before it came, whatever stood before it. */
static void not_early(void) {
  struct direction d = line_of_8_mbit();
  arrive(&d, SECOND);
  arrive(&d, 2 * SECOND);
  advance(&d, 2 * SECOND + MS - 1);
  assert(d.counters.packets == 1);
  advance(&d, 2 * SECOND + MS);
  assert(d.counters.packets == 2);
}

/* What had left when the delay became another takes the old one. */
static void settings(void) {
  struct direction d = line_of_8_mbit();
  nanos before = now() - SECOND;
  arrive(&d, before);
  arrive(&d, before);
  set(&d, "delayUs", 60e6);
  advance(&d, before + 2 * MS);
  assert(d.counters.packets == 2);
}

int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "fits")) return fits(), 0;
  if (count == 2 && !strcmp(words[1], "not-early")) return not_early(), 0;
  if (count == 2 && !strcmp(words[1], "settings")) return settings(), 0;
  (void)link_main;
  return 2;
}
