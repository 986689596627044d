/* The tile that f32 matrix products and convolutions are made of: a few rows of A, read where they stand, times a packed
 * panel of B. Every element is one sum along K, in order, whatever the height of the tile: answers do not depend on how the
 * rows are cut. */
#ifndef SG_KERNEL_GEMM_TILE_F32_H
#define SG_KERNEL_GEMM_TILE_F32_H

#include <stddef.h>
#include <stdint.h>

enum { SG_TILE_ROWS = 14, SG_TILE_VECTORS = 4 };

typedef struct sg_tile_f32 {
    const float *const *a; /* [taps][rows]: where k floats of a row stand, less a_off */
    int64_t a_off;
    int64_t taps, k;
    const float *b;        /* the panel: [taps * k][width], zeros past column n; 64-byte aligned */
    const float *bias;     /* [n], or NULL */
    const float *add;      /* rows like those of c, from which the sums start, or NULL; may be the bytes of c */
    int64_t add_row;
    float *c;
    int64_t c_row, n;      /* columns of c: more than width less one vector */
    float lo, hi;
} sg_tile_f32;

typedef void sg_tile_f32_fn(const sg_tile_f32 *t);

/* Tiles of one level. A panel has 1 to `vectors` vectors of `lanes` columns. */
typedef struct sg_tile_f32_table {
    int lanes, vectors;
    int rows[SG_TILE_VECTORS + 1];              /* by vectors: the highest tile */
    sg_tile_f32_fn *const *fn[SG_TILE_VECTORS + 1]; /* by vectors: by rows less 1 */
} sg_tile_f32_table;

/* The best tiles for these levels of the processor (base/cpu.h). */
void sg_tile_f32_init(sg_tile_f32_table *t, uint32_t cpu);
extern const sg_tile_f32_table sg_tile_f32_any, sg_tile_f32_avx2, sg_tile_f32_avx512, sg_tile_f32_neon;

/* How n columns are cut into panels, as even as vectors allow. */
typedef struct sg_panels {
    int64_t n, count;
    int64_t base, more; /* vectors of a panel; the first `more` panels have one more */
    int lanes;
} sg_panels;

static inline sg_panels sg_panels_of(int64_t n, int lanes, int vectors)
{
    int64_t v = (n + lanes - 1) / lanes, count = (v + vectors - 1) / vectors;
    return (sg_panels){.n = n, .count = count, .base = count ? v / count : 0, .more = count ? v % count : 0, .lanes = lanes};
}

/* The first column of panel i, which may be `count`. */
static inline int64_t sg_panel_at(const sg_panels *p, int64_t i)
{
    return (i * p->base + (i < p->more ? i : p->more)) * p->lanes;
}

static inline int sg_panel_vectors(const sg_panels *p, int64_t i)
{
    return (int)(p->base + (i < p->more));
}

#endif
