#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's whole run, for programs that have a `main` of their own.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*test)(const uint8_t *start, size_t count));
