/*
 * A file system of FUSE that passes everything on to a directory, and fails at random: a write with EIO or ENOSPC, or a
 * part of it is written only, and a sync with EIO. A sync that fails loses what was written since the last sync, once:
 * the kernel goes on showing it until the next mount, and the next sync succeeds. So do real disks and file systems.
 *
 *     fault_fs DIRECTORY CONTROL MOUNTPOINT
 *
 * CONTROL is mapped: numbers of 8 bytes. Files whose name ends in -shm are mapped by SQLite and never synced: they do
 * not fail.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct {
  uint64_t every; /* one of so many calls fails, 0 for none */
  uint64_t state; /* of the random numbers */
  uint64_t writes, shorts, syncs; /* how many failed */
} *control;
static int root;

/* What was written to an inode since its last sync. */
struct range {
  ino_t inode;
  off_t at;
  size_t size;
  struct range *next;
};
static struct range *unsynced;

struct file {
  int fd;
  ino_t inode;
  int exempt;
};

static uint64_t next_random(void) { /* xorshift64* */
  uint64_t x = control->state;
  x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
  control->state = x;
  return (x * 2685821657736338717ULL) >> 16;
}

static int hits(void) { return control->every != 0 && next_random() % control->every == 0; }

static const char *below(const char *path) { return path[1] ? path + 1 : "."; }
static struct file *file_of(struct fuse_file_info *info) { return (struct file *)(uintptr_t)info->fh; }
static int result(int value) { return value < 0 ? -errno : 0; }

/* Forgets what an inode has unsynced. To lose it, too, it is overwritten by way of a descriptor that may only read. */
static void forget(ino_t inode, int lose, int own) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", own);
  int fd = lose ? open(link, O_WRONLY | O_CLOEXEC) : -1;
  for (struct range **at = &unsynced; *at;) {
    struct range *range = *at;
    if (range->inode != inode) {
      at = &range->next;
      continue;
    }
    if (lose) {
      char *zeros = calloc(1, range->size);
      if (pwrite(fd, zeros, range->size, range->at) < 0) perror("fault_fs");
      free(zeros);
    }
    *at = range->next;
    free(range);
  }
  if (fd >= 0) close(fd);
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->use_ino = config->hard_remove = 1;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  return NULL;
}

static int on_getattr(const char *path, struct stat *to, struct fuse_file_info *info) {
  if (info) return result(fstat(file_of(info)->fd, to));
  return result(fstatat(root, below(path), to, AT_SYMLINK_NOFOLLOW));
}

static int on_readlink(const char *path, char *to, size_t size) {
  ssize_t got = readlinkat(root, below(path), to, size - 1);
  if (got < 0) return -errno;
  to[got] = 0;
  return 0;
}

static int on_mknod(const char *path, mode_t mode, dev_t device) {
  return result(mknodat(root, below(path), mode, device));
}
static int on_mkdir(const char *path, mode_t mode) { return result(mkdirat(root, below(path), mode)); }
static int on_unlink(const char *path) { return result(unlinkat(root, below(path), 0)); }
static int on_rmdir(const char *path) { return result(unlinkat(root, below(path), AT_REMOVEDIR)); }
static int on_symlink(const char *target, const char *path) {
  return result(symlinkat(target, root, below(path)));
}
static int on_rename(const char *from, const char *to, unsigned flags) {
  return result(renameat2(root, below(from), root, below(to), flags));
}
static int on_link(const char *from, const char *to) {
  return result(linkat(root, below(from), root, below(to), 0));
}
static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
  if (info) return result(fchmod(file_of(info)->fd, mode));
  return result(fchmodat(root, below(path), mode, 0));
}
static int on_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info) {
  if (info) return result(fchown(file_of(info)->fd, uid, gid));
  return result(fchownat(root, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}
static int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  if (info) return result(futimens(file_of(info)->fd, times));
  return result(utimensat(root, below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int open_file(const char *path, int flags, mode_t mode, struct fuse_file_info *info) {
  /* The kernel of the mount appends by itself, and reads pages that are written in part. */
  flags &= ~(O_APPEND | O_NOFOLLOW);
  if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
  int fd = openat(root, below(path), flags | O_CLOEXEC, mode);
  if (fd < 0 && errno == EACCES) fd = openat(root, below(path), (flags & ~O_ACCMODE) | O_CLOEXEC, mode);
  struct stat real;
  if (fd < 0 || fstat(fd, &real)) return -errno;
  size_t size = strlen(path);
  struct file *file = malloc(sizeof *file);
  *file = (struct file){fd, real.st_ino, size > 4 && !strcmp(path + size - 4, "-shm")};
  info->fh = (uintptr_t)file;
  return 0;
}

static int on_open(const char *path, struct fuse_file_info *info) {
  return open_file(path, info->flags, 0, info);
}
static int on_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  return open_file(path, info->flags | O_CREAT, mode, info);
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  if (info) return result(ftruncate(file_of(info)->fd, size));
  int fd = openat(root, below(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int value = result(ftruncate(fd, size));
  close(fd);
  return value;
}

static int on_read(const char *path, char *to, size_t size, off_t at, struct fuse_file_info *info) {
  (void)path;
  ssize_t got = pread(file_of(info)->fd, to, size, at);
  return got < 0 ? -errno : got;
}

static int on_write(const char *path, const char *from, size_t size, off_t at, struct fuse_file_info *info) {
  (void)path;
  struct file *file = file_of(info);
  if (!file->exempt && hits()) {
    uint64_t kind = next_random() % 3;
    if (kind < 2 || size < 2) return control->writes++, kind == 0 ? -EIO : -ENOSPC;
    control->shorts++;
    size /= 2;
  }
  ssize_t done = pwrite(file->fd, from, size, at);
  if (done < 0) return -errno;
  struct range *range = malloc(sizeof *range);
  *range = (struct range){file->inode, at, done, unsynced};
  unsynced = range;
  return done;
}

static int on_fsync(const char *path, int data, struct fuse_file_info *info) {
  (void)path, (void)data;
  struct file *file = file_of(info);
  int fails = !file->exempt && hits();
  forget(file->inode, fails, file->fd);
  if (!fails) return 0;
  control->syncs++;
  return -EIO;
}

static int on_fsyncdir(const char *path, int data, struct fuse_file_info *info) {
  (void)path, (void)data, (void)info;
  if (!hits()) return 0;
  control->syncs++;
  return -EIO;
}

static int on_release(const char *path, struct fuse_file_info *info) {
  (void)path;
  close(file_of(info)->fd);
  free(file_of(info));
  return 0;
}

static int on_fallocate(const char *path, int mode, off_t at, off_t size, struct fuse_file_info *info) {
  (void)path;
  return result(fallocate(file_of(info)->fd, mode, at, size));
}

static int on_statfs(const char *path, struct statvfs *to) {
  (void)path;
  return result(fstatvfs(root, to));
}

static int on_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
  (void)at, (void)info, (void)flags;
  int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) return -errno;
  for (struct dirent *entry; (entry = readdir(directory));) {
    struct stat known = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
    if (fill(to, entry->d_name, &known, 0, 0)) break;
  }
  closedir(directory);
  return 0;
}

static const struct fuse_operations OPERATIONS = {
    .init = on_init,         .getattr = on_getattr,   .readlink = on_readlink, .mknod = on_mknod,
    .mkdir = on_mkdir,       .unlink = on_unlink,     .rmdir = on_rmdir,       .symlink = on_symlink,
    .rename = on_rename,     .link = on_link,         .chmod = on_chmod,       .chown = on_chown,
    .utimens = on_utimens,   .open = on_open,         .create = on_create,     .truncate = on_truncate,
    .read = on_read,         .write = on_write,       .fsync = on_fsync,       .fsyncdir = on_fsyncdir,
    .release = on_release,   .fallocate = on_fallocate, .statfs = on_statfs,   .readdir = on_readdir,
};

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  umask(0);
  root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd = open(argv[2], O_RDWR | O_CLOEXEC);
  if (root < 0 || fd < 0) return perror("fault_fs"), 1;
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) return perror("fault_fs"), 1;
  char *arguments[] = {argv[0], "-f", "-s", argv[3]};
  return fuse_main(4, arguments, &OPERATIONS, NULL);
}
