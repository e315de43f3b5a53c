#pragma once
/// Types and constants only: the library is opened with dlopen when a database is, so that commands that need none start without it.
#include <sqlite3.h>
