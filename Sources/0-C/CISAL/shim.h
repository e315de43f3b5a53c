#pragma once
#include <isa-l/igzip_lib.h>

// Macros over others, which Swift does not import.
static const unsigned nearmetal_isal_level1_size = ISAL_DEF_LVL1_DEFAULT;
