/* The real duty cycle: an inference each period, the processor asleep between, perhaps with other work beside it. */
#ifndef SG_FIT_DUTY_H
#define SG_FIT_DUTY_H

#include "fit/measure.h"

typedef struct sg_duty_opts {
    double period_s, seconds;
    const char *beside; /* a command that runs meanwhile, in a group of processes that is ended with it; NULL: none */
    sg_progress_fn *progress;
    void *ctx;
} sg_duty_opts;

/* First and last: of the first and the last tenth of the time (means). NAN: the system does not tell. */
typedef struct sg_watch {
    double first, lowest, highest, last;
} sg_watch;

typedef struct sg_duty {
    sg_times answer; /* from when it was due to its answer */
    sg_times late;   /* from when it was due to its begin */
    sg_times run;    /* all three sorted */
    size_t misses;   /* answers that came after the next was due; what was due meanwhile is passed over and counted too */
    sg_watch clock_mhz, temperature_c;
} sg_duty;

sedge_status sg_duty_run(sg_once once, const sg_duty_opts *o, sg_duty *out, sg_err *err);
void sg_duty_free(sg_duty *d);

/* A command by the shell in a group of its own. The group is ended, first politely, by sg_beside_end; pid 0: none. */
typedef struct sg_beside {
    long pid;
} sg_beside;
sedge_status sg_beside_start(sg_beside *b, const char *command, sg_err *err);
/* SEDGE_E_VALUE: it has ended by itself. */
sedge_status sg_beside_check(sg_beside *b, const char *command, sg_err *err);
void sg_beside_end(sg_beside *b);

#endif
