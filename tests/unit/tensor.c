/* Shapes: checked products, strides, the walk over broadcast operands. */
#include "unit.h"

#include "tensor/tensor.h"

static void products_are_checked(void **state)
{
    (void)state;
    int64_t n;
    assert_true(sg_numel_checked((int64_t[]){2, 3, 4}, 3, &n));
    assert_int_equal(n, 24);
    assert_true(sg_numel_checked(NULL, 0, &n));
    assert_int_equal(n, 1);
    assert_true(sg_numel_checked((int64_t[]){5, 0, 7}, 3, &n));
    assert_int_equal(n, 0);
    assert_false(sg_numel_checked((int64_t[]){5, -1}, 2, &n));
    assert_false(sg_numel_checked((int64_t[]){INT64_MAX, 2}, 2, &n));
    assert_false(sg_numel_checked((int64_t[]){0, INT64_MIN}, 2, &n));
    assert_false(sg_numel_checked((int64_t[]){SG_NUMEL_MAX, 2}, 2, &n));
}

static void axes_wrap_once(void **state)
{
    (void)state;
    assert_int_equal(sg_axis(-1, 3), 2);
    assert_int_equal(sg_axis(2, 3), 2);
    assert_int_equal(sg_axis(3, 3), -1);
    assert_int_equal(sg_axis(-4, 3), -1);
    assert_int_equal(sg_axis(INT64_MIN, 3), -1);
    assert_int_equal(sg_axis(0, 0), -1);
}

static void walk_broadcasts(void **state)
{
    (void)state;
    sg_walk w;
    int64_t dim[3] = {2, 3, 4}, full[3];
    sg_tensor row = {.rank = 1, .dim = {4}}, column = {.rank = 2, .dim = {3, 1}};
    sg_strides(dim, 3, full);
    sg_walk_init(&w, dim, 3);
    int a = sg_walk_add(&w, full), b = sg_walk_add_bcast(&w, &row), c = sg_walk_add_bcast(&w, &column);
    int64_t n = 0;
    for (bool more = true; more; more = sg_walk_next(&w), n++) {
        assert_int_equal(w.off[a], n);
        assert_int_equal(w.off[b], n % 4);
        assert_int_equal(w.off[c], n / 4 % 3);
    }
    assert_int_equal(n, 24);
}

static void scalar_walk_has_one_element(void **state)
{
    (void)state;
    sg_walk w;
    sg_tensor scalar = {.rank = 0};
    sg_walk_init(&w, NULL, 0);
    assert_int_equal(w.off[sg_walk_add_bcast(&w, &scalar)], 0);
    assert_false(sg_walk_next(&w));
}

static void shapes_compare(void **state)
{
    (void)state;
    sg_tensor a = {.rank = 2, .dim = {2, 3}}, b = {.rank = 2, .dim = {2, 3}}, c = {.rank = 1, .dim = {2}};
    assert_true(sg_same_shape(&a, &b));
    assert_false(sg_same_shape(&a, &c));
    b.dim[1] = 4;
    assert_false(sg_same_shape(&a, &b));
    a.dtype = SG_I4;
    a.dim[1] = 1;
    a.dim[0] = 3;
    assert_int_equal(sg_tensor_bytes(&a), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_checked),        cmocka_unit_test(axes_wrap_once), cmocka_unit_test(walk_broadcasts),
        cmocka_unit_test(scalar_walk_has_one_element), cmocka_unit_test(shapes_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
