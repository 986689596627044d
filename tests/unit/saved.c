/* Saved plans: the answers of the plan that was saved, whatever is damaged is refused, and so is what was made for others. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/map.h"
#include "base/sha256.h"
#include "base/sum.h"
#include "failing.h"
#include "run/api.h"
#include "sedge/sedge.h"
#include "tiny_onnx.h"

static const char model_path[] = "examples/keywords/keywords.onnx";
static char path[64] = "/tmp/sedge-saved-XXXXXX";
static float audio[16000];

typedef struct whole {
    sedge_model *m;
    sedge_plan *p;
    sedge_session *s;
} whole;

static void shut(whole *w)
{
    sedge_session_close(&w->s);
    sedge_plan_close(&w->p);
    sedge_model_close(&w->m);
}

static sedge_status start(whole *w, const char *file, const sedge_plan_opts *po, sedge_error *err)
{
    memset(w, 0, sizeof *w);
    sedge_status st = sedge_model_open(&w->m, file, NULL, err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&w->p, w->m, po, err);
    if (st == SEDGE_OK)
        st = sedge_session_open(&w->s, w->p, NULL, err);
    return st;
}

/* The answer to one second of audio. */
static void answer(const whole *w, float out[16])
{
    sedge_error err = {0};
    sedge_tensor t = {.data = audio, .dtype = SEDGE_F32, .rank = 2, .dim = {1, 16000}}, y;
    assert_int_equal(sedge_session_set_input(w->s, 0, &t, &err), SEDGE_OK);
    assert_int_equal(sedge_session_run(w->s, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_session_get_output(w->s, 0, &y, &err), SEDGE_OK);
    assert_true(sedge_tensor_bytes(&y) <= 16 * sizeof *out);
    memset(out, 0, 16 * sizeof *out);
    memcpy(out, y.data, sedge_tensor_bytes(&y));
}

static int setup(void **state)
{
    whole w;
    sedge_error err = {0};
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (int i = 0; i < 16000; i++)
        audio[i] = (float)((i * 7919) % 2001 - 1000) / 4000;
    assert_int_equal(start(&w, model_path, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_plan_save(w.p, path, &err), SEDGE_OK);
    shut(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void same_answers(void **state)
{
    whole a, b;
    float x[16], y[16];
    char da[SEDGE_DIGEST_MAX], db[SEDGE_DIGEST_MAX];
    sedge_error err = {0};
    sedge_model_info ia, ib;
    sedge_io oa, ob;
    (void)state;
    assert_int_equal(start(&a, model_path, NULL, &err), SEDGE_OK);
    assert_int_equal(start(&b, path, NULL, &err), SEDGE_OK);
    answer(&a, x);
    answer(&b, y);
    assert_memory_equal(x, y, sizeof x);
    sedge_plan_digest(a.p, da);
    sedge_plan_digest(b.p, db);
    assert_string_equal(da, db);
    sedge_model_get_info(a.m, &ia);
    sedge_model_get_info(b.m, &ib);
    assert_string_equal(ib.format, "sedge");
    assert_string_equal(ib.producer, ia.producer);
    assert_int_equal(ib.n_metadata, ia.n_metadata);
    for (int i = 0; i < ia.n_metadata; i++)
        assert_string_equal(ib.metadata_value[i], ia.metadata_value[i]);
    assert_int_equal(sedge_model_outputs(b.m), sedge_model_outputs(a.m));
    assert_true(sedge_model_output(a.m, 0, &oa) && sedge_model_output(b.m, 0, &ob));
    assert_string_equal(oa.name, ob.name);
    shut(&a);
    /* saved again, it is the same file */
    assert_int_equal(sedge_plan_save(b.p, path, &err), SEDGE_OK);
    shut(&b);
    assert_int_equal(start(&b, path, NULL, &err), SEDGE_OK);
    answer(&b, y);
    assert_memory_equal(x, y, sizeof x);
    shut(&b);
}

static void other_options(void **state)
{
    whole w;
    sedge_plan_opts po;
    sedge_bound n = {"N", 1, 1};
    (void)state;
    for (int i = 0; i < 3; i++) {
        sedge_error err = {0};
        sedge_plan_opts_init(&po);
        if (i == 0)
            po.optimize = 0;
        else if (i == 1)
            po.target = "reference";
        else
            po.n_bound = (po.bound = &n, 1);
        assert_int_equal(start(&w, path, &po, &err), SEDGE_E_ARG);
        assert_non_null(strstr(err.msg, "compile it again"));
        shut(&w);
    }
}

static void damage(void **state)
{
    sg_map map;
    sedge_error err = {0};
    (void)state;
    assert_int_equal(sg_map_open(&map, path, &err), SEDGE_OK);
    unsigned char *b = aligned_alloc(64, (map.size + 63) / 64 * 64);
    assert_non_null(b);
    for (size_t i = 0; i < 600; i++) {
        size_t at = i < 200 ? i : (i * 104729) % map.size, size = i % 10 ? map.size : at;
        sedge_model *m = NULL;
        sedge_error own = {0};
        memcpy(b, map.data, map.size);
        b[at] ^= (unsigned char)(1u << i % 8);
        sedge_status st = sedge_model_open_memory(&m, b, size, NULL, &own);
        assert_int_not_equal(st, SEDGE_OK);
        assert_int_not_equal(st, SEDGE_E_BUG);
        assert_true(own.msg[0] && !strchr(own.msg, '\n'));
        assert_null(m);
    }
    memcpy(b, map.data, map.size);
    for (int askew = 0; askew < 2; askew++) { /* whole, it opens at any place */
        sedge_model *m = NULL;
        unsigned char *to = malloc(map.size + 1);
        assert_non_null(to);
        memcpy(to + askew, b, map.size);
        assert_int_equal(sedge_model_open_memory(&m, to + askew, map.size, NULL, &err), SEDGE_OK);
        sedge_model_close(&m);
        free(to);
    }
    free(b);
    sg_map_close(&map);
}

static void other_level(void **state)
{
    whole w;
    sedge_error err = {0};
    (void)state;
    if (!sg_cpu_machine())
        skip();
    assert_int_equal(setenv("SEDGE_CPU", "scalar", 1), 0);
    assert_int_equal(start(&w, path, NULL, &err), SEDGE_E_UNSUPPORTED);
    assert_int_equal(unsetenv("SEDGE_CPU"), 0);
    assert_non_null(strstr(err.msg, "this is scalar"));
    assert_non_null(strstr(err.msg, "compile it again"));
    shut(&w);
}

static sedge_status with_failing(failing *f, const char *to)
{
    sedge_model_opts mo;
    sedge_model *m = NULL;
    sedge_plan *p = NULL;
    sedge_error err = {0};
    sedge_model_opts_init(&mo);
    mo.alloc = failing_alloc;
    mo.alloc_ctx = f;
    sedge_status st = sedge_model_open(&m, to ? model_path : path, &mo, &err);
    if (st == SEDGE_OK)
        st = sedge_plan_make(&p, m, NULL, &err);
    if (st == SEDGE_OK && to)
        st = sedge_plan_save(p, to, &err);
    sedge_plan_close(&p);
    sedge_model_close(&m);
    assert_true(st == SEDGE_OK || (st == SEDGE_E_NOMEM && err.msg[0]));
    return st;
}

/* Each allocation fails in turn: of opening a saved plan, then of saving one. */
static void allocations(void **state)
{
    char to[80];
    (void)state;
    snprintf(to, sizeof to, "%s.b", path);
    for (int saving = 0; saving < 2; saving++) {
        sedge_status st = SEDGE_E_NOMEM;
        for (long n = 0; st != SEDGE_OK; n++) {
            failing f = {n, 0};
            st = with_failing(&f, saving ? to : NULL);
            assert_int_equal(f.held, 0);
            if (saving)
                assert_int_equal(access(to, F_OK) == 0, st == SEDGE_OK);
        }
    }
    unlink(to);
}

static void no_folder(void **state)
{
    whole w;
    sedge_error err = {0};
    (void)state;
    assert_int_equal(start(&w, model_path, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_plan_save(w.p, "/nowhere/at/all.sedge", &err), SEDGE_E_IO);
    assert_non_null(strstr(err.msg, "/nowhere/at/all.sedge"));
    shut(&w);
}

/* y = x + s, and y becomes s: links and symbols go into the file. */
static void states(void **state)
{
    static const int64_t dim[1] = {-1};
    static const sedge_link link = {"y", "s"};
    pb graph = {.n = 0}, model = {.n = 0};
    whole w = {0};
    sedge_error err = {0};
    sedge_plan_opts po;
    float x[3] = {1, 2, 3};
    char to[80];
    (void)state;
    onnx_node(&graph, "Add", "x", "s", "y");
    onnx_io(&graph, 11, "x", 1, dim, 1);
    onnx_io(&graph, 11, "s", 1, dim, 1);
    onnx_io(&graph, 12, "y", 1, dim, 1);
    onnx_model(&model, &graph, 17);
    sedge_plan_opts_init(&po);
    po.link = &link;
    po.n_link = 1;
    snprintf(to, sizeof to, "%s.c", path);
    assert_int_equal(sedge_model_open_memory(&w.m, model.b, model.n, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_plan_make(&w.p, w.m, &po, &err), SEDGE_OK);
    assert_int_equal(sedge_plan_save(w.p, to, &err), SEDGE_OK);
    shut(&w);
    assert_int_equal(start(&w, to, NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_session_states(w.s), 1);
    sedge_tensor t = {.data = x, .dtype = SEDGE_F32, .rank = 1, .dim = {3}}, y;
    assert_int_equal(sedge_session_set_input(w.s, 0, &t, &err), SEDGE_OK);
    for (int run = 1; run < 4; run++) {
        assert_int_equal(sedge_session_run(w.s, NULL, &err), SEDGE_OK);
        assert_int_equal(sedge_session_get_output(w.s, 0, &y, &err), SEDGE_OK);
        assert_true(((float *)y.data)[2] == 3.0f * (float)run);
    }
    shut(&w);
    unlink(to);
}

static const char *kernel_of(const whole *w)
{
    const char *op, *node, *kernel;
    assert_true(sedge_plan_step(w->p, 0, &op, &node, &kernel));
    return kernel;
}

/* A choice that is not the rule's stays in the file; one that there is not leaves the reference. */
static void choices(void **state)
{
    static const int64_t x_dim[2] = {1, 32}, y_dim[2] = {1, 32};
    static const float weights[32 * 32] = {1, 2, 3};
    static const char *const want[] = {"matmul_f32", "matmul_f32", "gemv_f32", "ref"};
    pb graph = {.n = 0}, model = {.n = 0}, node = {.n = 0}, attr = {.n = 0}, w_dim = {.n = 0};
    char to[80];
    (void)state;
    pb_str(&attr, 1, "transB");
    pb_int(&attr, 3, 1);
    pb_int(&attr, 20, 2);
    pb_str(&node, 1, "x");
    pb_str(&node, 1, "w");
    pb_str(&node, 2, "y");
    pb_str(&node, 4, "Gemm");
    pb_msg(&node, 5, &attr);
    pb_msg(&graph, 1, &node);
    onnx_io(&graph, 11, "x", 1, x_dim, 2);
    onnx_io(&graph, 12, "y", 1, y_dim, 2);
    pb_int(&w_dim, 1, 32);
    pb_int(&w_dim, 1, 32);
    pb_int(&w_dim, 2, 1);
    pb_str(&w_dim, 8, "w");
    pb_varint(&w_dim, 9 << 3 | 2);
    pb_varint(&w_dim, sizeof weights);
    static unsigned char bytes[8192];
    pb head = {.n = 0}, tail = {.n = 0}, op = {.n = 0};
    pb_int(&head, 1, 8);
    pb_varint(&head, 7 << 3 | 2);
    pb start_of = {.n = 0};
    pb_varint(&start_of, 5 << 3 | 2);
    pb_varint(&start_of, w_dim.n + sizeof weights);
    pb_varint(&head, graph.n + start_of.n + w_dim.n + sizeof weights);
    pb_int(&op, 2, 17);
    pb_msg(&tail, 8, &op);
    const struct {
        const void *p;
        size_t n;
    } part[] = {{head.b, head.n},   {graph.b, graph.n},        {start_of.b, start_of.n},
                {w_dim.b, w_dim.n}, {weights, sizeof weights}, {tail.b, tail.n}};
    for (size_t i = 0; i < 6; i++) {
        memcpy(bytes + model.n, part[i].p, part[i].n);
        model.n += part[i].n;
    }
    snprintf(to, sizeof to, "%s.d", path);
    for (uint8_t c = 0; c < 4; c++) {
        whole w = {0};
        sedge_error err = {0};
        assert_int_equal(sedge_model_open_memory(&w.m, bytes, model.n, NULL, &err), SEDGE_OK);
        w.m->graph->node[w.m->graph->node[0].next].choice = c;
        assert_int_equal(sedge_plan_make(&w.p, w.m, NULL, &err), SEDGE_OK);
        assert_string_equal(kernel_of(&w), want[c]);
        assert_int_equal(sedge_plan_save(w.p, to, &err), SEDGE_OK);
        shut(&w);
        assert_int_equal(start(&w, to, NULL, &err), SEDGE_OK);
        assert_string_equal(kernel_of(&w), want[c]);
        shut(&w);
    }
    unlink(to);
}

static void note(void *ctx, const char *line)
{
    if (strncmp(line, "cache: ", 7) == 0 || strncmp(line, "tune: ", 6) == 0)
        snprintf(ctx, 256, "%s", line);
}

/* The second plan comes from the folder; other options have a file of their own, a damaged one is made again. */
static void cache(void **state)
{
    char dir[] = "/tmp/sedge-cache-XXXXXX", line[256], command[128];
    float x[16], y[16];
    whole w;
    sedge_plan_opts po;
    (void)state;
    assert_non_null(mkdtemp(dir));
    sedge_plan_opts_init(&po);
    po.cache = dir;
    po.trace = note;
    po.trace_ctx = line;
    for (int i = 0; i < 6; i++) {
        sedge_error err = {0};
        po.tune = i == 2 || i == 3 ? SEDGE_TUNE_QUICK : SEDGE_TUNE_NONE;
        if (i == 4) {
            snprintf(command, sizeof command, "for f in %s/*; do echo ruin >$f; done", dir);
            assert_int_equal(system(command), 0);
        }
        assert_int_equal(start(&w, model_path, &po, &err), SEDGE_OK);
        assert_true(strncmp(line, i % 2 ? "cache: taken from" : "cache: saved to", 15) == 0);
        answer(&w, y);
        if (i == 0)
            memcpy(x, y, sizeof x);
        if (!po.tune)
            assert_memory_equal(x, y, sizeof x);
        shut(&w);
    }
    po.cache = "/nowhere/at/all"; /* the plan is made all the same, and it is said */
    assert_int_equal(start(&w, model_path, &po, NULL), SEDGE_OK);
    assert_non_null(strstr(line, "cannot be written"));
    shut(&w);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* The examples of FIPS 180-4's authors. */
static void sha256(void **state)
{
    static const struct {
        const char *text, *digest;
    } known[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    (void)state;
    for (int i = 0; i < 3; i++)
        for (size_t cut = 0; cut <= strlen(known[i].text); cut++) {
            sg_sha256 s;
            uint8_t d[SG_SHA256_BYTES];
            char text[2 * SG_SHA256_BYTES + 1];
            sg_sha256_init(&s);
            sg_sha256_add(&s, known[i].text, cut);
            sg_sha256_add(&s, known[i].text + cut, strlen(known[i].text) - cut);
            sg_sha256_end(&s, d);
            sg_sha256_text(d, text);
            assert_string_equal(text, known[i].digest);
        }
}

/* In one piece or in several, on any number of threads; one bit makes another sum. */
static void sum(void **state)
{
    enum { N = 3 * SG_SUM_CHUNK + 1001 };
    unsigned char *b = malloc(N);
    (void)state;
    assert_non_null(b);
    for (size_t i = 0; i < N; i++)
        b[i] = (unsigned char)(i * 31 ^ i >> 9);
    uint64_t want = sg_sum(0, b, N, 1);
    assert_true(sg_sum(0, b, N, 3) == want);
    assert_true(sg_sum(sg_sum(0, b, 2 * SG_SUM_CHUNK, 1), b + 2 * SG_SUM_CHUNK, N - 2 * SG_SUM_CHUNK, 2) == want);
    assert_true(sg_sum(0, b, N - 1, 1) != want);
    for (size_t i = 0; i < N; i += 9973) {
        b[i] ^= 1;
        assert_true(sg_sum(0, b, N, 1) != want);
        b[i] ^= 1;
    }
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_answers), cmocka_unit_test(other_options), cmocka_unit_test(damage), cmocka_unit_test(other_level),
        cmocka_unit_test(allocations),  cmocka_unit_test(no_folder),     cmocka_unit_test(states), cmocka_unit_test(cache),
        cmocka_unit_test(choices),      cmocka_unit_test(sha256),        cmocka_unit_test(sum)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
