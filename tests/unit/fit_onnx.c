/* Writing ONNX: what has no form, what cannot be written, names that clash, metadata, and state, which is state again. */
#include "unit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/export.h"
#include "import/build.h"
#include "import/kinds.h"
#include "import/onnx/import.h"

static sg_mem mem;
static sg_arena arena;

static int start(void **state)
{
    (void)state;
    arena = (sg_arena){.mem = &mem};
    return 0;
}

static int end(void **state)
{
    (void)state;
    sg_arena_free(&arena);
    return mem.used != 0; /* everything was given back */
}

/* ---- graphs and files in memory ---- */

static sg_vid input(sg_graph *g, int64_t n, const char *name)
{
    const sg_type t = {.dtype = SG_F32, .rank = 1, .dim = {n}};
    return sg_input_new(g, &t, name);
}

static sg_vid node(sg_graph *g, sg_op_id row, const sg_vid *in, int n_in, const char *name, const char *out)
{
    sg_err err = {0};
    sg_nid id = sg_node_new(g, &sg_ops[row], in, n_in, 1, 0);
    g->node[id].name = name;
    if (sg_infer_node(g, id, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sg_vid v = sg_node_out(g, id, 0);
    g->value[v].name = out;
    return v;
}

/* y = x + x, z = -y */
static sg_graph *simple(const char *y, const char *z)
{
    sg_graph *g = sg_graph_new(&arena);
    sg_vid x = input(g, 3, "x");
    sg_vid sum = node(g, SG_OP_BINARY, SG_INS(x, x), "sum", y);
    sg_nid minus = sg_node_new(g, SG_ROW(UNARY), &sum, 1, 1, 0);
    assert_true(sg_set_int(g, minus, SG_A_kind, SG_UNARY_NEG));
    assert_int_equal(sg_infer_node(g, minus, NULL), SEDGE_OK);
    g->value[sg_node_out(g, minus, 0)].name = z;
    assert_int_equal(sg_output_add(g, sg_node_out(g, minus, 0)), SEDGE_OK);
    return g;
}

typedef struct bytes {
    uint8_t p[8192];
    size_t n, most;
} bytes;

static bool put(void *ctx, const void *p, size_t n)
{
    bytes *b = ctx;
    if (b->n + n > b->most)
        return false;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}

static bytes file;

static void written(const sg_graph *g, const sg_export_opts *o)
{
    sg_err err = {0};
    file.n = 0;
    file.most = sizeof file.p;
    if (sg_export_onnx_to(g, o, put, &file, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
}

static sg_graph *read_again(sg_import_info *info)
{
    sg_err err = {0};
    sg_graph *g = NULL;
    if (sg_onnx_import(&arena, file.p, file.n, NULL, info, &g, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    return g;
}

static void refused(const sg_graph *g, sedge_status st, const char *word)
{
    sg_err err = {0};
    file.n = 0;
    assert_int_equal(sg_export_onnx_to(g, NULL, put, &file, &err), st);
    if (!strstr(err.msg, word))
        fail_msg("\"%s\" lacks %s", err.msg, word);
}

/* ---- what cannot be written ---- */

static void test_no_form(void **state)
{
    (void)state;
    sg_graph *g = sg_graph_new(&arena);
    sg_vid x = input(g, 4, "x");
    sg_nid id = sg_node_new(g, SG_ROW(BINARY), SG_INS(x, x), 1, 0);
    assert_true(sg_set_int(g, id, SG_A_kind, SG_BINARY_ATAN2));
    g->node[id].name = "angle";
    assert_int_equal(sg_infer_node(g, id, NULL), SEDGE_OK);
    g->value[sg_node_out(g, id, 0)].name = "y";
    assert_int_equal(sg_output_add(g, sg_node_out(g, id, 0)), SEDGE_OK);
    refused(g, SEDGE_E_UNSUPPORTED, "node angle");
    refused(g, SEDGE_E_UNSUPPORTED, "no form in ONNX");
    sg_graph_free(g);
}

/* An attribute that the operator lacks is fine as long as it says nothing. */
static void test_no_attribute(void **state)
{
    (void)state;
    sg_graph *g = sg_graph_new(&arena);
    const sg_type image = {.dtype = SG_F32, .rank = 4, .dim = {1, 1, 4, 4}};
    const int64_t kernel[] = {2, 2};
    sg_vid x = sg_input_new(g, &image, "x");
    sg_nid id = sg_node_new(g, SG_ROW(POOL), &x, 1, 1, 0);
    assert_true(sg_set_int(g, id, SG_A_kind, SG_POOL_MAX) && sg_set_ints(g, id, SG_A_kernel_shape, kernel, 2) &&
                sg_set_int(g, id, SG_A_count_include_pad, 0));
    assert_int_equal(sg_infer_node(g, id, NULL), SEDGE_OK);
    g->value[sg_node_out(g, id, 0)].name = "y";
    assert_int_equal(sg_output_add(g, sg_node_out(g, id, 0)), SEDGE_OK);
    written(g, NULL);
    assert_true(sg_set_int(g, id, SG_A_count_include_pad, 1));
    refused(g, SEDGE_E_UNSUPPORTED, "MaxPool has no count_include_pad");
    sg_graph_free(g);
}

static void test_places(void **state)
{
    (void)state;
    sg_graph *g = simple("y", "z");
    sg_err err = {0};
    char folder[] = "/tmp/sedge-onnx-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/none/m.onnx", folder);
    assert_int_equal(sg_export_onnx(g, NULL, path, &err), SEDGE_E_IO);
    assert_non_null(strstr(err.msg, "none/m.onnx: cannot be written"));

    /* A disk that is full: the file that stood there stays, and nothing stands beside it. */
    struct rlimit before, tight;
    snprintf(path, sizeof path, "%s/m.onnx", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fputs("old", f) >= 0 && fclose(f) == 0, 1);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = (struct rlimit){16, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    err = (sg_err){0};
    sedge_status st = sg_export_onnx(g, NULL, path, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(st, SEDGE_E_IO);
    struct stat sb;
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_size, 3);
    assert_int_equal(sg_export_onnx(g, NULL, path, &err), SEDGE_OK);
    assert_int_equal(stat(path, &sb), 0);
    assert_true(sb.st_size > 50);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);

    file.n = 0;
    file.most = 20;
    err = (sg_err){0};
    assert_int_equal(sg_export_onnx_to(g, NULL, put, &file, &err), SEDGE_E_IO);
    sg_graph_free(g);
}

/* Weights that do not fit into the model's file stand beside it; then all of it or nothing is there. */
static void test_beside(void **state)
{
    (void)state;
    enum { N = 1000 };
    static float weight[N];
    const int64_t dim = N;
    sg_err err = {0};
    char folder[] = "/tmp/sedge-onnx-XXXXXX", path[64], data[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.onnx", folder);
    snprintf(data, sizeof data, "%s/m.onnx.data", folder);
    for (int i = 0; i < N; i++)
        weight[i] = (float)i;
    sg_graph *g = sg_graph_new(&arena);
    sg_vid x = input(g, N, "x"), w = sg_const_new(g, SG_F32, 1, &dim, weight, "w");
    sg_vid y = node(g, SG_OP_BINARY, SG_INS(x, w), "add", "y"), small = sg_const_f64(g, SG_F32, 2);
    y = node(g, SG_OP_BINARY, SG_INS(y, small), "more", "z");
    assert_int_equal(sg_output_add(g, y), SEDGE_OK);
    const sg_export_opts o = {.inside_max = 100};
    assert_int_equal(sg_export_onnx(g, &o, path, &err), SEDGE_OK);
    struct stat sb;
    assert_int_equal(stat(data, &sb), 0);
    assert_int_equal(sb.st_size, sizeof weight);
    assert_int_equal(stat(path, &sb), 0);
    assert_true(sb.st_size < 1000);
    sg_map map;
    sg_import_info info;
    sg_graph *again = NULL;
    assert_int_equal(sg_map_open(&map, path, &err), SEDGE_OK);
    if (sg_onnx_import(&arena, map.data, map.size, path, &info, &again, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    sg_vid v = sg_node_in(again, again->node[0].next, 1);
    assert_memory_equal(again->value[v].data, weight, sizeof weight);
    sg_graph_free(again);
    sg_import_close(&info);
    sg_map_close(&map);

    unlink(data); /* a data file that cannot take its place leaves the model as it was */
    assert_int_equal(mkdir(data, 0777), 0);
    off_t before = sb.st_size;
    assert_int_equal(sg_export_onnx(g, &o, path, &err), SEDGE_E_IO);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_size, before);
    rmdir(data);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    sg_graph_free(g);
}

/* ---- names and metadata ---- */

static void test_names(void **state)
{
    (void)state;
    sg_graph *g = simple("z", "z"); /* inside gives way */
    sg_import_info info;
    written(g, NULL);
    sg_graph *again = read_again(&info);
    assert_string_equal(again->value[again->output[0]].name, "z");
    assert_string_not_equal(again->value[again->node[again->node[0].next].out[0]].name, "z");
    assert_string_equal(again->node[again->node[0].next].name, "sum");
    assert_int_equal(info.n_opset, 1);
    assert_int_equal(info.opset[0].version, 18);
    sg_graph_free(g);
    sg_graph_free(again);
    g = simple("y", "x"); /* the interface does not */
    refused(g, SEDGE_E_BUG, "called x");
    sg_graph_free(g);
}

static void test_metadata(void **state)
{
    (void)state;
    sg_graph *g = simple("y", "z");
    const sg_import_meta old[] = {{"a", "1"}, {"b", "2"}}, more[] = {{"b", "3"}, {"c", "4"}};
    const sg_import_info source = {.format = "onnx", .meta = old, .n_meta = 2};
    sg_import_info info;
    written(g, &(sg_export_opts){.info = &source, .meta = more, .n_meta = 2});
    sg_graph_free(read_again(&info));
    assert_int_equal(info.n_meta, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(info.meta[i].key[0], 'a' + i);
        assert_int_equal(info.meta[i].value[0], "134"[i]);
    }
    assert_string_equal(info.producer, "sedge");
    sg_graph_free(g);
}

/* ---- state ---- */

/* y = x + s, which s becomes. */
static sg_graph *sum_of_all(int64_t state_size)
{
    sg_graph *g = sg_graph_new(&arena);
    sg_vid x = input(g, 2, "x"), s = input(g, state_size, "s");
    sg_vid y = node(g, SG_OP_BINARY, SG_INS(x, s), "add", "y");
    sg_vid next = node(g, SG_OP_IDENTITY, &y, 1, "keep", "s (next)");
    assert_int_equal(sg_output_add(g, y), SEDGE_OK);
    assert_int_equal(sg_output_add(g, next), SEDGE_OK);
    return g;
}

static void test_state(void **state)
{
    (void)state;
    static const float first[2] = {3, 4};
    const void *starts[] = {first};
    const sg_import_info source = {.format = "tflite", .n_state = 1, .state = starts};
    sg_graph *g = sum_of_all(2);
    sg_import_info info;
    written(g, &(sg_export_opts){.info = &source});
    sg_graph *again = read_again(&info);
    assert_int_equal(info.n_state, 1);
    assert_int_equal(again->n_input, 2);
    assert_memory_equal(info.state[0], first, sizeof first);
    starts[0] = NULL; /* zeros */
    sg_graph_free(again);
    written(g, &(sg_export_opts){.info = &source});
    again = read_again(&info);
    assert_int_equal(info.n_state, 1);
    assert_memory_equal(info.state[0], ((const float[2]){0, 0}), sizeof first);
    sg_graph_free(again);
    sg_graph_free(g);
}

static void test_bad_state(void **state)
{
    (void)state;
    static const char *const bad[] = {"3", "-1", "1x", "", "99999999999999999999"};
    sg_graph *g = sum_of_all(2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sg_err err = {0};
        sg_graph *again = NULL;
        sg_import_info info;
        const sg_import_meta meta = {SG_META_STATE, bad[i]};
        written(g, &(sg_export_opts){.meta = &meta, .n_meta = 1});
        assert_int_equal(sg_onnx_import(&arena, file.p, file.n, NULL, &info, &again, &err), SEDGE_E_FORMAT);
        assert_non_null(strstr(err.msg, SG_META_STATE));
    }
    sg_graph_free(g);
}

/* ---- rows in several operators ---- */

/* The type of a quantized result is said by a zero point, in every opset. */
static void test_quantize(void **state)
{
    (void)state;
    sg_graph *g = sg_graph_new(&arena);
    sg_vid x = input(g, 3, "x"), scale = sg_const_f64(g, SG_F32, 0.5);
    sg_nid id = sg_node_new(g, SG_ROW(QUANTIZE), SG_INS(x, scale), 1, 0);
    sg_import_info info;
    assert_true(sg_set_int(g, id, SG_A_output_dtype, SG_I8));
    assert_int_equal(sg_infer_node(g, id, NULL), SEDGE_OK);
    g->value[sg_node_out(g, id, 0)].name = "q";
    assert_int_equal(sg_output_add(g, sg_node_out(g, id, 0)), SEDGE_OK);
    written(g, NULL);
    sg_graph *again = read_again(&info);
    const sg_node *n = &again->node[again->node[0].next];
    assert_ptr_equal(n->op, SG_ROW(QUANTIZE));
    assert_int_equal(again->value[sg_node_in(again, again->node[0].next, 2)].type.dtype, SG_I8);
    assert_int_equal(again->value[again->output[0]].type.dtype, SG_I8);
    assert_int_equal(info.opset[0].version, 18);
    sg_graph_free(again);
    sg_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_form, start, end),
        cmocka_unit_test_setup_teardown(test_no_attribute, start, end),
        cmocka_unit_test_setup_teardown(test_places, start, end),
        cmocka_unit_test_setup_teardown(test_beside, start, end),
        cmocka_unit_test_setup_teardown(test_names, start, end),
        cmocka_unit_test_setup_teardown(test_metadata, start, end),
        cmocka_unit_test_setup_teardown(test_state, start, end),
        cmocka_unit_test_setup_teardown(test_bad_state, start, end),
        cmocka_unit_test_setup_teardown(test_quantize, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
