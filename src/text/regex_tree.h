/* The parse tree and the program of a regular expression: between the parser, the compiler and the matcher. */
#ifndef SG_TEXT_REGEX_TREE_H
#define SG_TEXT_REGEX_TREE_H

#include "text/regex.h"

typedef struct sg_re_range {
    uint32_t from, to;
} sg_re_range;

typedef enum sg_re_kind {
    SG_RE_EMPTY,
    SG_RE_CHAR,   /* c; fold */
    SG_RE_ANY,    /* any but a newline, or any when `all` */
    SG_RE_SET,    /* ranges [first, first + count), negated or not; fold */
    SG_RE_CAT,    /* children in a row */
    SG_RE_ALT,    /* one of the children */
    SG_RE_REPEAT, /* the child lo to hi times; hi -1: any number */
    SG_RE_LINE_BEGIN,
    SG_RE_LINE_END,
    SG_RE_TEXT_BEGIN,
    SG_RE_TEXT_END,
    SG_RE_WORD,
    SG_RE_NO_WORD,
    /* of programs only */
    SG_RE_SPLIT,  /* go on at both a and b */
    SG_RE_MATCH
} sg_re_kind;

typedef struct sg_re_node {
    uint8_t kind;
    bool fold, all, negated;
    uint32_t c, first, count;
    int32_t lo, hi;
    uint32_t child, next; /* node numbers, 0: none */
} sg_re_node;

/* An instruction goes on at `a` (SPLIT: and `b`). */
typedef struct sg_re_inst {
    uint8_t kind;
    bool fold, all, negated;
    uint32_t c, first, count;
    uint32_t a, b;
} sg_re_inst;

typedef struct sg_re_tree {
    sg_re_node *node; /* [0] unused */
    sg_re_range *range;
    uint32_t n_node, cap_node, n_range, cap_range;
    uint32_t root;
} sg_re_tree;

sedge_status sg_regex_parse(sg_exec *x, const char *pattern, size_t n, sg_re_tree *t);

#endif
