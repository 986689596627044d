/* The ONNX importer: names and order, constants, functions, external data, damaged bytes. */
#include "unit.h"

#include <stdlib.h>

#include "import/onnx/import.h"
#include "op/op.h"
#include "tiny_onnx.h"

typedef struct import {
    sg_mem mem;
    sg_arena arena;
    sg_err err;
    sg_import_info info;
    sg_graph *g;
} import;

static sedge_status open_bytes(import *im, const unsigned char *b, size_t n, const char *path)
{
    memset(im, 0, sizeof *im);
    im->mem.limit = 64 << 20;
    im->arena.mem = &im->mem;
    return sg_onnx_import(&im->arena, b, n, path, &im->info, &im->g, &im->err);
}

static void close_import(import *im)
{
    sg_graph_free(im->g);
    sg_import_close(&im->info);
    sg_arena_free(&im->arena);
    assert_int_equal(im->mem.used, 0);
}

static const int64_t shape[2] = {-1, 3};

/* A graph from x [N,3] to y, and its nodes are the caller's. */
static void graph_start(pb *g)
{
    g->n = 0;
    onnx_io(g, 11, "x", 1, shape, 2);
    onnx_io(g, 12, "y", 1, NULL, -1);
}

/* Imports the graph and expects the status and a part of the message. */
static void expect(const pb *g, sedge_status want, const char *part)
{
    pb m;
import im;
    onnx_model(&m, g, 18);
    assert_int_equal(open_bytes(&im, m.b, m.n, NULL), want);
    if (part)
        assert_non_null(strstr(im.err.msg, part));
    close_import(&im);
}

static void nodes_are_sorted(void **state)
{
    (void)state;
    pb g, m;
import im;
    graph_start(&g);
    onnx_node(&g, "Neg", "t", NULL, "y");
    onnx_node(&g, "Relu", "x", NULL, "t");
    onnx_model(&m, &g, 18);
    assert_int_equal(open_bytes(&im, m.b, m.n, NULL), SEDGE_OK);
    sg_nid first = im.g->node[0].next;
    assert_string_equal(im.g->value[sg_node_out(im.g, first, 0)].name, "t");
    assert_int_equal(im.g->n_output, 1);
    const sg_value *y = &im.g->value[im.g->output[0]];
    assert_string_equal(y->name, "y");
    assert_int_equal(y->type.rank, 2);
    assert_int_equal(y->type.dim[1], 3);
    assert_int_equal(im.info.opset[0].version, 18);
    close_import(&im);
}

static void names_are_checked(void **state)
{
    (void)state;
    pb g;
    graph_start(&g);
    onnx_node(&g, "Neg", "q", NULL, "y");
    expect(&g, SEDGE_E_FORMAT, "node y (Neg), input 0: the name q is not defined");
    graph_start(&g);
    onnx_node(&g, "Neg", "x", NULL, "y");
    onnx_node(&g, "Neg", "x", NULL, "y");
    expect(&g, SEDGE_E_FORMAT, "defined twice");
    graph_start(&g);
    onnx_node(&g, "Neg", "t", NULL, "y");
    onnx_node(&g, "Neg", "y", NULL, "t");
    expect(&g, SEDGE_E_FORMAT, "depends on itself");
}

static void unknown_operators_are_all_named(void **state)
{
    (void)state;
    pb g;
    graph_start(&g);
    onnx_node(&g, "Frobnicate", "x", NULL, "t");
    onnx_node(&g, "Relu", "t", NULL, "u");
    onnx_node(&g, "Twiddle", "u", NULL, "y");
    expect(&g, SEDGE_E_UNSUPPORTED, "2 nodes");
    expect(&g, SEDGE_E_UNSUPPORTED, "Operators: Frobnicate, Twiddle");
}

/* Old files list initializers among the inputs. */
static void initializers_are_constants(void **state)
{
    (void)state;
    pb g, m;
import im;
    const float w[3] = {1, 2, 3};
    const int64_t three = 3;
    graph_start(&g);
    onnx_io(&g, 11, "w", 1, &three, 1);
    onnx_floats(&g, "w", w, 3);
    onnx_node(&g, "Add", "x", "w", "y");
    onnx_model(&m, &g, 18);
    assert_int_equal(open_bytes(&im, m.b, m.n, NULL), SEDGE_OK);
    assert_int_equal(im.g->n_input, 1);
    sg_vid c = sg_node_in(im.g, im.g->node[0].next, 1);
    assert_int_equal(im.g->value[c].role, SG_CONST);
    const uint8_t *data = im.g->value[c].data; /* borrowed, at any alignment */
    assert_true(data > m.b && data + sizeof w <= m.b + m.n);
    assert_memory_equal(data, w, sizeof w);
    close_import(&im);
}

/* Function `name` of domain "d": its one node runs `op` of `domain` on a, giving b. */
static void function_add(pb *model, const char *name, const char *op, const char *domain)
{
    pb f = {.n = 0}, n = {.n = 0}, os = {.n = 0};
    pb_str(&n, 1, "a");
    pb_str(&n, 2, "b");
    pb_str(&n, 4, op);
    pb_str(&n, 7, domain);
    pb_str(&f, 1, name);
    pb_str(&f, 4, "a");
    pb_str(&f, 5, "b");
    pb_msg(&f, 7, &n);
    pb_str(&f, 10, "d");
    pb_int(&os, 2, 18);
    pb_msg(&f, 9, &os);
    pb_msg(model, 25, &f);
}

static void call_add(pb *g, const char *name)
{
    pb n = {.n = 0};
    pb_str(&n, 1, "x");
    pb_str(&n, 2, "y");
    pb_str(&n, 3, "call");
    pb_str(&n, 4, name);
    pb_str(&n, 7, "d");
    pb_msg(g, 1, &n);
}

static void functions_unfold(void **state)
{
    (void)state;
    pb g, m;
import im;
    graph_start(&g);
    call_add(&g, "outer");
    onnx_model(&m, &g, 18);
    function_add(&m, "outer", "inner", "d");
    function_add(&m, "inner", "Relu", "");
    assert_int_equal(open_bytes(&im, m.b, m.n, NULL), SEDGE_OK);
    sg_nid first = im.g->node[0].next;
    assert_string_equal(im.g->node[first].name, "call/inner/Relu");
    assert_int_equal(im.g->node[first].next, 0);
    close_import(&im);
    onnx_model(&m, &g, 18);
    function_add(&m, "outer", "inner", "d");
    function_add(&m, "inner", "outer", "d");
    assert_int_equal(open_bytes(&im, m.b, m.n, NULL), SEDGE_E_FORMAT);
    assert_non_null(strstr(im.err.msg, "calls itself"));
    close_import(&im);
}

static sedge_status external_open(const char *location, const char *path)
{
    pb g, m, t = {.n = 0}, e = {.n = 0};
import im;
    graph_start(&g);
    pb_int(&t, 1, 3);
    pb_int(&t, 2, 1);
    pb_str(&t, 8, "w");
    pb_str(&e, 1, "location");
    pb_str(&e, 2, location);
    pb_msg(&t, 13, &e);
    pb_int(&t, 14, 1);
    pb_msg(&g, 5, &t);
    onnx_node(&g, "Add", "x", "w", "y");
    onnx_model(&m, &g, 18);
    sedge_status st = open_bytes(&im, m.b, m.n, path);
    close_import(&im);
    return st;
}

static void external_data_stays_beside_the_model(void **state)
{
    (void)state;
    assert_int_equal(external_open("w.bin", NULL), SEDGE_E_UNSUPPORTED);
    assert_int_equal(external_open("/etc/passwd", "./m.onnx"), SEDGE_E_FORMAT);
    assert_int_equal(external_open("../w.bin", "./m.onnx"), SEDGE_E_IO);
    assert_int_equal(external_open("a/../../w.bin", "./m.onnx"), SEDGE_E_NOT_FOUND);
    assert_int_equal(external_open("there is no such file", "./m.onnx"), SEDGE_E_NOT_FOUND);
}

/* Cut anywhere, changed anywhere: a status with a message, never a crash or a leak. */
static void damaged_bytes_are_refused(void **state)
{
    (void)state;
    pb g, m;
import im;
    const float w[3] = {1, 2, 3};
    graph_start(&g);
    onnx_floats(&g, "w", w, 3);
    onnx_node(&g, "Add", "x", "w", "t");
    onnx_node(&g, "Relu", "t", NULL, "y");
    onnx_model(&m, &g, 18);
    for (size_t i = 0; i < m.n; i++) {
        unsigned char *cut = malloc(m.n); /* exact, so that a sanitizer sees an overrun */
        assert_non_null(cut);
        memcpy(cut, m.b, m.n);
        sedge_status st = open_bytes(&im, cut, i, NULL);
        assert_true(st == SEDGE_OK || im.err.msg[0]);
        close_import(&im);
        for (int bit = 0; bit < 8; bit++) {
            cut[i] = (unsigned char)(m.b[i] ^ 1u << bit);
            st = open_bytes(&im, cut, m.n, NULL);
            assert_true(st == SEDGE_OK || im.err.msg[0]);
            assert_int_not_equal(st, SEDGE_E_BUG);
            close_import(&im);
        }
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_sorted),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(unknown_operators_are_all_named),
        cmocka_unit_test(initializers_are_constants),
        cmocka_unit_test(functions_unfold),
        cmocka_unit_test(external_data_stays_beside_the_model),
        cmocka_unit_test(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
