#pragma once
#include <zlib.h>

// Macros over sizeof, which Swift does not import.
static inline int nearmetal_deflate_init(z_stream *stream, int level, int window, int memory) {
    return deflateInit2(stream, level, Z_DEFLATED, window, memory, Z_DEFAULT_STRATEGY);
}
static inline int nearmetal_inflate_init(z_stream *stream, int window) { return inflateInit2(stream, window); }
