/* Regular expressions in RE2's syntax, matched in time linear in the text. */
#ifndef SG_TEXT_REGEX_H
#define SG_TEXT_REGEX_H

#include "op/op.h"

struct sg_re_inst;
struct sg_re_range;

/* A compiled expression; it lives in the scratch of the call that made it. */
typedef struct sg_regex {
    struct sg_re_inst *inst;
    struct sg_re_range *range;
    uint32_t n_inst;
    uint32_t *list[2], *mark, *stack; /* [n_inst] each, for matching */
} sg_regex;

/* Syntax errors and what is not known (Unicode classes) are errors that name the place. */
sedge_status sg_regex_compile(sg_exec *x, const char *pattern, size_t n, sg_regex *re);
/* True if the expression matches all of s. */
bool sg_regex_full_match(sg_regex *re, sg_str s);

#endif
