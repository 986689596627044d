/* Attention in float. */
#define REAL   float
#define RUN    sg_att_run_f32
#define FLEX   sg_flex_run_f32
#define WIDEN  sg_widen_f32
#define ROOM   sg_narrow_room_f32
#define NARROW sg_narrow_f32
#include "op/attention_run.h"
