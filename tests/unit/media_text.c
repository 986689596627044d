/* Tokenizers: WordPiece against another library's ids (wordpiece.def), words, bytes, refusals, failing memory. */
#include "unit.h"

#include <stdbool.h>

#include "failing.h"
#include "media/text.h"

static const char vocab[] =
#define VOCAB(text) text
#define TEXT(...)
#include "wordpiece.def"
#undef VOCAB
#undef TEXT
    ;

static sg_tokenizer *make(const sg_token_spec *s, sg_mem *mem)
{
    sg_err err = {0};
    sg_tokenizer *t;
    if (sg_tokenizer_new(&t, s, mem, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    return t;
}

static void compare(bool lower, bool strip, const char *text, size_t bytes, const int64_t *want, size_t n)
{
    sg_mem mem = {0};
    sg_token_spec s = {
        .kind = SG_TOKENS_WORDPIECE, .lower = lower, .strip_accents = strip, .vocab = vocab, .vocab_size = sizeof vocab - 1};
    sg_tokenizer *t = make(&s, &mem);
    int64_t id[128];
    size_t total;
    assert_int_equal(sg_tokenize(t, text, bytes, id, 128, &total, NULL), SEDGE_OK);
    if (total != n)
        fail_msg("\"%s\" (%d, %d): %zu tokens, not %zu", text, lower, strip, total, n);
    for (size_t i = 0; i < n; i++)
        if (id[i] != want[i])
            fail_msg("\"%s\" (%d, %d): token %zu is %lld, not %lld", text, lower, strip, i, (long long)id[i], (long long)want[i]);
    sg_tokenizer_free(t);
    assert_int_equal(mem.used, 0);
}

static void test_wordpiece(void **state)
{
    (void)state;
#define VOCAB(text)
#define TEXT(lower, strip, text, bytes, ...)                                  \
    {                                                                         \
        static const int64_t want[] = {__VA_ARGS__};                          \
        compare(lower, strip, text, bytes, want, sizeof want / sizeof *want); \
    }
#include "wordpiece.def"
#undef VOCAB
#undef TEXT
}

static void test_cut(void **state)
{
    (void)state;
    sg_mem mem = {0};
    sg_token_spec s = {.kind = SG_TOKENS_WORDPIECE, .vocab = vocab, .vocab_size = sizeof vocab - 1};
    sg_tokenizer *t = make(&s, &mem);
    int64_t id[8] = {0};
    size_t total;
    assert_int_equal(sg_tokenize(t, "the river is deep", 17, id, 4, &total, NULL), SEDGE_OK);
    assert_int_equal(total, 6);
    static const int64_t want[5] = {2, 4, 5, 3, 0};
    assert_memory_equal(id, want, sizeof want);
    assert_int_equal(sg_tokenize(t, "the river is deep", 17, NULL, 0, &total, NULL), SEDGE_OK);
    assert_int_equal(total, 6);
    assert_int_equal(sg_token_pad(t), 0);
    /* Bytes that are not UTF-8 are dropped as U+FFFD is. */
    assert_int_equal(sg_tokenize(t,
                                 "\xff"
                                 "a\xc3"
                                 "a\xed\xa0\x80",
                                 7, id, 8, &total, NULL),
                     SEDGE_OK);
    assert_int_equal(total, 3);
    assert_int_equal(id[1], 55);
    sg_tokenizer_free(t);
}

static void test_bytes(void **state)
{
    (void)state;
    sg_mem mem = {0};
    sg_token_spec s = {.kind = SG_TOKENS_BYTES, .offset = 3};
    sg_tokenizer *t = make(&s, &mem);
    int64_t id[4];
    size_t total;
    assert_int_equal(sg_tokenize(t, "a\0\xff", 3, id, 4, &total, NULL), SEDGE_OK);
    assert_int_equal(total, 3);
    assert_true(id[0] == 100 && id[1] == 3 && id[2] == 258);
    sg_tokenizer_free(t);
    assert_int_equal(mem.used, 0);
}

static const char numbered[] = "<pad> 0\r\n<unk> 2\r\nthe\t7\r\nover\xc3\xa9 9\r\n";

static void test_words(void **state)
{
    (void)state;
    sg_mem mem = {0};
    sg_token_spec s = {.kind = SG_TOKENS_WORDS,
                       .lower = true,
                       .split = "[\\s,]+",
                       .unknown = "<unk>",
                       .pad = "<pad>",
                       .vocab = numbered,
                       .vocab_size = sizeof numbered - 1};
    sg_tokenizer *t = make(&s, &mem);
    int64_t id[8];
    size_t total;
    sg_err err = {0};
    static const char text[] = ", The,fence  OVER\xc3\x89";
    assert_int_equal(sg_tokenize(t, text, sizeof text - 1, id, 8, &total, &err), SEDGE_OK);
    static const int64_t want[] = {7, 2, 9};
    assert_int_equal(total, 3);
    assert_memory_equal(id, want, sizeof want);
    sg_tokenizer_free(t);
    s.unknown = NULL;
    t = make(&s, &mem);
    assert_int_equal(sg_tokenize(t, text, sizeof text - 1, id, 8, &total, &err), SEDGE_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "the word at byte 6"));
    sg_tokenizer_free(t);
    assert_int_equal(mem.used, 0);
}

/* A pattern that tries all ways to cut a row of a's is stopped. */
static void test_long_match(void **state)
{
    (void)state;
    sg_mem mem = {0};
    sg_token_spec s = {.kind = SG_TOKENS_WORDS, .split = "(a+)+$", .vocab = "x", .vocab_size = 1};
    sg_tokenizer *t = make(&s, &mem);
    size_t total;
    sg_err err = {0};
    assert_int_equal(sg_tokenize(t, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 48, NULL, 0, &total, &err),
                     SEDGE_E_LIMIT);
    assert_non_null(strstr(err.msg, "split takes too long at byte 0"));
    sg_tokenizer_free(t);
    assert_int_equal(mem.used, 0);
}

static void refuses(sg_token_spec s, sedge_status want, const char *text)
{
    sg_mem mem = {0};
    sg_err err = {0};
    sg_tokenizer *t;
    assert_int_equal(sg_tokenizer_new(&t, &s, &mem, &err), want);
    assert_null(t);
    assert_int_equal(mem.used, 0);
    if (!strstr(err.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, text);
}

static void test_refuses(void **state)
{
    (void)state;
    refuses((sg_token_spec){.kind = SG_TOKENS_WORDPIECE}, SEDGE_E_ARG, "words need a vocabulary");
    refuses((sg_token_spec){.kind = SG_TOKENS_WORDPIECE, .vocab = "a\n", .vocab_size = 2}, SEDGE_E_NOT_FOUND,
            "the unknown token \"[UNK]\" is not in the vocabulary");
    refuses((sg_token_spec){.kind = SG_TOKENS_WORDS, .vocab = "a\nb\na\n", .vocab_size = 6}, SEDGE_E_FORMAT,
            "line 3: this token has id 0 already");
    refuses((sg_token_spec){.kind = SG_TOKENS_WORDS, .vocab = "a", .vocab_size = 1, .split = "a(b"}, SEDGE_E_FORMAT,
            "split, at byte 3: missing closing parenthesis");
    refuses((sg_token_spec){.kind = SG_TOKENS_BYTES, .lower = true}, SEDGE_E_ARG, "bytes stay as they are");
    refuses((sg_token_spec){.kind = SG_TOKENS_BYTES, .end = "x"}, SEDGE_E_NOT_FOUND, "the end token \"x\"");
    refuses((sg_token_spec){.kind = 7}, SEDGE_E_ARG, "tokenizer 7");
}

static void test_no_memory(void **state)
{
    (void)state;
    bool done = false;
    for (long k = 0; !done; k++) {
        failing f = {.left = k};
        sg_mem mem = {.fn = failing_alloc, .ctx = &f};
        sg_token_spec s = {.kind = SG_TOKENS_WORDS, .split = "( |,)+", .vocab = "a\nb\n", .vocab_size = 4};
        sg_tokenizer *t;
        size_t total;
        sedge_status st = sg_tokenizer_new(&t, &s, &mem, NULL);
        if (st == SEDGE_OK)
            st = sg_tokenize(t, "a b, a", 6, NULL, 0, &total, NULL);
        assert_true(st == SEDGE_OK || st == SEDGE_E_NOMEM);
        done = st == SEDGE_OK;
        sg_tokenizer_free(t);
        assert_int_equal(f.held, 0);
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wordpiece), cmocka_unit_test(test_cut),        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_words),     cmocka_unit_test(test_long_match), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
