/* Matrix product in f32, portable C: B in packed blocks, a 4x8 tile of C in registers (Goto and van de Geijn 2008). The
 * order of every sum depends on k alone, so that answers do not change with m, n or threads. */
#include "kernel/gemm/gemm_f32.h"

#include <math.h>
#include <stdbool.h>

enum { MR = SG_GEMM_F32_MR, NR = SG_GEMM_F32_NR, KC = SG_GEMM_F32_KC, NC = SG_GEMM_F32_NC };

void sg_gemm_f32_tile(int64_t k, const float *a, const float *b, float *out)
{
    float c0[NR] = {0}, c1[NR] = {0}, c2[NR] = {0}, c3[NR] = {0};
    for (int64_t p = 0; p < k; p++, a += MR, b += NR) {
        float a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
        for (int j = 0; j < NR; j++)
            c0[j] += a0 * b[j];
        for (int j = 0; j < NR; j++)
            c1[j] += a1 * b[j];
        for (int j = 0; j < NR; j++)
            c2[j] += a2 * b[j];
        for (int j = 0; j < NR; j++)
            c3[j] += a3 * b[j];
    }
    for (int j = 0; j < NR; j++) {
        out[j] = c0[j];
        out[NR + j] = c1[j];
        out[2 * NR + j] = c2[j];
        out[3 * NR + j] = c3[j];
    }
}

/* Columns [0, n) of k rows as panels of NR columns, zeros after the last. */
static void pack_b(const float *b, int64_t row, int64_t col, int64_t k, int64_t n, float *out)
{
    for (int64_t j = 0; j < n; j += NR) {
        int64_t w = n - j < NR ? n - j : NR;
        for (int64_t p = 0; p < k; p++, out += NR) {
            const float *s = b + p * row + j * col;
            if (w == NR && col == 1) {
                for (int i = 0; i < NR; i++)
                    out[i] = s[i];
                continue;
            }
            for (int i = 0; i < NR; i++)
                out[i] = i < w ? s[i * col] : 0;
        }
    }
}

static void pack_a(const float *a, int64_t row, int64_t col, int64_t m, int64_t k, float *out)
{
    for (int64_t p = 0; p < k; p++)
        for (int64_t i = 0; i < MR; i++)
            out[p * MR + i] = i < m ? a[i * row + p * col] : 0;
}

/* The first block of k sets C, the later ones add to it. */
static void store(const sg_gemm_f32_args *g, int64_t i0, int64_t j0, bool first, const float *acc)
{
    int64_t m = g->m - i0 < MR ? g->m - i0 : MR, n = g->n - j0 < NR ? g->n - j0 : NR;
    for (int64_t i = 0; i < m; i++) {
        float *c = g->c + (i0 + i) * g->c_row + j0;
        for (int64_t j = 0; j < n; j++) {
            float v = g->alpha * acc[i * NR + j];
            if (!first)
                v += c[j];
            else if (g->beta != 0)
                v += g->beta * c[j];
            if (first && g->bias)
                v += g->bias[(i0 + i) * g->bias_row + (j0 + j) * g->bias_col];
            c[j] = v;
        }
    }
}

static void block(const sg_gemm_f32_args *g, int64_t j0, int64_t p0, int64_t n, int64_t k)
{
    float *panels = g->pack, *rows = g->pack + (size_t)KC * NC, acc[MR * NR];
    if (k > 0)
        pack_b(g->b + p0 * g->b_row + j0 * g->b_col, g->b_row, g->b_col, k, n, panels);
    for (int64_t i = 0; i < g->m; i += MR) {
        if (k > 0)
            pack_a(g->a + i * g->a_row + p0 * g->a_col, g->a_row, g->a_col, g->m - i < MR ? g->m - i : MR, k, rows);
        for (int64_t j = 0; j < n; j += NR) {
            sg_gemm_f32_tile(k, rows, panels + j * k, acc);
            store(g, i, j0 + j, p0 == 0, acc);
        }
    }
}

/* ---- by tiles: a panel of B is packed, rows of A stay where they are ---- */

enum { WIDE = SG_TILE_VECTORS * 16, DEEP = SG_GEMM_F32_PACK / WIDE / 16 * 16 };

/* k rows of the columns [0, n), alpha times, and zeros up to the width. */
static void pack_panel(const sg_gemm_f32_args *g, const float *b, int64_t k, int64_t n, int64_t width, float *out)
{
    if (g->b_col == 1) {
        for (int64_t p = 0; p < k; p++, b += g->b_row, out += width)
            for (int64_t j = 0; j < width; j++)
                out[j] = j < n ? g->alpha * b[j] : 0;
        return;
    }
    for (int64_t j = 0; j < width; j++)
        for (int64_t p = 0; p < k; p++)
            out[p * width + j] = j < n ? g->alpha * b[p * g->b_row + j * g->b_col] : 0;
}

static void panel_by_tiles(const sg_gemm_f32_args *g, int64_t col, int64_t n, int64_t width, int vectors)
{
    const float *a[SG_TILE_ROWS];
    for (int64_t p = 0; p < g->k; p += DEEP) {
        sg_tile_f32 t = {.a = a, .taps = 1, .k = g->k - p < DEEP ? g->k - p : DEEP, .b = g->pack, .n = n};
        t.add_row = t.c_row = g->c_row;
        t.lo = -HUGE_VALF;
        t.hi = HUGE_VALF;
        pack_panel(g, g->b + p * g->b_row + col * g->b_col, t.k, n, width, g->pack);
        int64_t high = g->tile->rows[vectors];
        for (int64_t i = 0, rows; i < g->m; i += rows) {
            rows = g->m - i < high ? g->m - i : high;
            for (int64_t r = 0; r < rows; r++)
                a[r] = g->a + (i + r) * g->a_row + p;
            t.c = g->c + i * g->c_row + col;
            t.add = p ? t.c : NULL;
            g->tile->fn[vectors][rows - 1](&t);
        }
    }
}

static void by_tiles(const sg_gemm_f32_args *g)
{
    sg_panels panels = sg_panels_of(g->n, g->tile->lanes, g->tile->vectors);
    for (int64_t i = 0; i < panels.count; i++) {
        int64_t at = sg_panel_at(&panels, i), end = sg_panel_at(&panels, i + 1);
        panel_by_tiles(g, at, (end < g->n ? end : g->n) - at, end - at, sg_panel_vectors(&panels, i));
    }
}

void sg_gemm_f32(const sg_gemm_f32_args *g)
{
    if (g->tile && g->k > 0) {
        by_tiles(g);
        return;
    }
    for (int64_t j = 0; j < g->n; j += NC) {
        int64_t n = g->n - j < NC ? g->n - j : NC, p = 0;
        do { /* once even when k is 0: C still takes beta and bias */
            block(g, j, p, n, g->k - p < KC ? g->k - p : KC);
            p += KC;
        } while (p < g->k);
    }
}
