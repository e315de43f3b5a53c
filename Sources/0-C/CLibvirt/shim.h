#pragma once
/// Types and constants only: the library is opened with dlopen when a connection is asked for. Linked, it would
/// cost every start of the program some 15 ms for its 50 dependencies, and would have to be installed where only files are read.
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
