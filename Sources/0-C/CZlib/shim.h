#pragma once
/// Types and constants only: the library is opened with dlopen when the first cluster asks for it.
#include <dlfcn.h>
#include <zlib.h>

/// The functions that are used, of the types that the header declares.
typedef struct {
    __typeof__(deflateInit2_) *prepareDeflate;
    __typeof__(deflate) *deflate;
    __typeof__(deflateEnd) *deflateEnd;
    __typeof__(inflateInit2_) *prepareInflate;
    __typeof__(inflate) *inflate;
    __typeof__(inflateEnd) *inflateEnd;
} nearmetal_zlib;

/// Finds the functions in an opened library; whether it has them all.
static inline int nearmetal_zlib_find(void *library, nearmetal_zlib *found) {
#define NEARMETAL_FIND(field, name) \
    if (!(found->field = (__typeof__(found->field))dlsym(library, #name))) return 0
    NEARMETAL_FIND(prepareDeflate, deflateInit2_);
    NEARMETAL_FIND(deflate, deflate);
    NEARMETAL_FIND(deflateEnd, deflateEnd);
    NEARMETAL_FIND(prepareInflate, inflateInit2_);
    NEARMETAL_FIND(inflate, inflate);
    NEARMETAL_FIND(inflateEnd, inflateEnd);
#undef NEARMETAL_FIND
    return 1;
}

// What zlib's own macros add: its version, and the size of the structure.
static inline int nearmetal_deflate_init(const nearmetal_zlib *zlib, z_stream *stream, int level, int window, int memory) {
    return zlib->prepareDeflate(
        stream, level, Z_DEFLATED, window, memory, Z_DEFAULT_STRATEGY, ZLIB_VERSION, (int)sizeof(z_stream));
}
static inline int nearmetal_inflate_init(const nearmetal_zlib *zlib, z_stream *stream, int window) {
    return zlib->prepareInflate(stream, window, ZLIB_VERSION, (int)sizeof(z_stream));
}
