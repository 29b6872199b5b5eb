/*
 * One network link, in user space: a TUN interface in each of two network namespaces, and between
 * them delay, jitter, rate, a drop-tail queue, random and bursty loss, in each direction apart.
 * The kernels that the lab runs on have no netem.
 *
 *   link NAMESPACE-A INTERFACE-A NAMESPACE-B INTERFACE-B SEED
 *
 * A packet goes through three stations: a queue (bounded in bytes, full means lost), a transmitter
 * (one packet at a time, at the rate), and the wire (delay and jitter; a loss happens here, so a
 * lost packet has used the link's capacity, as on radio). Settings change while packets are in any
 * of them: a new rate applies to what is left of the packet being sent.
 *
 * Lines on stdin; each is answered by one line on stdout. Ends with stdin.
 *   set 0|1 name=value …   0 is from A to B; "ok", or "no: " and what was not understood
 *   stats                  counters of both directions, as JSON
 *
 * Burst loss is the Gilbert-Elliott model: in the bad state every packet is lost; the state changes
 * per packet, so that the share of lost packets is `burst` and a burst is `length` packets on
 * average. Jitter is uniform in [0, jitter] on top of the delay, and without `reorder` no packet
 * overtakes another. It does not fragment, duplicate or corrupt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef int64_t nanos;
#define NEVER INT64_MAX
#define SECOND 1000000000LL

/* An MTU of 1500 with room to spare; nothing larger comes out of an interface with offloads off. */
#define PACKET_BYTES 2048
/* Packets read from one side before the other has its turn: 0.2 ms at 1 Gbit/s and full size. */
#define BATCH 16
/*
 * Under load it wakes so often and no more: a wake for each packet and each delivery cost a fifth of
 * a core per 50 Mbit/s, which two cores need for the programs at both ends. What is due leaves up to
 * this much late; the stations keep their own, exact time.
 */
#define TICK (SECOND / 4000)
/* Of stdin, while it ticks: 4 ms. */
#define TICKS_PER_COMMAND 16
/* A line that sets everything takes some 150 characters. */
#define LINE_BYTES 1024

struct packet {
  struct packet *next, *previous;
  nanos due;
  int length;
  uint8_t bytes[PACKET_BYTES];
};

struct list {
  struct packet *first, *last;
};

struct counters {
  uint64_t packets, bytes, queue_drops, random_drops, burst_drops, cut_drops;
  uint64_t queue_max;
};

struct direction {
  int from, to; /* TUN file descriptors */
  /* Settings. */
  nanos delay, jitter;
  double rate; /* bits per second; 0: as fast as the machine */
  uint64_t queue_limit;
  double loss, burst, burst_length;
  int may_reorder, is_cut;
  /* State. */
  struct list queue, wire;
  uint64_t queued_bytes;
  nanos sent_at; /* when the transmitter is done with the queue's first packet */
  nanos last_due;
  int is_bad;
  uint64_t random;
  struct counters counters;
};

static struct packet *spare;

static nanos now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * SECOND + t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* splitmix64: every seed gives a good sequence. */
static double draw(struct direction *d) {
  uint64_t z = (d->random += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static struct packet *take_spare(void) {
  struct packet *p = spare;
  if (p == NULL) {
    p = malloc(sizeof *p);
    if (p == NULL) fail("memory");
  } else {
    spare = p->next;
  }
  return p;
}

static void give_back(struct packet *p) {
  p->next = spare;
  spare = p;
}

/* Behind every packet that is due earlier or at the same time; mostly that is the end. */
static void insert(struct list *list, struct packet *p) {
  struct packet *before = list->last;
  while (before != NULL && before->due > p->due) before = before->previous;
  p->previous = before;
  p->next = before == NULL ? list->first : before->next;
  *(p->next == NULL ? &list->last : &p->next->previous) = p;
  *(before == NULL ? &list->first : &before->next) = p;
}

static struct packet *take_first(struct list *list) {
  struct packet *p = list->first;
  list->first = p->next;
  *(list->first == NULL ? &list->last : &list->first->previous) = NULL;
  return p;
}

static nanos time_to_send(const struct direction *d, int length) {
  return d->rate == 0 ? 0 : (nanos)(length * 8.0 * SECOND / d->rate);
}

static int is_lost(struct direction *d) {
  if (d->burst > 0) {
    double leave = 1 / d->burst_length;
    double enter = leave * d->burst / (1 - d->burst);
    d->is_bad = d->is_bad ? draw(d) >= leave : draw(d) < enter;
    if (d->is_bad) return d->counters.burst_drops++, 1;
  }
  if (d->loss > 0 && draw(d) < d->loss) return d->counters.random_drops++, 1;
  return 0;
}

static void put_on_wire(struct direction *d, struct packet *p, nanos at) {
  if (d->is_cut) {
    d->counters.cut_drops++;
    return give_back(p);
  }
  if (is_lost(d)) return give_back(p);
  p->due = at + d->delay + (nanos)(d->jitter == 0 ? 0 : draw(d) * (double)d->jitter);
  if (!d->may_reorder && p->due < d->last_due) p->due = d->last_due;
  if (p->due > d->last_due) d->last_due = p->due;
  insert(&d->wire, p);
}

/* What the transmitter has sent by then: it did not wait for this program to look. */
static void transmit(struct direction *d, nanos at) {
  while (d->queue.first != NULL && d->sent_at <= at) {
    struct packet *p = take_first(&d->queue);
    d->queued_bytes -= (uint64_t)p->length;
    put_on_wire(d, p, d->sent_at);
    if (d->queue.first != NULL) d->sent_at += time_to_send(d, d->queue.first->length);
  }
}

static void accept_packet(struct direction *d, struct packet *p, nanos at) {
  transmit(d, at);
  if (d->rate == 0 && d->queue.first == NULL) return put_on_wire(d, p, at);
  if (d->queued_bytes + (uint64_t)p->length > d->queue_limit) {
    d->counters.queue_drops++;
    return give_back(p);
  }
  if (d->queue.first == NULL) d->sent_at = at + time_to_send(d, p->length);
  p->due = at; /* arrival order */
  insert(&d->queue, p);
  d->queued_bytes += (uint64_t)p->length;
  if (d->queued_bytes > d->counters.queue_max) d->counters.queue_max = d->queued_bytes;
}

static void deliver(struct direction *d, struct packet *p) {
  /* An interface that is down refuses; then the packet is lost, as anywhere. */
  if (write(d->to, p->bytes, (size_t)p->length) == p->length) {
    d->counters.packets++;
    d->counters.bytes += (uint64_t)p->length;
  } else {
    d->counters.cut_drops++;
  }
  give_back(p);
}

/* Does what is due; returns when there is more to do. */
static nanos advance(struct direction *d, nanos at) {
  transmit(d, at);
  while (d->wire.first != NULL && d->wire.first->due <= at) deliver(d, take_first(&d->wire));
  nanos next = d->queue.first == NULL ? NEVER : d->sent_at;
  return d->wire.first != NULL && d->wire.first->due < next ? d->wire.first->due : next;
}

/* Whether there may be more. */
static int receive(struct direction *d) {
  for (int i = 0; i < BATCH; i++) {
    struct packet *p = take_spare();
    ssize_t length = read(d->from, p->bytes, PACKET_BYTES);
    if (length <= 0) {
      give_back(p);
      return 0;
    }
    p->length = (int)length;
    accept_packet(d, p, now());
  }
  return 1;
}

static void sleep_until(nanos at) {
  struct timespec when = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void set_rate(struct direction *d, double rate, nanos at) {
  if (d->queue.first != NULL) {
    double left = d->sent_at > at ? (double)(d->sent_at - at) : 0;
    d->sent_at = at + (nanos)(rate == 0 ? 0 : d->rate == 0 ? left : left * d->rate / rate);
  }
  d->rate = rate;
}

/* A cable that is pulled loses what is on it. */
static void cut(struct direction *d) {
  d->is_cut = 1;
  while (d->wire.first != NULL) {
    give_back(take_first(&d->wire));
    d->counters.cut_drops++;
  }
}

static int set(struct direction *d, const char *name, double value) {
  if (value < 0) return 0;
  /* What has left, has left as it was before. */
  transmit(d, now());
  if (!strcmp(name, "delayUs")) d->delay = (nanos)(value * 1000);
  else if (!strcmp(name, "jitterUs")) d->jitter = (nanos)(value * 1000);
  else if (!strcmp(name, "rate")) set_rate(d, value, now());
  else if (!strcmp(name, "queueBytes")) d->queue_limit = (uint64_t)value;
  else if (!strcmp(name, "loss") && value <= 1) d->loss = value;
  else if (!strcmp(name, "burst") && value < 1) d->burst = value, d->is_bad = 0;
  else if (!strcmp(name, "burstLength") && value >= 1) d->burst_length = value;
  else if (!strcmp(name, "reorder")) d->may_reorder = value != 0;
  else if (!strcmp(name, "cut") && value != 0) cut(d);
  else if (!strcmp(name, "cut")) d->is_cut = 0;
  else return 0;
  return 1;
}

static void tell(const struct direction *d) {
  const struct counters *c = &d->counters;
  printf("{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"queueDrops\":%" PRIu64
         ",\"randomDrops\":%" PRIu64 ",\"burstDrops\":%" PRIu64 ",\"cutDrops\":%" PRIu64
         ",\"queueMaxBytes\":%" PRIu64 ",\"queuedBytes\":%" PRIu64 "}",
         c->packets, c->bytes, c->queue_drops, c->random_drops, c->burst_drops, c->cut_drops,
         c->queue_max, d->queued_bytes);
}

static void obey(struct direction *directions, char *line) {
  char *rest = line;
  const char *verb = strsep(&rest, " ");
  if (!strcmp(verb, "stats")) {
    printf("[");
    tell(&directions[0]);
    printf(",");
    tell(&directions[1]);
    printf("]\n");
    return;
  }
  const char *which = strsep(&rest, " ");
  if (strcmp(verb, "set") || which == NULL || (strcmp(which, "0") && strcmp(which, "1"))) {
    printf("no: %s\n", verb);
    return;
  }
  for (char *word; (word = strsep(&rest, " ")) != NULL;) {
    char name[32];
    double value;
    if (sscanf(word, "%31[a-zA-Z]=%lf", name, &value) != 2 ||
        !set(&directions[*which - '0'], name, value)) {
      printf("no: %s\n", word);
      return;
    }
  }
  printf("ok\n");
}

/* Obeys every whole line that has come. */
static void listen_to_stdin(struct direction *directions) {
  static char line[LINE_BYTES];
  static size_t filled = 0;
  ssize_t length = read(0, line + filled, sizeof line - filled);
  if (length == 0) exit(0);
  if (length < 0) return;
  filled += (size_t)length;
  for (char *end; (end = memchr(line, '\n', filled)) != NULL;) {
    *end = 0;
    size_t used = (size_t)(end - line) + 1;
    obey(directions, line);
    memmove(line, line + used, filled -= used);
  }
  if (filled == sizeof line) exit(1);
  fflush(stdout);
}

static int open_tun(const char *namespace, const char *interface) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int ns = open(path, O_RDONLY | O_CLOEXEC);
  if (ns < 0) fail(path);
  if (setns(ns, CLONE_NEWNET) < 0) fail("setns");
  close(ns);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) < 0) fail(interface);
  return fd;
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll");
}

/* Blocks until something arrives, is due, or is asked for. @returns what the timer still waits for */
static nanos wait_for_any(int epoll, int timer, struct direction *d, nanos armed) {
  struct epoll_event events[4];
  int ready = epoll_wait(epoll, events, 4, -1);
  for (int i = 0; i < ready; i++) {
    uint64_t expirations;
    if (events[i].data.fd == 0) listen_to_stdin(d);
    if (events[i].data.fd == timer && read(timer, &expirations, sizeof expirations) > 0) armed = NEVER;
  }
  return armed;
}

int main(int count, char **words) {
  if (count != 6) {
    fprintf(stderr, "usage: link NAMESPACE-A INTERFACE-A NAMESPACE-B INTERFACE-B SEED\n");
    return 2;
  }
  int b = open_tun(words[3], words[4]);
  int a = open_tun(words[1], words[2]);
  uint64_t seed = strtoull(words[5], NULL, 10);
  struct direction d[2] = {
      {.from = a, .to = b, .queue_limit = UINT64_MAX, .burst_length = 1, .random = seed},
      {.from = b, .to = a, .queue_limit = UINT64_MAX, .burst_length = 1, .random = ~seed},
  };
  /* Timing is what this program is for; it needs little, so nobody misses it. */
  setpriority(PRIO_PROCESS, 0, -15);
  prctl(PR_SET_TIMERSLACK, 1);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int epoll = epoll_create1(0);
  if (timer < 0 || epoll < 0) fail("timer");
  fcntl(0, F_SETFL, O_NONBLOCK);
  watch(epoll, 0);
  watch(epoll, a);
  watch(epoll, b);
  watch(epoll, timer);
  printf("ready\n");
  fflush(stdout);
  nanos armed = NEVER;
  for (unsigned ticks = 0;; ticks++) {
    if (ticks == 0) armed = wait_for_any(epoll, timer, d, armed);
    else if (ticks % TICKS_PER_COMMAND == 0) listen_to_stdin(d);
    int is_more = receive(&d[0]) | receive(&d[1]);
    nanos at = now();
    nanos first = advance(&d[0], at), second = advance(&d[1], at);
    nanos next = first < second ? first : second;
    if (is_more) continue;
    if (next < at + TICK) {
      sleep_until(at + TICK);
      continue;
    }
    ticks = UINT_MAX;
    if (next == armed) continue;
    /* All zero disarms. */
    nanos when = next == NEVER ? 0 : next;
    struct itimerspec alarm = {.it_value = {.tv_sec = when / SECOND, .tv_nsec = when % SECOND}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL);
    armed = next;
  }
}
