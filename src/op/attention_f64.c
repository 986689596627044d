/* Attention in double. */
#define REAL   double
#define RUN    sg_att_run_f64
#define FLEX   sg_flex_run_f64
#define WIDEN  sg_widen_f64
#define ROOM   sg_narrow_room_f64
#define NARROW sg_narrow_f64
#include "op/attention_run.h"
