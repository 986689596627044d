/* Text to tokens, and to the inputs that they are bound to. */
#include <math.h>

#include "task/run.h"

#include "tensor/dtype.h"

#define TOKENS_MAX ((size_t)1 << 20)
#define VOCAB_MAX  ((size_t)64 << 20)

/* Input that "mask" or "types" names; -1: none. */
int sg_text_bound(const sedge_task *t, const char *what)
{
    const json_t *ref = sg_get(t->bind, what);
    return ref ? sg_find_io(t->model, ref, false) : -1;
}

static sedge_status check_bound(sedge_task *t, const char *what, sg_err *err)
{
    sedge_io io;
    int i = sg_text_bound(t, what);
    if (!sg_get(t->bind, what))
        return SEDGE_OK;
    if (i < 0 || i == t->in || i >= SG_CONST_MAX || !sedge_model_input(t->model, i, &io) || io.kind != SEDGE_TENSOR)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "card: inputs.bind.%s: the model has no such input of numbers", what);
    return SEDGE_OK;
}

sedge_status sg_text_open(sedge_task *t, sg_err *err)
{
    const json_t *f = t->input;
    const char *vocab = sg_text(f, "vocab");
    bool words = sg_is(f, "tokens", "words"), pieces = sg_is(f, "tokens", "wordpiece");
    sg_token_spec spec = {.kind = pieces  ? SG_TOKENS_WORDPIECE
                                  : words ? SG_TOKENS_WORDS
                                          : SG_TOKENS_BYTES,
                          .lower = sg_flag(f, "lower"),
                          .strip_accents = sg_flag(f, "strip_accents"),
                          .split = sg_text(f, "split"),
                          .unknown = sg_text(f, "unknown"),
                          .begin = sg_text(f, "begin"),
                          .end = sg_text(f, "end"),
                          .pad = sg_text(f, "pad_token"),
                          .offset = sg_int(f, "offset")};
    if ((words || pieces) && !vocab)
        return sg_fail(err, SEDGE_E_FORMAT, "card: inputs.text.vocab is missing");
    SG_TRY(check_bound(t, "mask", err));
    SG_TRY(check_bound(t, "types", err));
    sg_map map = {NULL, 0};
    if (vocab) {
        SG_TRY(sg_card_map(&t->card, vocab, VOCAB_MAX, &map, err));
        spec.vocab = map.data ? sg_arena_str(&t->card.arena, (const char *)map.data, map.size) : "";
        spec.vocab_size = map.size;
        sg_map_close(&map);
        if (!spec.vocab)
            return sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
    }
    return sg_tokenizer_new(&t->tokenizer, &spec, &t->mem, err);
}

/* Tokens that the model takes: a fixed last axis, or the card's max; 0: any number. */
static size_t most_tokens(const sedge_task *t, bool *fixed)
{
    sedge_io io;
    sedge_model_input(t->model, t->in, &io);
    int64_t last = io.rank > 0 ? io.dim[io.rank - 1] : -1;
    size_t max = (size_t)sg_int(t->input, "max");
    *fixed = last > 0;
    return last > 0 && (max == 0 || (size_t)last < max) ? (size_t)last : max;
}

static sedge_status bind(sedge_task *t, int i, const int64_t *id, size_t n, sg_keep *keep, sedge_tensor *x, sg_err *err)
{
    sedge_io io;
    sedge_model_input(t->model, i, &io);
    SG_TRY(sg_shape_of(&io, 1, (int64_t)n, x, err));
    sg_dtype type = (sg_dtype)x->dtype;
    if (sg_dtypes[type].cls != 'F' && !sg_is_int(type))
        return sg_fail(err, SEDGE_E_TYPE, "card: inputs.%s: tokens cannot become %s", io.name, sedge_dtype_name((int)type));
    unsigned bits = sedge_dtype_bits((int)type);
    double hi = ldexp(1, (int)bits - (sg_is_signed(type) ? 1 : 0)) - 1, lo = sg_is_signed(type) ? -hi - 1 : 0;
    SG_TRY(sg_keep_room(t, keep, n * 8 + 8, 1, err));
    for (size_t k = 0; k < n; k++) {
        if (sg_is_int(type) && ((double)id[k] < lo || (double)id[k] > hi))
            return sg_fail(err, SEDGE_E_VALUE, "card: inputs.%s: token %lld does not fit %s", io.name, (long long)id[k],
                           sedge_dtype_name((int)type));
        sg_store_f64(type, keep->p, k, (double)id[k]);
    }
    x->data = keep->p;
    return sedge_session_set_input(t->session, i, x, err);
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t blanks_before(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && blank(text[i]))
        i++;
    return i;
}

static size_t blanks_behind(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && blank(text[n - 1 - i]))
        i++;
    return i;
}

/* Half of the input holds the first bytes, half the last; both are padded towards the middle. */
static sedge_status both_ends(sedge_task *t, const char *text, size_t n, bool *truncated, sg_err *err)
{
    bool fixed, strip = sg_flag(t->input, "strip");
    size_t most = most_tokens(t, &fixed), half = most / 2, first = strip ? blanks_before(text, n) : 0;
    size_t end = strip ? n - blanks_behind(text, n) : n;
    const json_t *pad_id = sg_get(t->input, "pad_id");
    int64_t pad = json_integer_value(pad_id), offset = sg_int(t->input, "offset");
    if (half == 0 || !pad_id || !sg_is(t->input, "tokens", "bytes"))
        return sg_fail(err, SEDGE_E_FORMAT, "card: inputs.text.part: ends needs tokens bytes, a pad_id and a max");
    SG_TRY(sg_keep_room(t, &t->signal, most, sizeof(int64_t), err));
    int64_t *id = t->signal.p;
    for (size_t i = 0; i < most; i++)
        id[i] = pad;
    for (size_t i = 0; i < half && first + i < n; i++)
        id[i] = (int64_t)(uint8_t)text[first + i] + offset;
    for (size_t i = 1; i <= half && i <= end; i++)
        id[most - i] = (int64_t)(uint8_t)text[end - i] + offset;
    *truncated = end > first + 2 * half;
    if (*truncated && sg_is(t->input, "over", "fail"))
        return sg_fail(err, SEDGE_E_LIMIT, "task: the text has %zu tokens, the card takes %zu", n, most);
    return bind(t, t->in, id, most, &t->data, &t->bound, err);
}

sedge_status sg_text_input(sedge_task *t, const char *text, size_t n, bool *truncated, sg_err *err)
{
    if (sg_is(t->input, "part", "ends"))
        return both_ends(t, text, n, truncated, err);
    if (sg_flag(t->input, "strip")) {
        n -= blanks_behind(text, n);
        size_t first = blanks_before(text, n);
        text += first;
        n -= first;
    }
    bool fixed;
    size_t most = most_tokens(t, &fixed), total = 0, room = n < TOKENS_MAX ? n + 2 : TOKENS_MAX;
    room = most && most < room ? most : room;
    size_t full = (fixed || sg_is(t->input, "pad", "max")) && most > room ? most : room;
    SG_TRY(sg_keep_room(t, &t->signal, full, sizeof(int64_t), err));
    SG_TRY(sg_keep_room(t, &t->other, full, sizeof(int64_t), err));
    int64_t *id = t->signal.p, *flag = t->other.p;
    SG_TRY(sg_tokenize(t->tokenizer, text, n, id, room, &total, err));
    *truncated = total > room;
    if (*truncated && sg_is(t->input, "over", "fail"))
        return sg_fail(err, SEDGE_E_LIMIT, "task: the text has %zu tokens, the card takes %zu", total, room);
    size_t used = total < room ? total : room, out = fixed || sg_is(t->input, "pad", "max") ? full : used;
    const json_t *pad_id = sg_get(t->input, "pad_id");
    int64_t pad = pad_id ? json_integer_value(pad_id) : sg_token_pad(t->tokenizer);
    if (out > used && pad < 0 && !pad_id)
        return sg_fail(err, SEDGE_E_FORMAT, "card: inputs.text: neither pad_id nor a pad_token");
    if (out == 0)
        return sg_fail(err, SEDGE_E_ARG, "task: the text has no tokens");
    for (size_t i = 0; i < out; i++) {
        id[i] = i < used ? id[i] : pad;
        flag[i] = i < used;
    }
    int mask = sg_text_bound(t, "mask"), types = sg_text_bound(t, "types");
    sedge_tensor x;
    if (mask >= 0)
        SG_TRY(bind(t, mask, flag, out, &t->fixed[mask], &x, err));
    memset(flag, 0, out * sizeof *flag);
    if (types >= 0)
        SG_TRY(bind(t, types, flag, out, &t->fixed[types], &x, err));
    return bind(t, t->in, id, out, &t->data, &t->bound, err);
}
