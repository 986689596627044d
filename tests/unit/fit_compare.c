/* Verdicts on simulated pairs, and the layer to blame where one was spoiled on purpose. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fit/layers.h"
#include "fit/stat.h"
#include "pass/match.h"
#include "run/api.h"

/* ---- verdicts ---- */

/* Of n pairs, those lost and gained at given shares. */
static sg_verdict simulated(uint64_t *seed, uint64_t n, double lost, double gained, double margin)
{
    uint64_t b = 0, c = 0;
    for (uint64_t i = 0; i < n; i++) {
        double u = (double)(sg_random_next(seed) >> 11) / 9007199254740992.0;
        b += u < lost;
        c += u >= lost && u < lost + gained;
    }
    return sg_non_inferior(b, c, n, margin).verdict;
}

/* A wrong PASS: the drop is beyond the margin; a wrong FAIL: it is within. Both in under 5 % of the cases, with a little for 2,000 draws. */
static void verdicts(void **state)
{
    (void)state;
    static const double drops[] = {0, 0.005, 0.01, 0.03}, flips[] = {0.01, 0.04, 0.1};
    static const uint64_t sizes[] = {64, 250, 1000, 10000};
    uint64_t seed = 7;
    for (size_t f = 0; f < 3; f++)
        for (size_t d = 0; d < 4; d++)
            for (size_t s = 0; s < 4; s++) {
                enum { CASES = 2000 };
                int wrong = 0, shown = 0;
                double gained = flips[f] / 2, lost = gained + drops[d], margin = 0.02;
                int cases = sizes[s] > 1000 ? CASES / 4 : CASES;
                for (int k = 0; k < cases; k++) {
                    sg_verdict v = simulated(&seed, sizes[s], lost, gained, margin);
                    wrong += drops[d] > margin ? v == SG_PASS : v == SG_FAIL;
                    shown += v != SG_NOT_SHOWN;
                }
                if (wrong > 0.05 * cases)
                    fail_msg("drop %g, flips %g, n %llu: %d of %d wrong", drops[d], flips[f], (unsigned long long)sizes[s], wrong,
                             cases);
                if (sizes[s] == 10000)
                    assert_true(shown > 0.85 * cases); /* three standard errors at the least */
            }
    /* At the margin itself either verdict may come, each in at most 5 %. */
    for (size_t s = 0; s < 3; s++) {
        int pass = 0, fails = 0;
        for (int k = 0; k < 2000; k++) {
            sg_verdict v = simulated(&seed, sizes[s], 0.06, 0.04, 0.02);
            pass += v == SG_PASS;
            fails += v == SG_FAIL;
        }
        if (pass > 0.06 * 2000 || fails > 0.06 * 2000)
            fail_msg("n %llu: %d PASS and %d FAIL of 2000 at the margin", (unsigned long long)sizes[s], pass, fails);
    }
}

/* ---- layers ---- */

/* Files of this process. */
static char rows_path[64], made_path[64];

/* Random rows for the first input of a model. */
static void write_rows(const sedge_model *m, int n)
{
    sedge_io io;
    char head[128], dims[96] = "";
    size_t each = 1;
    uint64_t seed = 3;
    assert_true(sedge_model_input(m, 0, &io));
    for (int k = 1; k < io.rank; k++) {
        int64_t d = io.dim[k] > 0 ? io.dim[k] : 1;
        snprintf(dims + strlen(dims), sizeof dims - strlen(dims), ", %lld", (long long)d);
        each *= (size_t)d;
    }
    int at = snprintf(head, sizeof head, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d%s), }", n, dims);
    uint16_t size = 118;
    FILE *f = fopen(rows_path, "wb");
    assert_non_null(f);
    fwrite("\x93NUMPY\x01\x00", 1, 8, f);
    fwrite(&size, 1, 2, f);
    fprintf(f, "%s%*s\n", head, 117 - at, "");
    float mean = 0;
    for (size_t i = 0; i < each * (size_t)n; i++) {
        if (i % 16 == 0)
            mean = (float)(sg_random_next(&seed) % 1000) / 1000;
        float v = mean + (float)(sg_random_next(&seed) % 1000) / 5000;
        fwrite(&v, sizeof v, 1, f);
    }
    assert_int_equal(fclose(f), 0);
}

/* The scale that a quantizer and its inverse share, multiplied, in a copy of the graph. */
static void spoil(sg_graph *g, const sg_site *s, double by)
{
    sg_vid scale = sg_node_in(g, s->quantize, 1);
    const sg_value *val = &g->value[scale];
    assert_int_equal(val->type.dtype, SG_F32);
    sg_vid other = sg_const_f64(g, SG_F32, sg_load_f64(SG_F32, val->data, 0) * by);
    assert_true(other != 0);
    sg_node_set_in(g, s->quantize, 1, other);
    sg_node_set_in(g, g->value[s->seen].def, 1, other);
}

static bool scalar_scale(const sg_graph *g, const sg_site *s)
{
    const sg_value *val = s->quantize ? &g->value[sg_node_in(g, s->quantize, 1)] : NULL;
    return val && val->role == SG_CONST && val->type.dtype == SG_F32 && sg_d_numel(&val->type) == 1;
}

/* One layer of `path` with weights is spoiled: it must be the one that is blamed. */
static void blamed(const sedge_model *published, const char *what, int pick)
{
    sedge_model *m = NULL;
    sg_mem mem = {.fn = NULL};
    sg_arena arena = {.mem = &mem};
    sg_sites sites = {.n = 0};
    sedge_error err = {0};
    sedge_model *bad = NULL;
    sedge_data *data = NULL;
    sedge_layers *l = NULL;
    sedge_layers_result r;
    size_t candidate[512], n = 0;
    assert_int_equal(sg_layers_model(&m, published, &err), SEDGE_OK);
    assert_int_equal(sg_sites_find(&sites, &mem, m->graph, m->graph, &err), SEDGE_OK);
    for (size_t k = 0; k < sites.n && n < 512; k++)
        if (scalar_scale(m->graph, &sites.b[k]) && strcmp(sites.op[k], "input") != 0)
            candidate[n++] = k;
    if (n < 2)
        fail_msg("%s: no quantized layers", what);
    size_t k = candidate[(size_t)pick * 7919 % n];
    sg_graph *g = sg_graph_clone(m->graph, &arena);
    assert_non_null(g);
    spoil(g, &sites.b[k], pick % 2 ? 1.0 / 6 : 6);
    assert_int_equal(sg_model_of_graph(&bad, g, m, &err), SEDGE_OK);
    write_rows(m, 4);
    assert_int_equal(sedge_data_open(&data, rows_path, NULL, &err), SEDGE_OK);
    sedge_side before = {.model = m}, after = {.model = bad};
    if (sedge_layers_open(&l, &before, &after, data, rows_path, 4, &err) != SEDGE_OK)
        fail_msg("%s: %s", what, err.msg);
    sedge_layers_get(l, &r);
    const char *want = sites.name[k], *got = r.costly >= 0 ? r.layer[r.costly].name : "none";
    if (strcmp(want, got) != 0 || r.first != r.costly)
        fail_msg("%s: %s was spoiled; costs most: %s, diverges first: %s", what, want, got,
                 r.first >= 0 ? r.layer[r.first].name : "none");
    sedge_layers_close(&l);
    sedge_data_close(&data);
    sedge_model_close(&bad);
    sedge_model_close(&m);
    sg_graph_free(g);
    sg_arena_free(&arena);
    sg_sites_free(&sites, &mem);
}

static const char *testdata(char path[512], const char *name)
{
    const char *at = getenv("SEDGE_TESTDATA");
    snprintf(path, 512, "%s/onnx/%s", at ? at : "../shared/testdata", name);
    return path;
}

static void spoiled(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool make; /* it is a float model */
    } models[] = {{"mlperf_tiny/ic01_resnet8_int8_qdq.onnx", false},
                  {"mlperf_tiny/kws_ref_model_int8_qdq.onnx", false},
                  {"mlperf_tiny/vww_mobilenet_v1_int8_qdq.onnx", false},
                  {"quant/mobilenet_edgetpu_excerpt_qdq.onnx", false},
                  {"vision/mobilenet_v2_w8a8_qdq/model.onnx", false},
                  {"mlperf_tiny/ic01_resnet8_float.onnx", true},
                  {"vision/cnn_mnist_pytorch.onnx", true},
                  {"vision/mnist-8.onnx", true},
                  {"detect/FastestDet.onnx", true},
                  {"detect/ultraface-RFB-320.onnx", true}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[512];
        struct stat st;
        sedge_error err = {0};
        sedge_model *m = NULL;
        if (stat(testdata(path, models[i].name), &st) != 0) {
            print_message("%s is not there: skipped\n", models[i].name);
            continue;
        }
        assert_int_equal(sedge_model_open(&m, path, NULL, &err), SEDGE_OK);
        if (models[i].make) {
            sedge_quantize_opts o;
            sedge_quantize_result r;
            const char *rows = rows_path;
            sedge_quantize_opts_init(&o);
            o.rows = &rows;
            o.n_rows = 1;
            o.method = "minmax";
            write_rows(m, 8);
            if (sedge_quantize(path, made_path, &o, &r, &err) != SEDGE_OK)
                fail_msg("%s: %s", models[i].name, err.msg);
            sedge_model_close(&m);
            assert_int_equal(sedge_model_open(&m, made_path, NULL, &err), SEDGE_OK);
        }
        blamed(m, models[i].name, (int)i + 1);
        sedge_model_close(&m);
    }
    unlink(rows_path);
    unlink(made_path);
}

/* A model beside itself: everything is equal, nobody is blamed. */
static void same(void **state)
{
    (void)state;
    sedge_error err = {0};
    sedge_model *m = NULL;
    sedge_data *data = NULL;
    sedge_layers *l = NULL;
    sedge_layers_result r;
    assert_int_equal(sedge_model_open(&m, "examples/keywords/keywords.onnx", NULL, &err), SEDGE_OK);
    assert_int_equal(sedge_data_open(&data, "examples/keywords/clips", NULL, &err), SEDGE_OK);
    sedge_side side = {.model = m, .path = "examples/keywords/keywords.onnx"};
    if (sedge_layers_open(&l, &side, &side, data, NULL, 3, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sedge_layers_get(l, &r);
    assert_true(r.n_layer > 3 && r.samples == 3);
    assert_true(isinf(r.output_db));
    assert_int_equal(r.first, -1);
    assert_int_equal(r.costly, -1);
    sedge_layers_close(&l);
    sedge_data_close(&data);
    sedge_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts), cmocka_unit_test(same), cmocka_unit_test(spoiled)};
    snprintf(rows_path, sizeof rows_path, "/tmp/sedge-compare-%ld.npy", (long)getpid());
    snprintf(made_path, sizeof made_path, "/tmp/sedge-compare-%ld.onnx", (long)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
