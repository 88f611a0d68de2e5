/* Makes system calls fail now and then in the ways in which a kernel may make them fail, and counts it.
 *
 * To be preloaded. FAULTS names the faults and how many of a thousand calls each is to hit: "recv=EINTR:200,wait=EINTR:50".
 * FAULT_SEED is where the random numbers start. At the end of the process a line says how often each has fired.
 *
 * What was asked for is not done when an error is given, with one exception: an accept that is aborted has taken the
 * connection from the queue, and closes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not errors of the system: a call that moves one byte, and a wait that ends with nothing. */
enum { SHORT = -1, NOTHING = -2 };

struct fault {
    char call[16];
    char name[16];
    int error;
    unsigned per_mille;
    atomic_ulong fired;
};

static struct fault faults[64];
static int known;
static atomic_ulong drawn;
static uint64_t seed;

static const struct {
    const char *name;
    int error;
} errors[] = {
    {"EINTR", EINTR},   {"EAGAIN", EAGAIN},   {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"ENOBUFS", ENOBUFS},
    {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},   {"EPROTO", EPROTO}, {"EPERM", EPERM},   {"ECONNABORTED", ECONNABORTED},
    {"SHORT", SHORT},   {"NOTHING", NOTHING},
};

__attribute__((constructor)) static void begin(void) {
    const char *start = getenv("FAULT_SEED"), *list = getenv("FAULTS");
    char copy[1024] = "", *rest = copy, *item;
    seed = start ? strtoull(start, NULL, 10) : 0;
    strncpy(copy, list ? list : "", sizeof copy - 1);
    while ((item = strsep(&rest, ",")) && *item) {
        struct fault *fault = &faults[known];
        if (sscanf(item, "%15[^=]=%15[^:]:%u", fault->call, fault->name, &fault->per_mille) != 3) {
            fprintf(stderr, "FAULTS: not understood: %s\n", item);
            abort();
        }
        for (size_t at = 0; at < sizeof errors / sizeof *errors; at++)
            if (!strcmp(fault->name, errors[at].name))
                fault->error = errors[at].error;
        if (!fault->error || ++known == sizeof faults / sizeof *faults) {
            fprintf(stderr, "FAULTS: unknown, or too many: %s\n", item);
            abort();
        }
    }
}

__attribute__((destructor)) static void end(void) {
    unsigned long all = 0;
    for (int at = 0; at < known; at++) {
        unsigned long fired = atomic_load(&faults[at].fired);
        fprintf(stderr, "fired %s=%s %lu\n", faults[at].call, faults[at].name, fired);
        all += fired;
    }
    fprintf(stderr, "fired %lu\n", all);
}

/* splitmix64 of a counter. */
static uint64_t draw(void) {
    uint64_t z = seed + (atomic_fetch_add_explicit(&drawn, 1, memory_order_relaxed) + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Which fault hits this call: its error, or 0. */
static int hit(const char *call) {
    for (int at = 0; at < known; at++)
        if (!strcmp(faults[at].call, call) && draw() % 1000 < faults[at].per_mille) {
            atomic_fetch_add(&faults[at].fired, 1);
            return faults[at].error;
        }
    return 0;
}

static int failed(int error) {
    errno = error;
    return -1;
}

/* The next definition of a function, looked up once. */
#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!real)                                                                                                         \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t recv(int fd, void *buffer, size_t size, int flags) {
    REAL(recv);
    int error = hit("recv");
    if (error > 0)
        return failed(error);
    return real(fd, buffer, error == SHORT && size > 1 ? 1 : size, flags);
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
    REAL(recvfrom);
    int error = hit("recv");
    if (error > 0)
        return failed(error);
    return real(fd, buffer, error == SHORT && size > 1 ? 1 : size, flags, from, length);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    REAL(recvmsg);
    int error = hit("recvmsg");
    return error > 0 ? failed(error) : real(fd, message, flags);
}

ssize_t send(int fd, const void *buffer, size_t size, int flags) {
    REAL(send);
    int error = hit("send");
    if (error > 0)
        return failed(error);
    return real(fd, buffer, error == SHORT && size > 1 ? 1 : size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    int error = hit("sendmsg");
    return error > 0 ? failed(error) : real(fd, message, flags);
}

int accept4(int fd, struct sockaddr *from, socklen_t *length, int flags) {
    REAL(accept4);
    int error = hit("accept");
    if (error == ECONNABORTED) {
        int accepted = real(fd, from, length, flags);
        if (accepted < 0)
            return accepted;
        close(accepted);
    }
    return error > 0 ? failed(error) : real(fd, from, length, flags);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int millis) {
    REAL(epoll_wait);
    int error = hit("wait");
    return error > 0 ? failed(error) : error == NOTHING ? 0 : real(epoll, events, most, millis);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event) {
    REAL(epoll_ctl);
    /* Linux has no use for memory but to add: "epoll_mod" is beyond what it does. */
    int error = what == EPOLL_CTL_ADD ? hit("epoll_add") : what == EPOLL_CTL_MOD ? hit("epoll_mod") : 0;
    return error > 0 ? failed(error) : real(epoll, what, fd, event);
}

int epoll_create1(int flags) {
    REAL(epoll_create1);
    int error = hit("epoll_create");
    return error > 0 ? failed(error) : real(flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    REAL(pthread_create);
    int error = hit("thread");
    return error > 0 ? error : real(thread, attributes, start, argument);
}

/* filch waits, and rustix makes eventfds, through here. The arguments of every call fit six words. */
long syscall(long number, ...) {
    static long (*real)(long, ...);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    int error = number == SYS_epoll_pwait2 ? hit("wait") : number == SYS_eventfd2 ? hit("eventfd") : 0;
    if (error)
        return error > 0 ? failed(error) : 0;
    return real(number, a, b, c, d, e, f);
}
