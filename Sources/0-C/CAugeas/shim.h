#pragma once
/// Types and constants only: the library is opened with dlopen when a file is edited. The package names libxml-2.0 rather than augeas to pkg-config: the
/// header includes libxml2's, and augeas itself is not to be linked.
/// It is read without ICU, as in CLibXML2.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <augeas.h>
#ifdef UTYPES_H
#error "libxml2's headers include ICU's all the same"
#endif
