/*
 * Runs a command, sees each call of its whole process tree that changes something on the disk, and kills the tree
 * before the N-th call, or makes the N-th call fail. Seccomp notifications need no change to the command: they also
 * see threads, children, static binaries and calls by FFI.
 *
 *     supervisor [-p PREFIX]... [-a] [-l LOG] [-k N | -e ERRNO -n FIRST -t TIMES | [-x N] -r COMMAND] -- COMMAND...
 *
 * -p  count only calls with a path below this one; calls that mount count always
 * -a  also count locks and the opening of files to read them
 * -l  write one line per call: number, name, paths, separated by tabs
 * -k  kill the tree before this call; the exit code is then 137
 * -e  answer this errno to those of so many calls that the kernel can answer it to
 * -r  run a shell command before each call, with the number of the call, then go on
 * -x  run it before this call only
 *
 * Calls that sync are carried out here, one at a time: so a line about a sync stands where the sync was complete.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Where the paths of a call stand in its arguments. */
enum form {
  FD,    /* a descriptor in the first argument */
  OUT,   /* a descriptor in the third argument */
  PATH,  /* a path in the first argument */
  PATH2, /* a path in each of the first two arguments */
  AT,    /* a directory and a path */
  AT2,   /* a directory and a path, twice */
  LINKS, /* a text, a directory and a path */
  LINK,  /* a text and a path */
};

/* Which calls of this number count. */
enum rule { ALWAYS, WRITES, CREATES, LOCK, MOUNT, SYNC };

static const struct call {
  int nr;
  const char *name;
  enum form form;
  enum rule rule;
} CALLS[] = {
#ifdef __NR_open
    {__NR_open, "open", PATH, CREATES},
    {__NR_creat, "open", PATH, ALWAYS},
    {__NR_rename, "rename", PATH2, ALWAYS},
    {__NR_link, "link", PATH2, ALWAYS},
    {__NR_symlink, "symlink", LINK, ALWAYS},
    {__NR_unlink, "unlink", PATH, ALWAYS},
    {__NR_rmdir, "rmdir", PATH, ALWAYS},
    {__NR_mkdir, "mkdir", PATH, ALWAYS},
    {__NR_mknod, "mknod", PATH, ALWAYS},
    {__NR_chmod, "chmod", PATH, ALWAYS},
    {__NR_chown, "chown", PATH, ALWAYS},
    {__NR_lchown, "chown", PATH, ALWAYS},
    {__NR_renameat, "rename", AT2, ALWAYS},
#endif
    {__NR_openat, "open", AT, CREATES},
    {__NR_openat2, "open", AT, WRITES},
    {__NR_write, "write", FD, ALWAYS},
    {__NR_writev, "write", FD, ALWAYS},
    {__NR_pwrite64, "write", FD, ALWAYS},
    {__NR_pwritev, "write", FD, ALWAYS},
    {__NR_pwritev2, "write", FD, ALWAYS},
    {__NR_ftruncate, "truncate", FD, ALWAYS},
    {__NR_truncate, "truncate", PATH, ALWAYS},
    {__NR_fallocate, "fallocate", FD, ALWAYS},
    {__NR_fsync, "sync", FD, SYNC},
    {__NR_fdatasync, "sync", FD, SYNC},
    {__NR_syncfs, "syncfs", FD, SYNC},
    {__NR_renameat2, "rename", AT2, ALWAYS},
    {__NR_linkat, "link", AT2, ALWAYS},
    {__NR_symlinkat, "symlink", LINKS, ALWAYS},
    {__NR_unlinkat, "unlink", AT, ALWAYS},
    {__NR_mkdirat, "mkdir", AT, ALWAYS},
    {__NR_mknodat, "mknod", AT, ALWAYS},
    {__NR_fchmod, "chmod", FD, ALWAYS},
    {__NR_fchmodat, "chmod", AT, ALWAYS},
    {__NR_fchown, "chown", FD, ALWAYS},
    {__NR_fchownat, "chown", AT, ALWAYS},
    {__NR_utimensat, "utime", AT, ALWAYS},
    {__NR_setxattr, "setxattr", PATH, ALWAYS},
    {__NR_lsetxattr, "setxattr", PATH, ALWAYS},
    {__NR_fsetxattr, "setxattr", FD, ALWAYS},
    {__NR_removexattr, "setxattr", PATH, ALWAYS},
    {__NR_lremovexattr, "setxattr", PATH, ALWAYS},
    {__NR_fremovexattr, "setxattr", FD, ALWAYS},
    {__NR_copy_file_range, "copy", OUT, ALWAYS},
    {__NR_flock, "lock", FD, LOCK},
    {__NR_fcntl, "lock", FD, LOCK},
    {__NR_mount, "mount", PATH2, MOUNT},
    {__NR_umount2, "umount", PATH, MOUNT},
    {__NR_fsmount, "fsmount", FD, MOUNT},
    {__NR_move_mount, "move_mount", AT2, MOUNT},
};
#define COUNT (sizeof CALLS / sizeof *CALLS)

static const char *prefixes[16];
static int prefix_count, everything, listener;
static FILE *log_file;
static char own_namespace[64];

static void fail(const char *what) {
  fprintf(stderr, "supervisor: %s: %s\n", what, strerror(errno));
  _exit(125);
}

/* ---- the filter, in the child ---- */

static struct sock_filter code[1024];
static int length;

static void add(unsigned short op, unsigned k, unsigned char yes, unsigned char no) {
  code[length++] = (struct sock_filter){op, yes, no, k};
}

static void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }

#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define RETURN(what) add(BPF_RET | BPF_K, what, 0, 0)

static void build_filter(void) {
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
  RETURN(SECCOMP_RET_ALLOW);
  load(offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < COUNT; i++) {
    const struct call *call = &CALLS[i];
    if (call->rule == LOCK && !everything) continue;
    int jump = length;
    add(BPF_JMP | BPF_JEQ | BPF_K, call->nr, 0, 0);
    if (call->rule == CREATES && !everything) {
      load(ARGUMENT(call->form == AT ? 2 : 1));
      add(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 1, 0);
      RETURN(SECCOMP_RET_ALLOW);
    } else if (call->nr == __NR_fcntl) {
      load(ARGUMENT(1));
      add(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 1, 0);
      RETURN(SECCOMP_RET_ALLOW);
    }
    RETURN(SECCOMP_RET_USER_NOTIF);
    code[jump].jf = length - jump - 1;
  }
  RETURN(SECCOMP_RET_ALLOW);
}

static int install_filter(void) {
  struct sock_fprog program = {length, code};
  if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* A call that was seen must not be seen again because of a signal. */
  int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (fd < 0) fail("seccomp");
  return fd;
}

/* ---- paths of a call ---- */

static int read_text(pid_t pid, unsigned long from, char *to, size_t size) {
  size_t at = 0;
  while (at < size - 1) {
    size_t piece = 4096 - ((from + at) & 4095);
    if (piece > size - 1 - at) piece = size - 1 - at;
    struct iovec here = {to + at, piece}, there = {(void *)(from + at), piece};
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (got <= 0) return 0;
    if (memchr(to + at, 0, got)) return 1;
    at += got;
  }
  to[at] = 0;
  return 1;
}

static void link_text(pid_t pid, const char *what, int fd, char *to) {
  char path[64];
  if (fd >= 0) snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  else snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
  ssize_t size = readlink(path, to, PATH_MAX - 1);
  to[size < 0 ? 0 : size] = 0;
}

static void resolve(pid_t pid, int directory, unsigned long name, char *to) {
  char text[PATH_MAX], base[PATH_MAX];
  to[0] = 0;
  if (name == 0 && directory != AT_FDCWD) return link_text(pid, "", directory, to);
  if (!read_text(pid, name, text, sizeof text)) return;
  /* A path by way of an open descriptor. */
  int fd = -1, used = 0;
  if (sscanf(text, "/proc/self/fd/%d%n", &fd, &used) == 1 && used > 0) {
    link_text(pid, "", fd, base);
    memmove(text, text + used + (text[used] == '/'), strlen(text + used + (text[used] == '/')) + 1);
  } else if (text[0] == '/') base[0] = 0;
  else if (directory == AT_FDCWD) link_text(pid, "cwd", -1, base);
  else link_text(pid, "", directory, base);
  if (text[0] == 0) snprintf(to, PATH_MAX, "%s", base);
  else snprintf(to, PATH_MAX, text[0] == '/' ? "%.0s%s" : strcmp(text, ".") ? "%s/%s" : "%s", base, text);
}

static char first[PATH_MAX], second[PATH_MAX];

static void find_paths(const struct call *call, pid_t pid, const __u64 *a) {
  first[0] = second[0] = 0;
  switch (call->form) {
  case FD: return link_text(pid, "", a[0], first);
  case OUT: return link_text(pid, "", a[2], first);
  case PATH: return resolve(pid, AT_FDCWD, a[0], first);
  case AT: return resolve(pid, a[0], a[1], first);
  case LINK: return resolve(pid, AT_FDCWD, a[1], first);
  case LINKS: return resolve(pid, a[1], a[2], first);
  case PATH2:
    resolve(pid, AT_FDCWD, a[0], first);
    return resolve(pid, AT_FDCWD, a[1], second);
  case AT2:
    resolve(pid, a[0], a[1], first);
    return resolve(pid, a[2], a[3], second);
  }
}

static int is_below(const char *path) {
  for (int i = 0; i < prefix_count; i++) {
    size_t size = strlen(prefixes[i]);
    if (!strncmp(path, prefixes[i], size) && (path[size] == 0 || path[size] == '/')) return 1;
  }
  return 0;
}

/* Whether a call opens a file only to read it. */
static int opens_to_read(const struct call *call, pid_t pid, const __u64 *a) {
  __u64 flags = O_WRONLY;
  if (call->rule == CREATES) flags = a[call->form == AT ? 2 : 1];
  else if (call->rule == WRITES) {
    struct iovec here = {&flags, 8}, there = {(void *)a[2], 8};
    process_vm_readv(pid, &here, 1, &there, 1, 0);
  }
  return !(flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC));
}

/* Whether the kernel can answer this error to a call. */
static int suits(const struct call *call, int reads, int error) {
  switch (error) {
  case EINTR: return 1;
  case ENOLCK: return call->rule == LOCK;
  case EMFILE: return call->rule == CREATES || call->rule == WRITES;
  case EIO: return call->rule != LOCK;
  default: return call->rule != LOCK && call->rule != MOUNT && !reads;
  }
}

static int counts(const struct call *call, pid_t pid, const __u64 *a, int reads) {
  if (reads && !everything) return 0;
  find_paths(call, pid, a);
  if (call->rule == MOUNT) { /* what a container mounts inside of it is its own affair */
    char namespace[PATH_MAX];
    link_text(pid, "ns/mnt", -1, namespace);
    return !strcmp(namespace, own_namespace);
  }
  return prefix_count == 0 || is_below(first) || is_below(second);
}

static void write_escaped(const char *text) {
  for (; *text; text++) {
    if (*text == '\t' || *text == '\n' || *text == '\\') fprintf(log_file, "\\x%02x", *text);
    else fputc(*text, log_file);
  }
}

static void note(long number, const char *name) {
  if (!log_file) return;
  fprintf(log_file, "%ld\t%s\t", number, name);
  write_escaped(first);
  if (second[0]) fputc('\t', log_file), write_escaped(second);
  fputc('\n', log_file);
}

/* ---- the end of a tree ---- */

/* Kills all descendants, deepest last: the kernel gives orphans to this process. */
static void kill_below(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks) return;
  for (struct dirent *entry; (entry = readdir(tasks));) {
    char file[PATH_MAX];
    snprintf(file, sizeof file, "/proc/%d/task/%.20s/children", pid, entry->d_name);
    FILE *children = fopen(file, "r");
    for (int child; children && fscanf(children, "%d", &child) == 1;) {
      kill(child, SIGKILL);
      kill_below(child);
    }
    if (children) fclose(children);
  }
  closedir(tasks);
}

/* Ends when no process of the tree is left. */
static void end_tree(void) {
  for (;;) {
    kill_below(getpid());
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid == 0) usleep(500);
  }
}

/* A sync that is carried out here; 0 when it cannot be. */
static int sync_here(const struct call *call, pid_t pid, int fd, int *error) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  int own = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (own < 0) return 0;
  int failed = call->nr == __NR_syncfs ? syncfs(own) : call->nr == __NR_fsync ? fsync(own) : fdatasync(own);
  *error = failed ? -errno : 0;
  close(own);
  return 1;
}

/* ---- main ---- */

static long kill_at, fail_first, fail_times = 1, hook_at, number;
static int fail_errno;
static const char *hook;

static const struct call *call_of(int nr) {
  for (size_t i = 0; i < COUNT; i++)
    if (CALLS[i].nr == nr) return &CALLS[i];
  return NULL;
}

static void unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_hook(void) {
  char text[32];
  snprintf(text, sizeof text, "%ld", number);
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    unblock_signals();
    execl("/bin/sh", "sh", "-c", hook, "sh", text, NULL);
    _exit(127);
  }
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR);
}

/* Answers one call. Gives 1 when the tree was killed. */
static int answer(void) {
  struct seccomp_notif request = {0};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) return 0;
  struct seccomp_notif_resp response = {.id = request.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  const struct call *call = call_of(request.data.nr);
  int killed = 0;
  int reads = call && opens_to_read(call, request.pid, request.data.args);
  if (call && counts(call, request.pid, request.data.args, reads)) {
    note(++number, reads ? "read" : call->name);
    if (hook && (hook_at == 0 || number == hook_at)) run_hook();
    if (number == kill_at) {
      /* Going on would let the call happen. The error is for a thread that the kill has not reached yet. */
      response.flags = 0;
      response.error = -EIO;
      killed = 1;
      kill_below(getpid());
    } else if (fail_errno && number >= fail_first && number < fail_first + fail_times &&
               suits(call, reads, fail_errno)) {
      response.flags = 0;
      response.error = -fail_errno;
    } else if (call->rule == SYNC && sync_here(call, request.pid, request.data.args[0], &response.error)) {
      response.flags = 0;
    }
  }
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  return killed;
}

static pid_t start(char **command) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) fail("socketpair");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    char go;
    unblock_signals();
    close(pair[0]);
    build_filter();
    int fd = install_filter();
    /* The parent takes the listener out of this process: its number is enough. */
    if (send(pair[1], &fd, sizeof fd, 0) < 0 || recv(pair[1], &go, 1, 0) != 1) _exit(125);
    close(pair[1]);
    execvp(command[0], command);
    fail(command[0]);
  }
  close(pair[1]);
  int there;
  if (recv(pair[0], &there, sizeof there, 0) != sizeof there) fail("start");
  int pidfd = syscall(SYS_pidfd_open, child, 0);
  listener = syscall(SYS_pidfd_getfd, pidfd, there, 0);
  if (listener < 0) fail("pidfd_getfd");
  close(pidfd);
  send(pair[0], "g", 1, 0);
  close(pair[0]);
  return child;
}

int main(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "+p:al:k:e:n:t:x:r:")) != -1;) {
    switch (option) {
    case 'p':
      if (prefix_count < 16) prefixes[prefix_count++] = optarg;
      break;
    case 'a': everything = 1; break;
    case 'l':
      if (!(log_file = fopen(optarg, "we"))) fail(optarg);
      break;
    case 'k': kill_at = atol(optarg); break;
    case 'e': fail_errno = atoi(optarg); break;
    case 'n': fail_first = atol(optarg); break;
    case 't': fail_times = atol(optarg); break;
    case 'x': hook_at = atol(optarg); break;
    case 'r': hook = optarg; break;
    default: return 125;
    }
  }
  if (optind >= argc) return 125;
  link_text(getpid(), "ns/mnt", -1, own_namespace);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  pid_t child = start(argv + optind);
  int status = 0, ended = 0, killed = 0;
  while (!ended && !killed) {
    struct pollfd fds[] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) fail("poll");
    if (fds[0].revents & POLLIN) killed = answer();
    if (fds[1].revents & POLLIN) {
      struct signalfd_siginfo info;
      pid_t pid;
      while (read(signals, &info, sizeof info) > 0);
      for (int one; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
        if (pid == child) status = one, ended = 1;
    }
  }
  int left = !killed && waitpid(-1, NULL, WNOHANG) == 0;
  end_tree();
  if (log_file) {
    if (left) fprintf(log_file, "0\tleft\n");
    fclose(log_file);
  }
  if (killed) return 137;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
