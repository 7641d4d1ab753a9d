/*
 * A library to be preloaded: it counts the syncs and the renames of a process below a directory, and makes one of them
 * fail, or all from one on. Deno, its SQLite and its FFI call them by libc, so one process can try each call in a loop.
 *
 * The file that PRELOAD_CONTROL names is mapped: five numbers of 8 bytes. The directory is PRELOAD_PREFIX.
 *
 * A sync that does not fail does nothing: what a crash leaves is tried elsewhere.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { SYNC = 1, RENAME = 2 };

static struct {
  int64_t kind;  /* the calls that count, 0 for none */
  int64_t at;    /* the first that fails, 0 for none */
  int64_t times; /* how many fail */
  int64_t error; /* the errno */
  _Atomic int64_t count;
} *control;
static const char *prefix;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("PRELOAD_CONTROL");
  prefix = getenv("PRELOAD_PREFIX");
  int fd = path && prefix ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

static int is_below(const char *path) {
  size_t size = strlen(prefix);
  return !strncmp(path, prefix, size) && (path[size] == '/' || path[size] == 0);
}

/* Whether a call on a path fails; errno is then set. */
static int fails(enum kind kind, const char *path) {
  if (!control || control->kind != kind || !is_below(path)) return 0;
  int64_t number = atomic_fetch_add(&control->count, 1) + 1;
  if (control->at == 0 || number < control->at || number >= control->at + control->times) return 0;
  errno = control->error;
  return 1;
}

/* Whether a sync is answered here, with `*result`. */
static int answers(int fd, int *result) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (!control || size < 0) return 0;
  path[size] = 0;
  *result = fails(SYNC, path) ? -1 : 0;
  return is_below(path);
}

int fsync(int fd) {
  int result;
  return answers(fd, &result) ? result : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  int result;
  return answers(fd, &result) ? result : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd) {
  int result;
  return answers(fd, &result) ? result : (int)syscall(SYS_syncfs, fd);
}

/* An absolute path of a name, as far as the prefix needs it. */
static const char *absolute(int directory, const char *name, char *to) {
  if (name[0] == '/') return name;
  char link[64];
  if (directory == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
  ssize_t size = readlink(link, to, PATH_MAX - 1);
  to[size < 0 ? 0 : size] = 0;
  return to;
}

int renameat2(int from, const char *old, int into, const char *new, unsigned flags) {
  char path[PATH_MAX];
  if (fails(RENAME, absolute(into, new, path))) return -1;
  return syscall(SYS_renameat2, from, old, into, new, flags);
}

int renameat(int from, const char *old, int into, const char *new) {
  return renameat2(from, old, into, new, 0);
}

int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

/* Who opens libc by name gets this library: it has the functions above, and libc's by its dependency. */
void *dlopen(const char *name, int flags) {
  static void *(*real)(const char *, int);
  if (!real) real = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  Dl_info own;
  if (name && !strcmp(name, "libc.so.6") && dladdr(&prefix, &own)) return real(own.dli_fname, flags);
  return real(name, flags);
}
