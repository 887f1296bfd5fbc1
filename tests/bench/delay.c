/* A cable that takes its time, for link.py: frames between the devices "eth0" of two network namespaces, each given on
 * so many microseconds after it came. No frame is lost, and none overtakes another; the rate is tc's business.
 *
 *   delay NAMESPACE NAMESPACE MICROSECONDS
 *
 * The devices are taps, which this program makes and which end with it. They take segments of up to 64 KiB, as cards
 * that cut these into frames themselves do, so that the forwarding costs little of the processor. Needs root. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 512, FRAME_BYTES = 65536 + 128 };

typedef struct frame {
    int64_t due; /* nanoseconds of the monotonic clock */
    size_t bytes;
    char data[FRAME_BYTES];
} frame;

/* The frames that are under way in one direction: `count` of them from `first` on, in a ring. */
typedef struct way {
    int from, to, first, count, lost;
    frame frames[FRAMES];
} way;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int open_tap(const char *space)
{
    char path[256];
    struct ifreq request = {.ifr_name = "eth0"};
    snprintf(path, sizeof path, "/run/netns/%s", space);
    const int inside = open(path, O_RDONLY | O_CLOEXEC);
    if (inside < 0 || setns(inside, CLONE_NEWNET) != 0) fail(path);
    const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK); /* it belongs to the namespace that it is opened in */
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
    if (ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) fail("offload");
    close(inside);
    return tap;
}

static void take(way *w, int64_t delay)
{
    while (w->count < FRAMES) {
        frame *f = &w->frames[(w->first + w->count) % FRAMES];
        const ssize_t got = read(w->from, f->data, FRAME_BYTES);
        if (got <= 0) return;
        f->bytes = (size_t)got;
        f->due = now() + delay;
        w->count++;
    }
}

static void give(way *w)
{
    while (w->count > 0 && w->frames[w->first].due <= now()) {
        const frame *f = &w->frames[w->first];
        if (write(w->to, f->data, f->bytes) < 0) w->lost++; /* before the device is up; TCP sends it again */
        w->first = (w->first + 1) % FRAMES;
        w->count--;
    }
}

int main(int argc, char **argv)
{
    static way ways[2];
    if (argc != 4) {
        fprintf(stderr, "usage: %s NAMESPACE NAMESPACE MICROSECONDS\n", argv[0]);
        return 64;
    }
    /* ranks that wait keep the processors busy: a frame must not wait for the end of their slice */
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}) != 0) fail("priority");
    const int64_t delay = 1000 * strtoll(argv[3], NULL, 10);
    const int taps[2] = {open_tap(argv[1]), open_tap(argv[2])};
    for (int i = 0; i < 2; i++) {
        ways[i].from = taps[i];
        ways[i].to = taps[1 - i];
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd wait[2];
        int64_t next = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            wait[i] = (struct pollfd){.fd = taps[i], .events = ways[i].count < FRAMES ? POLLIN : 0};
            if (ways[i].count > 0 && ways[i].frames[ways[i].first].due < next) next = ways[i].frames[ways[i].first].due;
        }
        const int64_t left = next - now(), nanoseconds = left > 0 ? left : 0;
        const struct timespec until = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
        if (ppoll(wait, 2, next == INT64_MAX ? NULL : &until, NULL) < 0) fail("ppoll");
        for (int i = 0; i < 2; i++) {
            give(&ways[i]);
            take(&ways[i], delay);
        }
    }
}
