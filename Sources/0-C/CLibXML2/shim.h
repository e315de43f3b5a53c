#pragma once
#include <string.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <libxml/xmlerror.h>

/// The first fatal error of a parser; what follows it follows from it.
typedef struct {
    int code;
    int line;
    char message[400];
    /// Whoever set the parser up.
    void *owner;
} nearmetal_xml_record;

/// libxml2 hands errors to a C function pointer whose signature changed in 2.12 (const), which is why this is written in C.
static inline void nearmetal_xml_keep_error(void *context, xmlErrorPtr error) {
    (void)context;
    xmlParserCtxtPtr parser = error ? (xmlParserCtxtPtr)error->ctxt : NULL;
    nearmetal_xml_record *record = parser ? (nearmetal_xml_record *)parser->_private : NULL;
    if (!record || record->code || error->level < XML_ERR_FATAL) return;
    record->code = error->code;
    record->line = error->line;
    if (error->message) {
        strncpy(record->message, error->message, sizeof record->message - 1);
        record->message[sizeof record->message - 1] = 0;
    }
}
static inline void nearmetal_xml_listen(xmlParserCtxtPtr context, nearmetal_xml_record *record) {
    context->_private = record;
    context->sax->serror = (xmlStructuredErrorFunc)nearmetal_xml_keep_error;
}
static inline void nearmetal_xml_discard_error(void *context, xmlErrorPtr error) { (void)context; (void)error; }
/// Errors that belong to no parser (of encodings, of XPath functions) are printed, unless the calling thread has functions
/// for them.
typedef struct {
    xmlStructuredErrorFunc function;
    void *context;
    xmlGenericErrorFunc generic;
    void *genericContext;
} nearmetal_xml_channel;
static inline void nearmetal_xml_discard_message(void *context, const char *message, ...) {
    (void)context;
    (void)message;
}
static inline nearmetal_xml_channel nearmetal_xml_hush(void) {
    nearmetal_xml_channel before = {
        xmlStructuredError, xmlStructuredErrorContext, xmlGenericError, xmlGenericErrorContext
    };
    xmlSetStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)nearmetal_xml_discard_error);
    xmlSetGenericErrorFunc(NULL, nearmetal_xml_discard_message);
    return before;
}
static inline void nearmetal_xml_unhush(nearmetal_xml_channel before) {
    xmlSetStructuredErrorFunc(before.context, before.function);
    xmlSetGenericErrorFunc(before.genericContext, before.generic);
}
static inline void nearmetal_xpath_silence(xmlXPathContextPtr context) {
    context->error = (xmlStructuredErrorFunc)nearmetal_xml_discard_error;
}
/// `xmlFree` is a variable, which Swift 6 takes for shared mutable state.
static inline void nearmetal_xml_free(void *memory) { xmlFree(memory); }
