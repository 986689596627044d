/* Sessions of several threads on one plan: the thread sanitizer looks on. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>

#include "sedge/sedge.h"

#define MODEL "examples/keywords/keywords.onnx"
enum { THREADS = 4, RUNS = 5, SAMPLES = 16000 };

typedef struct job {
    const sedge_plan *plan;
    float scores[16];
    int ok;
} job;

static float audio[SAMPLES];

static void *run_session(void *ctx)
{
    job *j = ctx;
    sedge_session *s = NULL;
    sedge_session_opts so;
    sedge_tensor in = {.data = audio, .dtype = SEDGE_F32, .rank = 2, .dim = {1, SAMPLES}}, out = {0};
    sedge_session_opts_init(&so);
    so.threads = 2;
    int ok = sedge_session_open(&s, j->plan, &so, NULL) == SEDGE_OK && sedge_session_set_input(s, 0, &in, NULL) == SEDGE_OK;
    for (int i = 0; ok && i < RUNS; i++)
        ok = sedge_session_run(s, NULL, NULL) == SEDGE_OK;
    ok = ok && sedge_session_get_output(s, 0, &out, NULL) == SEDGE_OK && sedge_tensor_bytes(&out) == sizeof j->scores;
    if (ok)
        memcpy(j->scores, out.data, sizeof j->scores);
    sedge_session_close(&s);
    j->ok = ok;
    return NULL;
}

static void one_plan_many_sessions(void **state)
{
    (void)state;
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_error err = {0};
    for (int i = 0; i < SAMPLES; i++)
        audio[i] = (float)((i * 7919) % 2001 - 1000) / 4000.0f;
    if (sedge_model_open(&m, MODEL, NULL, &err) != SEDGE_OK || sedge_plan_make(&p, m, NULL, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    job jobs[THREADS] = {{0}};
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i].plan = p;
        assert_int_equal(pthread_create(&t[i], NULL, run_session, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    float sum = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_true(jobs[i].ok);
        assert_memory_equal(jobs[i].scores, jobs[0].scores, sizeof jobs[0].scores);
    }
    for (int k = 0; k < 16; k++)
        sum += jobs[0].scores[k];
    assert_true(sum > 0.999f && sum < 1.001f);
    sedge_plan_close(&p);
    sedge_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_plan_many_sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
