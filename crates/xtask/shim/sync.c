/* A library for LD_PRELOAD that watches and delays syncs.
 *
 * SYNC_SHIM_DELAY_US  microseconds added to every fsync and fdatasync (what a disk with a real flush costs)
 * SYNC_SHIM_LOG       a file that gets one line per call, in the order in which the calls ended:
 *                       W <fd>       a write to a regular file, standard output and error excepted
 *                       S <fd>       a sync of a regular file
 *                       A            an HTTP answer "200" was about to be handed to a socket
 *                     The line of an answer is written before the call, those of writes and syncs after it, so a
 *                     sync that stands before an answer was finished before the answer could leave.
 * SYNC_SHIM_PATHS     when set, the path of the file follows <fd>
 * SYNC_SHIM_FULL      a path: while a file is there, writes to regular files fail with ENOSPC, as on a full disk
 * SYNC_SHIM_COUNT     a file that holds the number of syncs so far as text, rewritten at most every 64 syncs and at exit
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1;
static int count_fd = -1;
static int with_paths = 0;
static long delay_us = 0;
static const char *full_path = NULL;
static atomic_long syncs = 0;

static void raw_write(int fd, const char *text, size_t length) {
    long ignored = syscall(SYS_write, fd, text, length);
    (void)ignored;
}

static void write_count(void) {
    if (count_fd < 0) return;
    char text[32];
    int length = snprintf(text, sizeof text, "%-20ld\n", atomic_load(&syncs));
    long ignored = syscall(SYS_pwrite64, count_fd, text, (size_t)length, 0L);
    (void)ignored;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SYNC_SHIM_LOG");
    if (path) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    path = getenv("SYNC_SHIM_COUNT");
    if (path) count_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    with_paths = getenv("SYNC_SHIM_PATHS") != NULL;
    full_path = getenv("SYNC_SHIM_FULL");
    const char *delay = getenv("SYNC_SHIM_DELAY_US");
    if (delay) delay_us = atol(delay);
}

__attribute__((destructor)) static void end(void) { write_count(); }

static void note(char kind, int fd) {
    if (log_fd < 0) return;
    char line[600], link[40], path[512] = "";
    if (with_paths && kind != 'A') {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        path[0] = ' ';
        ssize_t read = readlink(link, path + 1, sizeof path - 2);
        path[read < 0 ? 0 : read + 1] = '\0';
    }
    int length = kind == 'A' ? snprintf(line, sizeof line, "A\n") : snprintf(line, sizeof line, "%c %d%s\n", kind, fd, path);
    raw_write(log_fd, line, (size_t)length);
}

static int is_regular(int fd) {
    struct stat status;
    return fd != log_fd && fd != count_fd && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static int disk_is_full(int fd) {
    if (!full_path || !is_regular(fd) || syscall(SYS_access, full_path, F_OK) != 0) return 0;
    errno = ENOSPC;
    return 1;
}

static int is_answer(const void *bytes, size_t length) {
    return length >= 12 && memcmp(bytes, "HTTP/1.1 200", 12) == 0;
}

#define REAL(name, type)                                \
    static type real = NULL;                            \
    if (!real) real = (type)dlsym(RTLD_NEXT, name);

typedef int (*sync_fn)(int);
typedef ssize_t (*write_fn)(int, const void *, size_t);
typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef ssize_t (*writev_fn)(int, const struct iovec *, int);
typedef ssize_t (*send_fn)(int, const void *, size_t, int);
typedef ssize_t (*sendmsg_fn)(int, const struct msghdr *, int);

static void after_sync(int fd) {
    if (delay_us > 0) {
        struct timespec wait = {delay_us / 1000000, (delay_us % 1000000) * 1000};
        nanosleep(&wait, NULL);
    }
    if (atomic_fetch_add(&syncs, 1) % 64 == 0) write_count();
    note('S', fd);
}

int fsync(int fd) {
    REAL("fsync", sync_fn)
    int result = real(fd);
    if (result == 0) after_sync(fd);
    return result;
}

int fdatasync(int fd) {
    REAL("fdatasync", sync_fn)
    int result = real(fd);
    if (result == 0) after_sync(fd);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL("write", write_fn)
    if (log_fd >= 0 && is_answer(bytes, length)) note('A', fd);
    if (disk_is_full(fd)) return -1;
    ssize_t result = real(fd, bytes, length);
    if (log_fd >= 0 && fd > 2 && is_regular(fd)) note('W', fd);
    return result;
}

static ssize_t logged_pwrite(const char *name, int fd, const void *bytes, size_t length, off_t at) {
    pwrite_fn real = (pwrite_fn)dlsym(RTLD_NEXT, name);
    if (disk_is_full(fd)) return -1;
    ssize_t result = real(fd, bytes, length, at);
    if (log_fd >= 0 && fd > 2 && is_regular(fd)) note('W', fd);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return logged_pwrite("pwrite", fd, bytes, length, at); }

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    return logged_pwrite("pwrite64", fd, bytes, length, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", writev_fn)
    if (log_fd >= 0 && count > 0 && is_answer(parts[0].iov_base, parts[0].iov_len)) note('A', fd);
    if (disk_is_full(fd)) return -1;
    ssize_t result = real(fd, parts, count);
    if (log_fd >= 0 && fd > 2 && is_regular(fd)) note('W', fd);
    return result;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    REAL("send", send_fn)
    if (log_fd >= 0 && is_answer(bytes, length)) note('A', fd);
    return real(fd, bytes, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL("sendmsg", sendmsg_fn)
    if (log_fd >= 0 && message->msg_iovlen > 0 && is_answer(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len))
        note('A', fd);
    return real(fd, message, flags);
}
