/*
 * A file system of FUSE with one file, `disk`, whose bytes lie in an image. Each write to it and each flush is a record
 * in a log, in the order in which they came: a loop device over it tells what a disk sees. So a loss of power can be
 * replayed at any point. What is written to the file `mark` becomes a record, too.
 *
 *     block_log IMAGE LOG MOUNTPOINT
 *
 * A record: kind (0 write, 1 flush, 2 mark), length, offset, each 8 bytes; then the bytes.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int image, records;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void record(uint64_t kind, uint64_t length, uint64_t offset, const char *bytes) {
  uint64_t head[3] = {kind, length, offset};
  if (write(records, head, sizeof head) != sizeof head) _exit(1);
  if (length > 0 && write(records, bytes, length) != (ssize_t)length) _exit(1);
}

static int is_disk(const char *path) { return !strcmp(path, "/disk"); }
static int is_mark(const char *path) { return !strcmp(path, "/mark"); }

static int on_getattr(const char *path, struct stat *info, struct fuse_file_info *file) {
  (void)file;
  memset(info, 0, sizeof *info);
  if (!strcmp(path, "/")) return info->st_mode = S_IFDIR | 0700, info->st_nlink = 2, 0;
  if (!is_disk(path) && !is_mark(path)) return -ENOENT;
  struct stat real;
  if (fstat(image, &real)) return -errno;
  info->st_mode = S_IFREG | 0600;
  info->st_nlink = 1;
  info->st_size = is_disk(path) ? real.st_size : 0;
  return 0;
}

static int on_open(const char *path, struct fuse_file_info *file) {
  (void)path;
  file->direct_io = 1;
  return 0;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *file) {
  (void)size, (void)file;
  return is_mark(path) ? 0 : -EPERM;
}

static int on_read(const char *path, char *to, size_t size, off_t at, struct fuse_file_info *file) {
  (void)file;
  if (!is_disk(path)) return 0;
  ssize_t got = pread(image, to, size, at);
  return got < 0 ? -errno : got;
}

static int on_write(const char *path, const char *from, size_t size, off_t at, struct fuse_file_info *file) {
  (void)file;
  pthread_mutex_lock(&lock);
  ssize_t done = is_disk(path) ? pwrite(image, from, size, at) : (ssize_t)size;
  if (done > 0) record(is_disk(path) ? 0 : 2, done, at, from);
  pthread_mutex_unlock(&lock);
  return done < 0 ? -errno : done;
}

static int on_fsync(const char *path, int data, struct fuse_file_info *file) {
  (void)data, (void)file;
  pthread_mutex_lock(&lock);
  if (is_disk(path)) record(1, 0, 0, NULL);
  pthread_mutex_unlock(&lock);
  return 0;
}

static const struct fuse_operations OPERATIONS = {
    .getattr = on_getattr, .open = on_open, .truncate = on_truncate,
    .read = on_read,       .write = on_write, .fsync = on_fsync,
};

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  records = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (image < 0 || records < 0) return perror("block_log"), 1;
  char *arguments[] = {argv[0], "-f", argv[3]};
  return fuse_main(3, arguments, &OPERATIONS, NULL);
}
