/* Sound, series and text by cards: spectra as other libraries give them, gaps, hops, tokens and their bindings, other models as
 * steps. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "task_rig.h"

#define SERIES(fields, steps) \
    "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"series\":{" fields "},\"steps\":[" steps "]}},"
#define VALUE "\"answer\":{\"head\":\"value\"}}"

/* ---- spectra ---- */

enum { N = 600, MELS = 8 };

/* The signal of tests/media/spectra.py: noise that fades. */
static void make(float *x)
{
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ldexpf((float)(seed >> 8) / 8388608.0f - 1, -(i / 30));
    }
}

static const char *small(const char *word, char *to)
{
    size_t i = 0;
    for (; word[i]; i++)
        to[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
    to[i] = 0;
    return to;
}

static void spectrum(const char *like, const char *taper, int mfcc, double power, int log, double eps, double low, double high,
                     const double *want, size_t n)
{
    char card[1200], count[32] = "", l[16], w[16];
    float x[N];
    int64_t wide = mfcc ? mfcc : MELS;
    if (mfcc)
        snprintf(count, sizeof count, "\"mfcc\":%d,", mfcc);
    snprintf(
        card, sizeof card,
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"audio\":{\"rate\":16000},\"steps\":[{\"%s\":{\"fft\":256,"
        "\"window\":200,\"hop\":150,\"mels\":8,%s\"like\":\"%s\",\"taper\":\"%s\",\"power\":%g,\"log\":%s,\"eps\":%g,"
        "\"low\":%g,\"high\":%g}}]}}," VALUE,
        mfcc ? "mfcc" : "logmel", count, small(like, l), small(taper, w), power, log ? "true" : "false", eps, low, high);
    rig r;
    sedge_answers a;
    make(x);
    rig_open(&r, (int64_t[]){1, (int64_t)n / wide, wide}, 3, card, NULL);
    sedge_audio sound = {SEDGE_PCM_F32, 1, 16000, N, x};
    for (int i = 0; i < 2; i++) {
        if (sedge_task_run_audio(r.task, &sound, &a, &r.err) != SEDGE_OK)
            fail_msg("%s", r.err.msg);
        r.memory.left = 0; /* the second run asks for no memory */
    }
    assert_int_equal(a.n, n);
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a.answer[i].value - want[i]) <= 2e-5 * fabs(want[i]) + 1e-7 * most))
            fail_msg("%s: number %zu is %.8g, not %.8g", card, i, a.answer[i].value, want[i]);
    rig_close(&r);
}

static void spectra_of_other_libraries(void **state)
{
    (void)state;
#define CASE(name, like, taper, mfcc, power, log, eps, low, high, ...)                               \
    {                                                                                                \
        static const double want[] = {__VA_ARGS__};                                                  \
        spectrum(#like, #taper, mfcc, power, log, eps, low, high, want, sizeof want / sizeof *want); \
    }
#define PSD(...)
#include "spectra.def"
#undef CASE
#undef PSD
}

/* ---- gaps and hops ---- */

typedef struct seen {
    int n;
    double value[64], t0[64];
} seen;

static int take(void *ctx, const sedge_answers *a)
{
    seen *s = ctx;
    for (int i = 0; i < a->n; i++) {
        s->t0[s->n] = a->t0;
        s->value[s->n++] = a->answer[i].value;
    }
    return 0;
}

static seen stream(const char *card, int64_t window, const float *row, size_t rows, size_t piece)
{
    rig r;
    seen s = {.n = 0};
    rig_open(&r, (int64_t[]){1, window}, 2, card, NULL);
    for (size_t i = 0; i < rows; i += piece)
        if (sedge_task_push_rows(r.task, row + i, rows - i < piece ? rows - i : piece, 1, take, &s, &r.err) != SEDGE_OK)
            fail_msg("%s", r.err.msg);
    assert_int_equal(sedge_task_push_rows(r.task, NULL, 0, 1, take, &s, &r.err), SEDGE_OK);
    rig_close(&r);
    return s;
}

static void expect(const seen *s, const double *want, int n)
{
    assert_int_equal(s->n, n);
    for (int i = 0; i < n; i++)
        if (s->value[i] != want[i])
            fail_msg("number %d is %g, not %g", i, s->value[i], want[i]);
}

static void gaps_are_filled(void **state)
{
    (void)state;
    static const float row[8] = {NAN, 2, NAN, NAN, 8, 9, NAN, NAN};
    static const double line[8] = {2, 2, 4, 6, 8, 9, 9, 9}, hold[8] = {0, 2, 2, 2, 8, 9, 9, 9},
                        zero[8] = {0, 2, 0, 0, 8, 9, 0, 0};
    for (size_t piece = 1; piece <= 8; piece += 7) {
        seen s = stream(SERIES("\"columns\":1,\"window\":8,\"missing\":\"linear\"", "") VALUE, 8, row, 8, piece);
        expect(&s, line, 8);
        /* What a window before it showed is held. */
        s = stream(SERIES("\"columns\":1,\"window\":2,\"missing\":\"hold\"", "") VALUE, 2, row, 8, piece);
        expect(&s, hold, 8);
        s = stream(SERIES("\"columns\":1,\"window\":4,\"missing\":\"zero\",\"max_gap\":2", "") VALUE, 4, row, 8, piece);
        expect(&s, zero, 8);
    }
    static const char *const fails[] = {SERIES("\"columns\":1,\"window\":4,\"max_gap\":1", "") VALUE,
                                        SERIES("\"columns\":1,\"window\":4,\"missing\":\"fail\"", "") VALUE,
                                        SERIES("\"columns\":1,\"window\":4,\"missing\":\"linear\",\"max_gap\":1", "") VALUE};
    for (int i = 0; i < 3; i++) {
        rig r;
        sedge_answers a;
        rig_open(&r, (int64_t[]){1, 4}, 2, fails[i], NULL);
        assert_int_equal(sedge_task_run_rows(r.task, row + 1, 4, 1, &a, &r.err), SEDGE_E_VALUE);
        rig_close(&r);
    }
}

static void hops_longer_than_a_window(void **state)
{
    (void)state;
    float row[11];
    static const double want[] = {0, 1, 5, 6};
    for (int i = 0; i < 11; i++)
        row[i] = (float)i;
    for (size_t piece = 1; piece < 12; piece++) {
        seen s = stream(SERIES("\"columns\":1,\"rate\":10,\"window\":2,\"hop\":5", "") VALUE, 2, row, 11, piece);
        expect(&s, want, 4);
        assert_true(s.t0[0] == 0 && s.t0[2] == 0.5);
    }
}

/* ---- text ---- */

static const char vocab[] =
#define VOCAB(text) text
#define TEXT(...)
#include "wordpiece.def"
#undef VOCAB
#undef TEXT
    ;

/* Three inputs: the sum of ids, mask and types comes out. */
static void open_bert(rig *r, const char *card, const char *folder)
{
    pb graph = {.n = 0};
    static const char *const names[] = {"ids", "mask", "types"};
    onnx_node(&graph, "Add", "ids", "mask", "s");
    onnx_node(&graph, "Add", "s", "types", "y");
    for (int i = 0; i < 3; i++)
        onnx_io(&graph, 11, names[i], 7, (int64_t[]){1, 12}, 2);
    onnx_io(&graph, 12, "y", 7, (int64_t[]){1, 12}, 2);
    rig_model(r, &graph);
    if (rig_try(r, card, folder) != SEDGE_OK)
        fail_msg("%s", r->err.msg);
}

static void wordpiece_is_bound(void **state)
{
    (void)state;
    rig_folder dir;
    rig_folder_make(&dir);
    rig_file(&dir, "vocab.txt", vocab, sizeof vocab - 1);
    rig r;
    sedge_answers a;
    open_bert(
        &r,
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"t\":{\"text\":{\"tokens\":\"wordpiece\",\"vocab\":\"vocab.txt\","
        "\"lower\":true,\"pad\":\"max\"},\"bind\":{\"ids\":\"ids\",\"mask\":\"mask\",\"types\":\"types\"}}}," VALUE,
        dir.path);
    /* [CLS] the river is un ##want ##ed . [SEP], then padding without a mask. */
    static const double want[12] = {2 + 1, 4 + 1, 5 + 1, 6 + 1, 10 + 1, 11 + 1, 12 + 1, 16 + 1, 3 + 1, 0, 0, 0};
    for (int k = 0; k < 2; k++) {
        if (sedge_task_run_text(r.task, "The RIVER is unwanted.", 22, &a, &r.err) != SEDGE_OK)
            fail_msg("%s", r.err.msg);
        r.memory.left = 0; /* the second run asks for no memory */
    }
    for (int i = 0; i < 12; i++)
        assert_true(a.answer[i].value == want[i]);
    rig_close(&r);
    rig_folder_remove(&dir);
}

static void words_by_a_pattern(void **state)
{
    (void)state;
    static const char words[] = "<PAD> 0\n<START> 1\n<UNK> 2\ngood 3\nfilm 4\nit's 5\n";
    rig_folder dir;
    rig_folder_make(&dir);
    rig_file(&dir, "words.txt", words, sizeof words - 1);
    rig r;
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 6}, 2,
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"text\":{\"tokens\":\"words\",\"vocab\":\"words.txt\","
        "\"lower\":true,\"split\":\"[^\\\\w']+\",\"unknown\":\"<UNK>\",\"begin\":\"<START>\",\"pad_token\":\"<PAD>\"}}}," VALUE,
        dir.path);
    static const double want[2][6] = {{1, 5, 2, 3, 4, 0}, {1, 3, 3, 3, 3, 3}};
    static const char *const text[] = {"It's a -- GOOD film!", "good good good good good good"};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(sedge_task_run_text(r.task, text[k], strlen(text[k]), &a, &r.err), SEDGE_OK);
        assert_int_equal(a.truncated, k);
        for (int i = 0; i < 6; i++)
            assert_true(a.answer[i].value == want[k][i]);
        r.memory.left = 0; /* as long a text asks for no memory, longer ones do */
        assert_int_equal(sedge_task_run_text(r.task, text[k], strlen(text[k]), &a, &r.err), SEDGE_OK);
        r.memory.left = 1000;
    }
    rig_close(&r);
    rig_folder_remove(&dir);
}

static void both_ends_of_bytes(void **state)
{
    (void)state;
    static const char *const text[] = {"\tab\n", "abcdefghij", ""};
    static const double want[3][6] = {{97, 98, 10, 9, 97, 98}, {97, 98, 99, 104, 105, 106}, {-1, -1, -1, -1, -1, -1}};
    rig r;
    sedge_answers a;
    rig_open(
        &r, (int64_t[]){1, 6}, 2,
        "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{\"text\":{\"tokens\":\"bytes\",\"part\":\"ends\",\"strip\":true,"
        "\"pad_id\":-1}}}," VALUE,
        NULL);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(sedge_task_run_text(r.task, text[k], strlen(text[k]), &a, &r.err), SEDGE_OK);
        assert_int_equal(a.truncated, k == 1);
        for (int i = 0; i < 6; i++)
            assert_true(a.answer[i].value == want[k][i]);
    }
    rig_close(&r);
}

/* ---- other models as steps ---- */

static void finish(rig_folder *dir, const char *name, pb *graph, int inputs, const char *const *in, int outputs,
                   const char *const *out)
{
    pb file;
    pb_str(graph, 2, "g");
    for (int i = 0; i < inputs; i++)
        onnx_io(graph, 11, in[i], 1, (int64_t[]){1, 2}, 2);
    for (int i = 0; i < outputs; i++)
        onnx_io(graph, 12, out[i], 1, (int64_t[]){1, 2}, 2);
    onnx_model(&file, graph, 17);
    rig_file(dir, name, file.b, file.n);
}

#define CHAIN(more)                                                                                            \
    SERIES("\"columns\":2,\"window\":1",                                                                       \
           "{\"graph\":{\"file\":\"a.onnx\",\"out\":\"twice\"}},{\"graph\":{\"file\":\"b.onnx\",\"in\":\"x\"," \
           "\"out\":\"total\"" more "}}")                                                                      \
    VALUE
#define STATE ",\"state\":[{\"out\":\"total\",\"in\":\"old\",\"init\":1}]"

/* a: twice = s + s, kept = s. b: total = x + kept + old, and old is the total before. */
static void graphs_in_a_chain(void **state)
{
    (void)state;
    rig_folder dir;
    pb a = {.n = 0}, b = {.n = 0};
    rig_folder_make(&dir);
    onnx_node(&a, "Add", "s", "s", "twice");
    onnx_node(&a, "Identity", "s", NULL, "kept");
    finish(&dir, "a.onnx", &a, 1, (const char *[]){"s"}, 2, (const char *[]){"twice", "kept"});
    onnx_node(&b, "Add", "x", "kept", "sum");
    onnx_node(&b, "Add", "sum", "old", "total");
    finish(&dir, "b.onnx", &b, 3, (const char *[]){"x", "kept", "old"}, 1, (const char *[]){"total"});
    rig r;
    sedge_answers out;
    rig_open(&r, (int64_t[]){1, 2}, 2, CHAIN(STATE), dir.path);
    static const float row[2][2] = {{1, 2}, {0, 1}};
    static const double want[3][2] = {{4, 7}, {4, 10}, {4, 7}};
    for (int k = 0; k < 3; k++) {
        if (k == 2)
            assert_int_equal(sedge_task_reset(r.task, &r.err), SEDGE_OK);
        if (sedge_task_run_rows(r.task, row[k % 2], 1, 2, &out, &r.err) != SEDGE_OK)
            fail_msg("%s", r.err.msg);
        for (int i = 0; i < 2; i++)
            assert_true(out.answer[i].value == want[k][i]);
    }
    r.memory.left = 0;
    assert_int_equal(sedge_task_run_rows(r.task, row[0], 1, 2, &out, &r.err), SEDGE_OK);
    rig_close(&r);
    rig_identity(&r, (int64_t[]){1, 2}, 2);
    assert_int_equal(rig_try(&r, CHAIN(""), dir.path), SEDGE_E_NOT_FOUND);
    assert_non_null(strstr(r.err.msg, "its input old"));
    rig_close(&r);
    rig_folder_remove(&dir);
}

/* Each request for memory fails in turn: a status, and nothing stays. */
static void failing_memory(void **state)
{
    (void)state;
    rig_folder dir;
    pb a = {.n = 0};
    rig_folder_make(&dir);
    onnx_node(&a, "Add", "s", "s", "twice");
    finish(&dir, "a.onnx", &a, 1, (const char *[]){"s"}, 1, (const char *[]){"twice"});
    sedge_status st = SEDGE_E_NOMEM;
    for (long n = 0; st != SEDGE_OK && n < 10000; n++) {
        rig r;
        sedge_answers out;
        sedge_task_opts opts;
        sedge_task_opts_init(&opts);
        rig_identity(&r, (int64_t[]){1, 4}, 2);
        r.memory = (failing){.left = n};
        r.err = (sedge_error){.status = SEDGE_OK};
        opts.card_text = SERIES("\"columns\":2,\"window\":1", "{\"graph\":\"a.onnx\"},{\"stack\":2}") VALUE;
        opts.folder = dir.path;
        opts.session.threads = 1;
        opts.session.alloc = failing_alloc;
        opts.session.alloc_ctx = &r.memory;
        st = sedge_task_open(&r.task, r.model, NULL, &opts, &r.err);
        for (int k = 0; k < 2 && st == SEDGE_OK; k++)
            st = sedge_task_run_rows(r.task, (const float[]){1, 2}, 1, 2, &out, &r.err);
        assert_true((st == SEDGE_OK) == (r.err.msg[0] == 0));
        rig_close(&r);
    }
    assert_int_equal(st, SEDGE_OK);
    rig_folder_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spectra_of_other_libraries), cmocka_unit_test(gaps_are_filled),
        cmocka_unit_test(hops_longer_than_a_window),  cmocka_unit_test(wordpiece_is_bound),
        cmocka_unit_test(words_by_a_pattern),         cmocka_unit_test(both_ends_of_bytes),
        cmocka_unit_test(graphs_in_a_chain),          cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
