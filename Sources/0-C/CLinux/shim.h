#pragma once
/// What Swift's Glibc module leaves out: file systems by their magic numbers, extended attributes. Constants of <linux/fs.h> that are macros over types
/// are written here, since Swift does not import them.
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/// openat2(2), which glibc does not wrap: opens `path` with `root` as the root that no link and no `..` leaves.
static inline int nearmetal_open_in_root(int root, const char *path, unsigned long long flags, unsigned long long mode) {
    struct open_how how = { .flags = flags, .mode = mode, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    return (int) syscall(SYS_openat2, root, path, &how, sizeof how);
}

/// pipe2(2), which Swift's Glibc module leaves out.
static inline int nearmetal_pipe(int ends[2]) { return (int) syscall(SYS_pipe2, ends, O_CLOEXEC); }

/// O_PATH of <fcntl.h>, which needs _GNU_SOURCE; the same on all of Linux's machines that have KVM.
static const int nearmetal_O_PATH = 010000000;

/// O_DIRECT of <fcntl.h>, which needs it as well, and differs between machines.
static const int nearmetal_O_DIRECT = __O_DIRECT;

/// copy_file_range(2), which Swift's Glibc module leaves out.
static inline long nearmetal_copy_range(int in, long *from, int out, long *to, long count) {
    long long a = *from, b = *to;
    long done = syscall(SYS_copy_file_range, in, &a, out, &b, (unsigned long) count, 0);
    *from = (long) a;
    *to = (long) b;
    return done;
}

/// lseek(2)'s ways to find data and holes, which need _GNU_SOURCE too.
static const int nearmetal_SEEK_DATA = 3;
static const int nearmetal_SEEK_HOLE = 4;

#include <sys/prctl.h>

// Variadic, which Swift does not import.
static inline int nearmetal_become_reaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }


/// fallocate(2), which headers give only with _GNU_SOURCE.
static inline int nearmetal_fallocate(int file, int mode, long offset, long length) {
    return (int) syscall(SYS_fallocate, file, mode, offset, length);
}

/// migrate_pages(2), which glibc leaves to libnuma; masks of 1,024 nodes, as many as Linux has at most.
static inline long nearmetal_migrate_pages(int pid, const unsigned long *from, const unsigned long *to) {
    return syscall(SYS_migrate_pages, pid, 1024UL + 1, from, to);
}
