#pragma once
/// What Swift's Glibc module leaves out: file systems by their magic numbers, extended attributes. Constants of <linux/fs.h> that are macros over types
/// are written here, since Swift does not import them.
#include <sys/vfs.h>
#include <sys/xattr.h>
