#pragma once
/// Types and constants only: the library is opened with dlopen when a document is read, so that commands that read none start
/// without it and what it draws in (ICU, liblzma).
#include <dlfcn.h>
#include <string.h>
/// Without ICU's own types, of another version than those in Foundation: the compiler refuses to see both. What changes in size is
/// an encoding's handler, which is only pointed at.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <libxml/xmlerror.h>
#ifdef UTYPES_H
#error "libxml2's headers include ICU's all the same"
#endif

/// The functions that are used, of the types that the headers declare.
typedef struct {
    __typeof__(xmlInitParser) *initParser;
    __typeof__(xmlNewParserCtxt) *newParserCtxt;
    __typeof__(xmlFreeParserCtxt) *freeParserCtxt;
    __typeof__(xmlCtxtReadMemory) *ctxtReadMemory;
    __typeof__(xmlStopParser) *stopParser;
    __typeof__(xmlFreeDoc) *freeDoc;
    __typeof__(xmlDocGetRootElement) *docGetRootElement;
    __typeof__(xmlGetDocEntity) *getDocEntity;
    __typeof__(xmlGetLineNo) *getLineNo;
    __typeof__(xmlFreeEnumeration) *freeEnumeration;
    __typeof__(xmlSAX2InternalSubset) *sax2InternalSubset;
    __typeof__(xmlSAX2EntityDecl) *sax2EntityDecl;
    __typeof__(xmlXPathNewContext) *xpathNewContext;
    __typeof__(xmlXPathFreeContext) *xpathFreeContext;
    __typeof__(xmlXPathEvalExpression) *xpathEvalExpression;
    __typeof__(xmlXPathFreeObject) *xpathFreeObject;
    __typeof__(xmlXPathRegisterNs) *xpathRegisterNs;
    __typeof__(xmlSetStructuredErrorFunc) *setStructuredErrorFunc;
    __typeof__(xmlSetGenericErrorFunc) *setGenericErrorFunc;
    __typeof__(__xmlStructuredError) *structuredError;
    __typeof__(__xmlStructuredErrorContext) *structuredErrorContext;
    __typeof__(__xmlGenericError) *genericError;
    __typeof__(__xmlGenericErrorContext) *genericErrorContext;
} nearmetal_libxml;

/// What the library is called whose structures the headers declare; another major version's are laid out otherwise.
#if LIBXML_VERSION >= 21400
#define NEARMETAL_LIBXML "libxml2.so.16"
#else
#define NEARMETAL_LIBXML "libxml2.so.2"
#endif

/// Finds the functions in an opened library: the name of one that it lacks, NULL if it has all.
static inline const char *nearmetal_libxml_find(void *library, nearmetal_libxml *found) {
#define NEARMETAL_FIND(field, name) \
    if (!(found->field = (__typeof__(found->field))dlsym(library, #name))) return #name
    NEARMETAL_FIND(initParser, xmlInitParser);
    NEARMETAL_FIND(newParserCtxt, xmlNewParserCtxt);
    NEARMETAL_FIND(freeParserCtxt, xmlFreeParserCtxt);
    NEARMETAL_FIND(ctxtReadMemory, xmlCtxtReadMemory);
    NEARMETAL_FIND(stopParser, xmlStopParser);
    NEARMETAL_FIND(freeDoc, xmlFreeDoc);
    NEARMETAL_FIND(docGetRootElement, xmlDocGetRootElement);
    NEARMETAL_FIND(getDocEntity, xmlGetDocEntity);
    NEARMETAL_FIND(getLineNo, xmlGetLineNo);
    NEARMETAL_FIND(freeEnumeration, xmlFreeEnumeration);
    NEARMETAL_FIND(sax2InternalSubset, xmlSAX2InternalSubset);
    NEARMETAL_FIND(sax2EntityDecl, xmlSAX2EntityDecl);
    NEARMETAL_FIND(xpathNewContext, xmlXPathNewContext);
    NEARMETAL_FIND(xpathFreeContext, xmlXPathFreeContext);
    NEARMETAL_FIND(xpathEvalExpression, xmlXPathEvalExpression);
    NEARMETAL_FIND(xpathFreeObject, xmlXPathFreeObject);
    NEARMETAL_FIND(xpathRegisterNs, xmlXPathRegisterNs);
    NEARMETAL_FIND(setStructuredErrorFunc, xmlSetStructuredErrorFunc);
    NEARMETAL_FIND(setGenericErrorFunc, xmlSetGenericErrorFunc);
    NEARMETAL_FIND(structuredError, __xmlStructuredError);
    NEARMETAL_FIND(structuredErrorContext, __xmlStructuredErrorContext);
    NEARMETAL_FIND(genericError, __xmlGenericError);
    NEARMETAL_FIND(genericErrorContext, __xmlGenericErrorContext);
#undef NEARMETAL_FIND
    return NULL;
}

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
static inline nearmetal_xml_channel nearmetal_xml_hush(const nearmetal_libxml *xml) {
    nearmetal_xml_channel before = {
        *xml->structuredError(), *xml->structuredErrorContext(), *xml->genericError(), *xml->genericErrorContext()
    };
    xml->setStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)nearmetal_xml_discard_error);
    xml->setGenericErrorFunc(NULL, nearmetal_xml_discard_message);
    return before;
}
static inline void nearmetal_xml_unhush(const nearmetal_libxml *xml, nearmetal_xml_channel before) {
    xml->setStructuredErrorFunc(before.context, before.function);
    xml->setGenericErrorFunc(before.genericContext, before.generic);
}
static inline void nearmetal_xpath_silence(xmlXPathContextPtr context) {
    context->error = (xmlStructuredErrorFunc)nearmetal_xml_discard_error;
}
