/* The detective: what it blames, what it refuses, and that it can be stopped. */
#include "unit.h"

#include <math.h>

#include "fit/try.h"

#define MODEL "examples/keywords/keywords.onnx"
#define CARD(labels) \
    "{\"sedge_card\":1,\"task\":\"tag\",\"inputs\":{\"audio\":{\"audio\":{\"rate\":16000,\"window\":16000}}}," labels
#define CLASSES CARD("\"answer\":{\"head\":\"classes\"},\"labels\":\"labels.txt\"}")

static void blame_of_scales(void **state)
{
    (void)state;
    static const struct {
        double a0, b0, a1, b1;
        const char *part;
    } cases[] = {
        {1, 0, 1, 0, NULL},
        {1, 0, 1 / 255.0, 0, "factor"},
        {1 / 0.25, -2, 1 / 63.75, -2, "mul"},       /* the division by 255 lacks */
        {1 / 63.75, 0, 1 / 63.75, -2, "norm.mean"}, /* the mean lacks */
        {1 / 255.0, -0.5, 1 / 63.75, -2, "norm.std"},
        {1 / 255.0, 0, 1 / 63.75, -2, "norm"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v[4] = {cases[i].a0, cases[i].b0, cases[i].a1, cases[i].b1};
        sg_affine now = {1, &v[0], &v[1]}, then = {1, &v[2], &v[3]};
        const char *part = sg_affine_blame(&now, &then, 0);
        if (!part != !cases[i].part || (part && strcmp(part, cases[i].part) != 0))
            fail_msg("case %zu: %s, expected %s", i, part ? part : "nothing", cases[i].part ? cases[i].part : "nothing");
    }
}

enum { FRAMES = 16000 };
static int16_t sound[FRAMES];

static sedge_status give(void *ctx, const sedge_task_info *about, size_t i, sedge_item *out, sedge_error *err)
{
    const size_t *bad = ctx;
    assert_int_equal(about->source, SEDGE_SOURCE_AUDIO);
    if (bad && i == *bad)
        return sg_fail(err, SEDGE_E_IO, "sample %zu cannot be read", i);
    out->audio = (sedge_audio){.sample = SEDGE_PCM_S16, .channels = 1, .rate = 16000, .frames = FRAMES, .data = sound};
    return SEDGE_OK;
}

static int stop(void *ctx, double part)
{
    (void)ctx;
    assert_true(part >= 0 && part <= 1);
    return 1;
}

static sedge_status try_it(const char *card, size_t n, const char *const *label, size_t *bad, const sedge_try_opts *how,
                           sedge_try **t, sedge_error *err)
{
    sedge_model *model = NULL;
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    opts.card_text = card;
    opts.session.threads = 1;
    *err = (sedge_error){.status = SEDGE_OK};
    assert_int_equal(sedge_model_open(&model, MODEL, NULL, err), SEDGE_OK);
    sedge_status st = sedge_try_open(t, model, MODEL, &opts, n, label, give, bad, how, err);
    assert_true((st == SEDGE_OK) == (*t != NULL));
    if (st != SEDGE_OK)
        sedge_model_close(&model);
    else { /* answers do not need the model any more */
        sedge_try_result r;
        sedge_try_get(*t, &r);
        assert_non_null(r.verdict);
        assert_non_null(r.card);
        assert_true(r.present >= 0 && r.present < r.n_row);
        sedge_try_close(t);
        sedge_model_close(&model);
    }
    return st;
}

static void refused(void **state)
{
    (void)state;
    static const char *const good[] = {"nine", "7", "Stop", "silence"}, *const bad_label[] = {"nine", "colour"};
    sedge_error err;
    sedge_try *t;
    size_t second = 1;
    sedge_try_opts how;
    sedge_try_opts_init(&how);
    assert_int_equal(try_it(CLASSES, 4, good, NULL, NULL, &t, &err), SEDGE_OK);
    assert_int_equal(try_it(CLASSES, 0, good, NULL, NULL, &t, &err), SEDGE_E_ARG);
    assert_int_equal(try_it(CLASSES, 2, bad_label, NULL, NULL, &t, &err), SEDGE_E_VALUE);
    assert_non_null(strstr(err.msg, "colour"));
    assert_int_equal(try_it(CLASSES, 4, good, &second, NULL, &t, &err), SEDGE_E_IO);
    assert_non_null(strstr(err.msg, "sample 1"));
    how.progress = stop;
    assert_int_equal(try_it(CLASSES, 4, good, NULL, &how, &t, &err), SEDGE_E_CANCELLED);
    assert_int_equal(try_it(CARD("\"answer\":{\"head\":\"embedding\"}}"), 4, good, NULL, NULL, &t, &err), SEDGE_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "embedding"));
    assert_int_equal(try_it("{}", 4, good, NULL, NULL, &t, &err), SEDGE_E_FORMAT);
}

/* Without labels in the card names are numbered in their order; a card that cannot run at all says so. */
static void odd_cards(void **state)
{
    (void)state;
    static const char *const names[] = {"b", "a", "b", "c"};
    sedge_error err;
    sedge_try *t;
    assert_int_equal(try_it(CARD("\"answer\":{\"head\":\"classes\"}}"), 4, names, NULL, NULL, &t, &err), SEDGE_OK);
    assert_int_equal(
        try_it("{\"sedge_card\":1,\"task\":\"tag\",\"inputs\":{\"audio\":{\"audio\":{\"rate\":16000,\"window\":99}}},"
               "\"answer\":{\"head\":\"classes\"},\"labels\":{\"first\":5}}",
               4, names, NULL, NULL, &t, &err),
        SEDGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blame_of_scales), cmocka_unit_test(refused), cmocka_unit_test(odd_cards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
