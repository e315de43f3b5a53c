#pragma once
/// Types and constants only: the library is opened with dlopen when a file is edited. The package names libxml-2.0 rather than augeas to pkg-config: the
/// header includes libxml2's, and augeas itself is not to be linked.
#include <augeas.h>
