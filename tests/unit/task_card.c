/* Cards: what is refused and with which words, and that pieces of a stream make no difference. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "failing.h"
#include "sedge/task.h"

#define MODEL "examples/keywords/keywords.onnx"
#define SOUND "\"inputs\":{\"audio\":{\"audio\":{\"rate\":16000,\"window\":16000,\"hop\":1600}}}"
#define HEAD  "{\"sedge_card\":1,\"task\":\"tag\"," SOUND ","

static sedge_model *model;

static int open_model(void **state)
{
    (void)state;
    return sedge_model_open(&model, MODEL, NULL, NULL) == SEDGE_OK ? 0 : -1;
}

static int close_model(void **state)
{
    (void)state;
    sedge_model_close(&model);
    return 0;
}

static sedge_task *open_text(const char *text, sedge_error *err)
{
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    opts.card_text = text;
    opts.session.threads = 1;
    sedge_task *t = NULL;
    sedge_status st = sedge_task_open(&t, model, MODEL, &opts, err);
    assert_true((st == SEDGE_OK) == (t != NULL));
    assert_true((st == SEDGE_OK) == (err->msg[0] == 0));
    return t;
}

static void refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1"},
        {"[]", "must be an object"},
        {"{\"sedge_card\":2}", "sedge_card must be a whole number from 1 to 1"},
        {"{\"sedge_card\":1,\"taks\":\"tag\"}", "taks is unknown; the nearest is task"},
        {"{\"sedge_card\":1,\"task\":\"tag\",\"task\":\"tag\"}", "duplicate"},
        {HEAD "\"answer\":{\"head\":\"clases\"}}", "answer.clases is unknown; the nearest is classes"},
        {HEAD "\"answer\":{\"head\":\"classes\",\"tpo\":1}}", "answer.tpo is unknown; the nearest is top"},
        {HEAD "\"answer\":{\"head\":\"classes\",\"top\":0}}", "answer.top must be"},
        {HEAD "\"answer\":{\"head\":\"classes\",\"scores\":{\"act\":\"soft\"}}}", "answer.scores.act must be one of"},
        {HEAD "\"answer\":{\"head\":\"classes\"},\"labels\":{\"file\":\"../x\"}}", "labels.file must lie in the card's folder"},
        {HEAD "\"answer\":{\"head\":\"classes\"},\"labels\":\"/etc/passwd\"}", "labels.file must lie in the card's folder"},
        {HEAD "\"answer\":{\"head\":\"priors\",\"loc\":0,\"scores\":0,\"priors\":\"a.npy\"}}", "priors needs a picture"},
        {"{\"sedge_card\":1,\"task\":\"tag\",\"inputs\":{\"a\":{\"const\":1}},\"answer\":{\"head\":\"value\"}}", "no such input"},
        {"{\"sedge_card\":1,\"task\":\"tag\",\"inputs\":{\"0\":{\"image\":{},\"text\":{\"tokens\":\"bytes\"}}},"
         "\"answer\":{\"head\":\"value\"}}",
         "must have one of"},
        {"{\"sedge_card\":1,\"task\":\"tag\",\"inputs\":{\"0\":{\"audio\":{\"rate\":16000},\"steps\":[{\"resize\":[2,2]}]}},"
         "\"answer\":{\"head\":\"value\"}}",
         "resize is no step of this kind"},
        {"[[[[[[[[[[[[[[1]]]]]]]]]]]]]]", "nested deeper"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sedge_error err = {.status = SEDGE_OK};
        assert_null(open_text(cases[i][0], &err));
        if (!strstr(err.msg, cases[i][1]))
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.msg, cases[i][1]);
    }
}

static void fields_and_sources(void **state)
{
    (void)state;
    sedge_error err = {.status = SEDGE_OK};
    sedge_task *t = open_text(HEAD "\"answer\":{\"head\":\"classes\",\"top\":3},\"labels\":\"labels.txt\"}", &err);
    assert_non_null(t);
    assert_string_equal(sedge_task_field_source(t, "answer.top"), "card");
    assert_string_equal(sedge_task_field_source(t, "answer.min_score"), "default");
    assert_null(sedge_task_field_source(t, "answer.nothing"));
    assert_string_equal(sedge_task_label(t, 0), "zero");
    assert_null(sedge_task_label(t, 16));
    assert_non_null(strstr(sedge_task_card(t), "\"labels.txt\""));
    /* The card as printed is the card. */
    sedge_task *again = open_text(sedge_task_card(t), &err);
    assert_non_null(again);
    assert_string_equal(sedge_task_card(again), sedge_task_card(t));
    sedge_task_close(&again);
    sedge_task_close(&t);
}

typedef struct seen {
    int n;
    float score[80];
    int label[80];
} seen;

static int take(void *ctx, const sedge_answers *a)
{
    seen *s = ctx;
    s->score[s->n] = a->answer[0].score;
    s->label[s->n++] = a->answer[0].label;
    return 0;
}

static void pieces(void **state)
{
    (void)state;
    sedge_error err = {.status = SEDGE_OK};
    sedge_task *t = open_text(HEAD "\"answer\":{\"head\":\"classes\",\"decide\":{\"mean_of\":2}},\"labels\":\"labels.txt\"}",
                              &err);
    enum { PCM = 60000 };
    static int16_t pcm[PCM];
    uint32_t x = 1;
    for (size_t i = 0; i < PCM; i++)
        pcm[i] = (int16_t)((x = x * 1664525u + 1013904223u) >> 18);
    static const uint32_t rates[] = {16000, 44100, 8000};
    for (int k = 0; k < 3; k++) {
        sedge_audio whole = {SEDGE_PCM_S16, 1, rates[k], PCM, pcm};
        seen a = {.n = 0}, b = {.n = 0};
        size_t step = rates[k] / 100;
        assert_int_equal(sedge_task_reset(t, &err), SEDGE_OK);
        assert_int_equal(sedge_task_push_audio(t, &whole, take, &a, &err), SEDGE_OK);
        assert_int_equal(sedge_task_push_audio(t, NULL, take, &a, &err), SEDGE_OK);
        assert_int_equal(sedge_task_reset(t, &err), SEDGE_OK);
        for (size_t i = 0; i < PCM; i += step) {
            sedge_audio piece = {SEDGE_PCM_S16, 1, rates[k], i + step < PCM ? step : PCM - i, pcm + i};
            assert_int_equal(sedge_task_push_audio(t, &piece, take, &b, &err), SEDGE_OK);
        }
        sedge_audio other = {SEDGE_PCM_S16, 1, 11025, 10, pcm};
        assert_int_equal(sedge_task_push_audio(t, &other, take, &b, &err), SEDGE_E_ARG);
        assert_int_equal(sedge_task_push_audio(t, NULL, take, &b, &err), SEDGE_OK);
        /* 3.75 s, 1.36 s and 7.5 s: a window each 0.1 s from 1 s on. */
        assert_int_equal(a.n, k == 0 ? 28 : k == 1 ? 4 : 66);
        assert_memory_equal(&a, &b, sizeof a);
    }
    sedge_task_close(&t);
}

static void clips_are_heard(void **state)
{
    (void)state;
    sedge_error err = {.status = SEDGE_OK};
    sedge_task *t = NULL;
    assert_int_equal(sedge_task_open(&t, model, MODEL, NULL, &err), SEDGE_OK);
    assert_string_equal(sedge_task_field_source(t, "answer.decide.on"), "card");
    sg_map map;
    assert_int_equal(sg_map_open(&map, "examples/keywords/clips/yes.wav", &err), SEDGE_OK);
    sedge_audio a = {SEDGE_PCM_S16, 1, 16000, (map.size - 44) / 2, map.data + 44};
    sedge_answers out;
    assert_int_equal(sedge_task_run_audio(t, &a, &out, &err), SEDGE_OK);
    assert_string_equal(out.answer[0].text, "yes");
    sg_map_close(&map);
    sedge_task_close(&t);
}

/* Each request for memory fails in turn: a status, and nothing stays. */
static void failing_memory(void **state)
{
    (void)state;
    static float sound[16000];
    sedge_audio a = {SEDGE_PCM_F32, 1, 16000, 16000, sound};
    sedge_status st = SEDGE_E_NOMEM;
    for (long n = 0; st != SEDGE_OK && n < 100000; n++) {
        failing f = {.left = n};
        sedge_task_opts opts;
        sedge_task_opts_init(&opts);
        opts.session.alloc = failing_alloc;
        opts.session.alloc_ctx = &f;
        opts.session.threads = 1;
        sedge_error err = {.status = SEDGE_OK};
        sedge_task *t = NULL;
        sedge_answers out;
        st = sedge_task_open(&t, model, MODEL, &opts, &err);
        if (st == SEDGE_OK)
            st = sedge_task_run_audio(t, &a, &out, &err);
        assert_true((st == SEDGE_OK) == (err.msg[0] == 0));
        sedge_task_close(&t);
        assert_int_equal(f.held, 0);
    }
    assert_int_equal(st, SEDGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),         cmocka_unit_test(fields_and_sources), cmocka_unit_test(pieces),
        cmocka_unit_test(clips_are_heard), cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
