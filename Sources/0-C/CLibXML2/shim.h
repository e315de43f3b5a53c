#pragma once
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <libxml/xmlerror.h>

/// libxml2 hands errors to a C function pointer whose signature changed in 2.12 (const); none is wanted here.
static inline void nearmetal_xml_discard_error(void *context, xmlErrorPtr error) { (void)context; (void)error; }
static inline void nearmetal_xml_silence(xmlParserCtxtPtr context) {
    context->sax->serror = (xmlStructuredErrorFunc)nearmetal_xml_discard_error;
}
