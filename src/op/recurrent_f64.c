/* The recurrences in double. */
#define REAL                                               double
#define RUN                                                sg_rec_run_f64
#define WIDEN                                              sg_widen_f64
#define ROOM                                               sg_narrow_room_f64
#define NARROW                                             sg_narrow_f64
#define MADD(r, out, out_row, v, v_row, rows, w, ld, k, n) false
#define ACT(a, v, n)                                       false
#define TURNED(w)                                          NULL
#include "op/recurrent_run.h"
