/* The recurrences in float; f16 and bf16 are widened to it. */
#define REAL   float
#define RUN    sg_rec_run_f32
#define WIDEN  sg_widen_f32
#define ROOM   sg_narrow_room_f32
#define NARROW sg_narrow_f32
#include "op/recurrent_run.h"
