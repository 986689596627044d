/* Enumerations of the row resize: values of its attributes. */
#ifndef SG_OP_RESIZE_H
#define SG_OP_RESIZE_H

#include "op/op.h"

enum { SG_RESIZE_NEAREST, SG_RESIZE_LINEAR, SG_RESIZE_CUBIC };                            /* mode */
enum { SG_ROUND_PREFER_FLOOR, SG_ROUND_PREFER_CEIL, SG_ROUND_FLOOR, SG_ROUND_CEIL };      /* nearest_mode */
enum { SG_ASPECT_STRETCH, SG_ASPECT_NOT_LARGER, SG_ASPECT_NOT_SMALLER };                  /* keep_aspect_ratio_policy */
enum {                                                                                    /* coordinate_transformation_mode */
       SG_COORD_HALF_PIXEL,
       SG_COORD_HALF_PIXEL_SYMMETRIC,
       SG_COORD_PYTORCH_HALF_PIXEL,
       SG_COORD_ALIGN_CORNERS,
       SG_COORD_ASYMMETRIC,
       SG_COORD_TF_CROP,
       SG_COORD_TF_NEAREST
};

/* One axis of a resize and where its samples come from. */
typedef struct sg_axis_map {
    int64_t in, out;
    double scale;      /* output over input */
    double roi0, roi1; /* of SG_COORD_TF_CROP */
    int mode, coord, round;
    bool antialias, exclude;
    double cubic_a;
} sg_axis_map;

/* A resize as a run has it; roi and sizes are checked. */
typedef struct sg_resize {
    int rank;
    sg_axis_map map[SG_RANK_MAX];
    bool active[SG_RANK_MAX]; /* axes that change */
    double outside;
} sg_resize;
sedge_status sg_resize_read(sg_exec *x, sg_resize *r);

/* Taps a sample needs: 1 for nearest. At most INT32_MAX, else -1. */
int64_t sg_axis_taps(const sg_axis_map *m);
/* Positions (clamped into the axis) and weights of the taps of output o; false: extrapolated. */
bool sg_axis_sample(const sg_axis_map *m, int64_t o, int64_t taps, int64_t *at, double *weight);

#endif
