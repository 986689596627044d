/* The recurrences in double. */
#define REAL   double
#define RUN    sg_rec_run_f64
#define WIDEN  sg_widen_f64
#define ROOM   sg_narrow_room_f64
#define NARROW sg_narrow_f64
#include "op/recurrent_run.h"
