#pragma once
/// Types and constants only: the library is opened with dlopen when a configuration is read.
#include <dlfcn.h>
#include <yaml.h>

/// The functions that are used, of the types that the header declares.
typedef struct {
    __typeof__(yaml_parser_initialize) *initialize;
    __typeof__(yaml_parser_delete) *deleteParser;
    __typeof__(yaml_parser_set_input_string) *setInput;
    __typeof__(yaml_parser_set_encoding) *setEncoding;
    __typeof__(yaml_parser_parse) *parse;
    __typeof__(yaml_event_delete) *deleteEvent;
} nearmetal_libyaml;

/// Finds the functions in an opened library; whether it has them all.
static inline int nearmetal_libyaml_find(void *library, nearmetal_libyaml *found) {
#define NEARMETAL_FIND(field, name) \
    if (!(found->field = (__typeof__(found->field))dlsym(library, #name))) return 0
    NEARMETAL_FIND(initialize, yaml_parser_initialize);
    NEARMETAL_FIND(deleteParser, yaml_parser_delete);
    NEARMETAL_FIND(setInput, yaml_parser_set_input_string);
    NEARMETAL_FIND(setEncoding, yaml_parser_set_encoding);
    NEARMETAL_FIND(parse, yaml_parser_parse);
    NEARMETAL_FIND(deleteEvent, yaml_event_delete);
#undef NEARMETAL_FIND
    return 1;
}
