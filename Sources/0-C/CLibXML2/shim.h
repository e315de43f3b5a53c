#pragma once
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <libxml/xmlerror.h>

/// libxml2 hands errors to a C function pointer whose signature changed in 2.12 (const); none is wanted here.
static inline void nearmetal_xml_discard_error(void *context, xmlErrorPtr error) { (void)context; (void)error; }
static inline void nearmetal_xml_silence(xmlParserCtxtPtr context) {
    context->sax->serror = (xmlStructuredErrorFunc)nearmetal_xml_discard_error;
}
static inline void nearmetal_xpath_silence(xmlXPathContextPtr context) {
    context->error = (xmlStructuredErrorFunc)nearmetal_xml_discard_error;
}
/// `xmlFree` is a variable, which Swift 6 takes for shared mutable state.
static inline void nearmetal_xml_free(void *memory) { xmlFree(memory); }
