/* The tiles of one level: a template. What includes it has included a header of kernel/simd first, and then writes rows of
 * TILE(rows, vectors). */
#include <stdbool.h>

#include "kernel/gemm/tile_f32.h"

/* Every sum is a variable of its own, so that no compiler has to be trusted to keep an array in registers. M(i) for row i: */
#define R1(M)  M(0)
#define R2(M)  R1(M) M(1)
#define R3(M)  R2(M) M(2)
#define R4(M)  R3(M) M(3)
#define R5(M)  R4(M) M(4)
#define R6(M)  R5(M) M(5)
#define R7(M)  R6(M) M(6)
#define R8(M)  R7(M) M(7)
#define R9(M)  R8(M) M(8)
#define R10(M) R9(M) M(9)
#define R11(M) R10(M) M(10)
#define R12(M) R11(M) M(11)
#define R13(M) R12(M) M(12)
#define R14(M) R13(M) M(13)
/* M(i, j) for vector j of row i: */
#define C1(M, i) M(i, 0)
#define C2(M, i) C1(M, i) M(i, 1)
#define C3(M, i) C2(M, i) M(i, 2)
#define C4(M, i) C3(M, i) M(i, 3)

#define BIAS(i, j)   v_f32 b##j = t->bias ? v_load_n(t->bias + j * V_LANES, lanes_of(t->n, j)) : v_set(0);
#define START(i, j)  v_f32 c##i##_##j = b##j;
#define LOAD(i, j)   b##j = v_load(b + j * V_LANES);
#define MADD(i, j)   c##i##_##j = v_fma(x, b##j, c##i##_##j);
#define ADD(i, j)    c##i##_##j = v_add(c##i##_##j, v_load(add + j * V_LANES));
#define ADD_N(i, j)  c##i##_##j = v_add(c##i##_##j, v_load_n(add + j * V_LANES, lanes_of(t->n, j)));
#define KEEP(i, j)   v_store(c + j * V_LANES, v_at_most(hi, v_at_least(lo, c##i##_##j)));
#define KEEP_N(i, j) v_store_n(c + j * V_LANES, v_at_most(hi, v_at_least(lo, c##i##_##j)), lanes_of(t->n, j));

#define POINT(i)    const float *a##i = a[i] + off;
#define STARTS_1(i) C1(START, i)
#define MADDS_1(i)                \
    {                             \
        v_f32 x = v_set(a##i[k]); \
        C1(MADD, i)               \
    }
#define ADDS_1(i)    C1(ADD, i) add += t->add_row;
#define ADDS_N_1(i)  C1(ADD_N, i) add += t->add_row;
#define KEEPS_1(i)   C1(KEEP, i) c += t->c_row;
#define KEEPS_N_1(i) C1(KEEP_N, i) c += t->c_row;
#define STARTS_2(i)  C2(START, i)
#define MADDS_2(i)                \
    {                             \
        v_f32 x = v_set(a##i[k]); \
        C2(MADD, i)               \
    }
#define ADDS_2(i)    C2(ADD, i) add += t->add_row;
#define ADDS_N_2(i)  C2(ADD_N, i) add += t->add_row;
#define KEEPS_2(i)   C2(KEEP, i) c += t->c_row;
#define KEEPS_N_2(i) C2(KEEP_N, i) c += t->c_row;
#define STARTS_3(i)  C3(START, i)
#define MADDS_3(i)                \
    {                             \
        v_f32 x = v_set(a##i[k]); \
        C3(MADD, i)               \
    }
#define ADDS_3(i)    C3(ADD, i) add += t->add_row;
#define ADDS_N_3(i)  C3(ADD_N, i) add += t->add_row;
#define KEEPS_3(i)   C3(KEEP, i) c += t->c_row;
#define KEEPS_N_3(i) C3(KEEP_N, i) c += t->c_row;
#define STARTS_4(i)  C4(START, i)
#define MADDS_4(i)                \
    {                             \
        v_f32 x = v_set(a##i[k]); \
        C4(MADD, i)               \
    }
#define ADDS_4(i)    C4(ADD, i) add += t->add_row;
#define ADDS_N_4(i)  C4(ADD_N, i) add += t->add_row;
#define KEEPS_4(i)   C4(KEEP, i) c += t->c_row;
#define KEEPS_N_4(i) C4(KEEP_N, i) c += t->c_row;

/* Columns of vector j. */
static inline int64_t lanes_of(int64_t n, int64_t j)
{
    int64_t left = n - j * V_LANES;
    return left < V_LANES ? left : V_LANES;
}

#define TILE(m, nv)                                                              \
    static void tile_##m##x##nv(const sg_tile_f32 *t)                            \
    {                                                                            \
        const int64_t off = t->a_off, depth = t->k;                              \
        const bool full = t->n == (nv) * V_LANES;                                \
        const float *const *a = t->a;                                            \
        const float *b = t->b, *add = t->add;                                    \
        C##nv(BIAS, 0) R##m(STARTS_##nv) if (add && full)                        \
        {                                                                        \
            R##m(ADDS_##nv)                                                      \
        }                                                                        \
        else if (add)                                                            \
        {                                                                        \
            R##m(ADDS_N_##nv)                                                    \
        }                                                                        \
        for (int64_t tap = t->taps; tap > 0; tap--, a += (m)) {                  \
            R##m(POINT) for (int64_t k = 0; k < depth; k++, b += (nv) * V_LANES) \
            {                                                                    \
                C##nv(LOAD, 0) R##m(MADDS_##nv)                                  \
            }                                                                    \
        }                                                                        \
        const v_f32 lo = v_set(t->lo), hi = v_set(t->hi);                        \
        float *c = t->c;                                                         \
        if (full) {                                                              \
            R##m(KEEPS_##nv)                                                     \
        } else {                                                                 \
            R##m(KEEPS_N_##nv)                                                   \
        }                                                                        \
    }
