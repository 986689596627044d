/* Regular expressions: the tree becomes a program, and all its threads run side by side over the text
 * (K. Thompson, Regular Expression Search Algorithm, CACM 11(6), 1968), so no pattern takes exponential time. */
#include "text/regex.h"

#include <string.h>

#include "text/regex_tree.h"
#include "op/utf8.h"

#define INST_MAX (1u << 16)
#define FUEL_MAX (1u << 20)

typedef struct compiler {
    sg_exec *x;
    const sg_re_tree *t;
    sg_re_inst *inst; /* NULL: only counting */
    uint32_t n, fuel;
} compiler;

/* Appends an instruction that goes on at the next one. */
static uint32_t emit(compiler *c, sg_re_kind kind)
{
    if (c->inst) {
        memset(&c->inst[c->n], 0, sizeof c->inst[c->n]);
        c->inst[c->n].kind = (uint8_t)kind;
        c->inst[c->n].a = c->inst[c->n].b = c->n + 1;
    }
    return c->n++;
}

static void patch_a(compiler *c, uint32_t i, uint32_t to)
{
    if (c->inst)
        c->inst[i].a = to;
}
static void patch_b(compiler *c, uint32_t i, uint32_t to)
{
    if (c->inst)
        c->inst[i].b = to;
}

static sedge_status node_emit(compiler *c, uint32_t id);

static sedge_status repeat_emit(compiler *c, const sg_re_node *n)
{
    uint32_t start = c->n;
    for (int32_t i = 0; i < n->lo; i++) {
        start = c->n;
        SG_TRY(node_emit(c, n->child));
    }
    if (n->hi < 0 && n->lo > 0) { /* the last copy again, or on */
        patch_a(c, emit(c, SG_RE_SPLIT), start);
    } else if (n->hi < 0) {
        uint32_t head = emit(c, SG_RE_SPLIT);
        SG_TRY(node_emit(c, n->child));
        uint32_t back = emit(c, SG_RE_SPLIT);
        patch_a(c, back, head);
        patch_b(c, back, head);
        patch_b(c, head, c->n);
    }
    for (int32_t i = n->lo; i < n->hi; i++) {
        uint32_t skip = emit(c, SG_RE_SPLIT);
        SG_TRY(node_emit(c, n->child));
        patch_b(c, skip, c->n);
    }
    return SEDGE_OK;
}

static sedge_status alt_emit(compiler *c, const sg_re_node *n)
{
    uint32_t last = 0; /* the jumps to the end form a list through their b */
    bool any = false;
    for (uint32_t k = n->child; k; k = c->t->node[k].next) {
        bool final = !c->t->node[k].next;
        uint32_t split = final ? 0 : emit(c, SG_RE_SPLIT);
        SG_TRY(node_emit(c, k));
        if (final)
            break;
        uint32_t jump = emit(c, SG_RE_SPLIT);
        patch_b(c, jump, any ? last : jump);
        last = jump;
        any = true;
        patch_b(c, split, c->n);
    }
    while (any && c->inst) {
        uint32_t before = c->inst[last].b;
        any = before != last;
        patch_a(c, last, c->n);
        patch_b(c, last, c->n);
        last = before;
    }
    return SEDGE_OK;
}

static sedge_status node_emit(compiler *c, uint32_t id)
{
    const sg_re_node *n = &c->t->node[id];
    if (c->n > INST_MAX || ++c->fuel > FUEL_MAX)
        return SG_EXEC_FAIL(c->x, SEDGE_E_LIMIT, "the pattern is too large");
    switch (n->kind) {
    case SG_RE_EMPTY: return SEDGE_OK;
    case SG_RE_REPEAT: return repeat_emit(c, n);
    case SG_RE_ALT: return alt_emit(c, n);
    case SG_RE_CAT:
        for (uint32_t k = n->child; k; k = c->t->node[k].next)
            SG_TRY(node_emit(c, k));
        return SEDGE_OK;
    default: {
        uint32_t i = emit(c, (sg_re_kind)n->kind);
        if (c->inst) {
            sg_re_inst *in = &c->inst[i];
            in->fold = n->fold;
            in->all = n->all;
            in->negated = n->negated;
            in->c = n->c;
            in->first = n->first;
            in->count = n->count;
        }
        return SEDGE_OK;
    }
    }
}

static sedge_status program_emit(compiler *c)
{
    c->n = c->fuel = 0;
    SG_TRY(node_emit(c, c->t->root));
    emit(c, SG_RE_MATCH);
    return SEDGE_OK;
}

sedge_status sg_regex_compile(sg_exec *x, const char *pattern, size_t n, sg_regex *re)
{
    sg_re_tree t;
    memset(re, 0, sizeof *re);
    SG_TRY(sg_regex_parse(x, pattern, n, &t));
    compiler c = {.x = x, .t = &t};
    SG_TRY(program_emit(&c));
    re->n_inst = c.n;
    re->range = t.range;
    re->inst = sg_scratch(x, c.n * sizeof *re->inst);
    re->list[0] = sg_scratch(x, (c.n + 1) * sizeof *re->mark);
    re->list[1] = sg_scratch(x, (c.n + 1) * sizeof *re->mark);
    re->mark = sg_scratch(x, (c.n + 1) * sizeof *re->mark);
    re->stack = sg_scratch(x, (c.n + 1) * sizeof *re->stack);
    if (!re->inst || !re->list[0] || !re->list[1] || !re->mark || !re->stack)
        return SEDGE_E_NOMEM;
    c.inst = re->inst;
    return program_emit(&c);
}

static bool in_ranges(const sg_re_range *r, uint32_t n, uint32_t c)
{
    for (uint32_t i = 0; i < n; i++)
        if (c >= r[i].from && c <= r[i].to)
            return true;
    return false;
}

/* Instruction i takes character c. */
static bool takes(const sg_regex *re, const sg_re_inst *i, uint32_t c)
{
    const sg_re_range *r = re->range + i->first;
    switch (i->kind) {
    case SG_RE_CHAR: return i->c == (i->fold ? sg_utf8_lower(c) : c);
    case SG_RE_ANY: return i->all || c != '\n';
    case SG_RE_SET: {
        bool in = in_ranges(r, i->count, c);
        if (!in && i->fold)
            in = in_ranges(r, i->count, sg_utf8_lower(c)) || in_ranges(r, i->count, sg_utf8_upper(c));
        return in != i->negated;
    }
    default: return false;
    }
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

#define NO_CHAR UINT32_MAX /* before the text and after it */

static bool holds(sg_re_kind kind, uint32_t before, uint32_t after)
{
    bool edge = (before != NO_CHAR && is_word(before)) != (after != NO_CHAR && is_word(after));
    switch (kind) {
    case SG_RE_TEXT_BEGIN: return before == NO_CHAR;
    case SG_RE_TEXT_END: return after == NO_CHAR;
    case SG_RE_LINE_BEGIN: return before == NO_CHAR || before == '\n';
    case SG_RE_LINE_END: return after == NO_CHAR || after == '\n';
    case SG_RE_WORD: return edge;
    default: return !edge;
    }
}

/* Puts instruction pc and all it leads to without taking a character into the list. mark holds the step's number
 * for those already seen in it, so each is visited once. */
static uint32_t follow(sg_regex *re, uint32_t *list, uint32_t n, uint32_t pc, uint32_t step, uint32_t before, uint32_t after)
{
    uint32_t top = 0;
    if (re->mark[pc] == step)
        return n;
    re->mark[pc] = step;
    re->stack[top++] = pc;
    while (top) {
        const sg_re_inst *i = &re->inst[re->stack[--top]];
        if (i->kind == SG_RE_CHAR || i->kind == SG_RE_ANY || i->kind == SG_RE_SET || i->kind == SG_RE_MATCH) {
            list[n++] = (uint32_t)(i - re->inst);
            continue;
        }
        if (i->kind != SG_RE_SPLIT && !holds((sg_re_kind)i->kind, before, after))
            continue;
        for (int k = 0; k < (i->kind == SG_RE_SPLIT ? 2 : 1); k++) {
            uint32_t to = k ? i->b : i->a;
            if (re->mark[to] == step)
                continue;
            re->mark[to] = step;
            re->stack[top++] = to;
        }
    }
    return n;
}

static uint32_t char_at(sg_str s, uint64_t at, unsigned *len)
{
    *len = 0;
    return at < s.n ? sg_utf8_read(s.p + at, s.n - at, len) : NO_CHAR;
}

/* The next step's number; marks start over when it would wrap. */
static uint32_t step_next(sg_regex *re, uint32_t step)
{
    if (step != UINT32_MAX)
        return step + 1;
    memset(re->mark, 0, re->n_inst * sizeof *re->mark);
    return 1;
}

bool sg_regex_full_match(sg_regex *re, sg_str s)
{
    unsigned len, next_len;
    uint32_t c = char_at(s, 0, &len), step = 1;
    memset(re->mark, 0, re->n_inst * sizeof *re->mark);
    uint32_t *now = re->list[0], *next = re->list[1];
    uint32_t n = follow(re, now, 0, 0, step, NO_CHAR, c);
    for (uint64_t at = 0; at < s.n && n; at += len, len = next_len) {
        uint32_t after = char_at(s, at + len, &next_len), count = 0;
        step = step_next(re, step);
        for (uint32_t i = 0; i < n; i++)
            if (takes(re, &re->inst[now[i]], c))
                count = follow(re, next, count, re->inst[now[i]].a, step, c, after);
        uint32_t *t = now;
        now = next;
        next = t;
        n = count;
        c = after;
    }
    for (uint32_t i = 0; i < n; i++)
        if (re->inst[now[i]].kind == SG_RE_MATCH)
            return true;
    return false;
}
