/* Weights stay where the file has them: clean pages of the mapping, none in memory twice; map, copy and lock answer alike. */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sedge/sedge.h"
#include "tiny_onnx.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOWED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOWED true
#endif
#endif
#ifndef SHADOWED
#define SHADOWED false /* the peak of the process is its own */
#endif

#define F32 1
enum { ROWS = 3072, COLS = 512, SLACK = 256 * 1024 };
static const size_t weights_size = (size_t)ROWS * COLS * sizeof(float);
static char path[512];

/* Writes y = Gemm(x, w'), x: [1, COLS], w: [ROWS, COLS], to `path`; its weights begin `askew` bytes past a multiple of 4. */
static size_t write_model(unsigned askew)
{
    static pb graph, body, tensor, tail;
    static float w[ROWS * COLS];
    const int64_t x_dim[2] = {1, COLS}, y_dim[2] = {1, ROWS};
    size_t at = 0;
    for (size_t i = 0; i < (size_t)ROWS * COLS; i++)
        w[i] = (float)((int)(i * 37 % 1009) - 504) / 512;
    for (unsigned pad = 0; pad < 8; pad++) {
        pb node = {.n = 0}, attr = {.n = 0};
        graph.n = body.n = tensor.n = tail.n = 0;
        pb_str(&attr, 1, "transB");
        pb_int(&attr, 3, 1);
        pb_int(&attr, 20, 2);
        pb_str(&node, 1, "x");
        pb_str(&node, 1, "w");
        pb_str(&node, 2, "y");
        pb_str(&node, 4, "Gemm");
        pb_msg(&node, 5, &attr);
        pb_msg(&body, 1, &node);
        onnx_io(&body, 11, "x", F32, x_dim, 2);
        onnx_io(&body, 12, "y", F32, y_dim, 2);
        pb_bytes(&body, 10, "12345678", pad); /* a note: moves the weights */
        pb_int(&tensor, 1, ROWS);
        pb_int(&tensor, 1, COLS);
        pb_int(&tensor, 2, F32);
        pb_str(&tensor, 8, "w");
        pb_varint(&tensor, 9 << 3 | 2);
        pb_varint(&tensor, weights_size);
        pb_varint(&body, 5 << 3 | 2);
        pb_varint(&body, tensor.n + weights_size);
        pb_int(&graph, 1, 8);
        pb_varint(&graph, 7 << 3 | 2);
        pb_varint(&graph, body.n + tensor.n + weights_size);
        at = graph.n + body.n + tensor.n;
        if (at % 4 == askew)
            break;
    }
    assert_int_equal(at % 4, askew);
    pb opset = {.n = 0};
    pb_int(&opset, 2, 17);
    pb_msg(&tail, 8, &opset);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(graph.b, 1, graph.n, f);
    fwrite(body.b, 1, body.n, f);
    fwrite(tensor.b, 1, tensor.n, f);
    fwrite(w, 1, weights_size, f);
    fwrite(tail.b, 1, tail.n, f);
    assert_int_equal(fflush(f) || fsync(fileno(f)) || fclose(f), 0); /* written back: its pages are clean */
    return at + weights_size + tail.n;
}

/* The sum of a field over the mappings of the model's file; -1: there are none. */
static long mapping(const char *field)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[1024];
    bool ours = false;
    long sum = 0, kb, found = 0;
    while (f && fgets(line, sizeof line, f)) {
        size_t n = strlen(field);
        if (strncmp(line, field, n) == 0 && line[n] == ':') {
            if (ours && sscanf(line + n + 1, "%ld", &kb) == 1)
                sum += kb * 1024;
        } else if (line[0] >= '0' && (line[0] <= '9' || (line[0] >= 'a' && line[0] <= 'f'))) {
            ours = strstr(line, path) != NULL;
            found += ours;
        }
    }
    if (f)
        fclose(f);
    return found ? sum : -1;
}

/* A line of /proc/self/status, in bytes; -1: not there. */
static long process(const char *field)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = -1;
    size_t n = strlen(field);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, n) == 0 && line[n] == ':')
            kb = strtol(line + n + 1, NULL, 10);
    if (f)
        fclose(f);
    return kb < 0 ? -1 : kb * 1024;
}

/* The peak begins anew. False: this system does not say. */
static bool peak_reset(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    bool ok = f && fputs("5", f) >= 0;
    ok = f && fclose(f) == 0 && ok;
    return ok && process("VmHWM") > 0 && process("VmHWM") - process("VmRSS") < SLACK;
}

typedef struct engine {
    sedge_model *m;
    sedge_plan *p;
    sedge_session *s;
} engine;

static sedge_status engine_open(engine *e, int weights, sedge_error *err)
{
    sedge_model_opts mo;
    sedge_session_opts so;
    sedge_model_opts_init(&mo);
    sedge_session_opts_init(&so);
    mo.weights = weights;
    so.threads = 1;
    memset(e, 0, sizeof *e);
    sedge_status st = sedge_model_open(&e->m, path, &mo, err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&e->p, e->m, NULL, err);
    return st == SEDGE_OK ? sedge_session_open(&e->s, e->p, &so, err) : st;
}

static void engine_close(engine *e)
{
    sedge_session_close(&e->s);
    sedge_plan_close(&e->p);
    sedge_model_close(&e->m);
}

static void answer(engine *e, float *y)
{
    static float x[COLS];
    sedge_error err = {0};
    for (int i = 0; i < COLS; i++)
        x[i] = (float)(i % 23 - 11) / 16;
    sedge_tensor in = {.data = x, .dtype = SEDGE_F32, .rank = 2, .dim = {1, COLS}}, out;
    if (sedge_session_set_input(e->s, 0, &in, &err) || sedge_session_run(e->s, NULL, &err) ||
        sedge_session_get_output(e->s, 0, &out, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(sedge_tensor_bytes(&out), ROWS * sizeof *y);
    memcpy(y, out.data, ROWS * sizeof *y);
}

static void must_open(engine *e, int weights)
{
    sedge_error err = {0};
    if (engine_open(e, weights, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static void map_copy_and_lock_answer_alike(void **state)
{
    (void)state;
    static float want[ROWS], y[ROWS];
    static const int ways[] = {SEDGE_WEIGHTS_MAP, SEDGE_WEIGHTS_COPY, SEDGE_WEIGHTS_LOCK};
    engine e;
    for (unsigned askew = 0; askew < 4; askew++) {
        write_model(askew);
        for (int k = 0; k < 3; k++) {
            sedge_error err = {0};
            sedge_status st = engine_open(&e, ways[k], &err);
            if (st == SEDGE_E_LIMIT && ways[k] == SEDGE_WEIGHTS_LOCK) { /* this user may not lock as much */
                assert_non_null(strstr(err.msg, "cannot lock"));
                print_message("not locked: %s\n", err.msg);
                continue;
            }
            if (st != SEDGE_OK)
                fail_msg("%s", err.msg);
            answer(&e, askew || k ? y : want);
            if (askew || k)
                assert_memory_equal(y, want, sizeof want);
            engine_close(&e);
        }
    }
    float sum = 0; /* of row 0, exact: all are multiples of 2^-13 below 2^10 */
    for (int i = 0; i < COLS; i++)
        sum += (float)(i % 23 - 11) / 16 * (float)(i * 37 % 1009 - 504) / 512;
    assert_true(want[0] == sum);
}

static void the_mapping_stays_clean(void **state)
{
    (void)state;
    static float y[ROWS];
    engine e;
    if (getenv("SEDGE_EMULATED") || access("/proc/self/smaps", R_OK) != 0) {
        print_message("this system has no /proc/self/smaps of the program alone\n");
        skip();
    }
    for (unsigned askew = 0; askew < 2; askew++) {
        size_t size = write_model(askew);
        sedge_plan_info info;
        must_open(&e, SEDGE_WEIGHTS_MAP);
        sedge_plan_get_info(e.p, &info);
        assert_true(mapping("Size") >= (long)size);
        assert_true(mapping("Rss") + (long)info.packed_bytes <= (long)size + SLACK); /* none stands there twice */
        answer(&e, y);
        assert_true(mapping("Rss") + (long)info.packed_bytes <= (long)size + SLACK);
        assert_int_equal(mapping("Private_Dirty"), 0);
        assert_int_equal(mapping("Shared_Dirty"), 0);
        assert_int_equal(mapping("Anonymous"), 0);
        engine_close(&e);
        assert_int_equal(mapping("Rss"), -1);
    }
}

static void the_peak_is_file_arena_and_packed(void **state)
{
    (void)state;
    static float y[ROWS];
    engine e;
    if (SHADOWED || getenv("SEDGE_EMULATED") || !peak_reset()) {
        print_message("the peak is %s\n", SHADOWED ? "the sanitizer's" : "not to be had on this system");
        skip();
    }
    for (unsigned askew = 0; askew < 2; askew++) {
        size_t size = write_model(askew);
        sedge_plan_info info;
        assert_true(peak_reset());
        long before = process("VmRSS");
        must_open(&e, SEDGE_WEIGHTS_MAP);
        answer(&e, y);
        sedge_plan_get_info(e.p, &info);
        long most = (long)size + (long)info.arena_bytes + (long)info.packed_bytes + (3 << 20), used = process("VmHWM") - before;
        if (used > most)
            fail_msg("%ld bytes at the peak, at most %ld allowed", used, most);
        assert_true(used > (long)weights_size / 2); /* the figure is one: the weights were read */
        engine_close(&e);
    }
}

int main(int argc, char **argv)
{
    (void)argc; /* beside the program: what is written to a temporary file system stays dirty */
    snprintf(path, sizeof path, "%s.onnx", argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_copy_and_lock_answer_alike),
        cmocka_unit_test(the_mapping_stays_clean),
        cmocka_unit_test(the_peak_is_file_arena_and_packed),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return rc;
}
