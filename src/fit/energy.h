/* Energy of an inference above that of the idle machine, by what this machine has for it: a counter of energy, sensors of power, or a battery's
 * gauge. Nothing here is an estimate: where there is no meter, or it does not tell, the reason is the result. */
#ifndef SG_FIT_ENERGY_H
#define SG_FIT_ENERGY_H

#include "fit/measure.h"

typedef enum sg_meter_kind { SG_METER_NONE, SG_METER_COUNTER, SG_METER_POWER, SG_METER_COMMAND } sg_meter_kind;

#define SG_METER_SENSORS 16

typedef struct sg_meter {
    sg_meter_kind kind;
    char name[160]; /* "powercap package-0, package-1" */
    char why[320]; /* of NONE: "no counter ..." */
    int n;
    struct {
        char path[256],
            other[256]; /* other: a current (mA or uA) that goes with the voltage of path; "": path is the power or energy */
        double scale; /* to microjoule or microwatt */
        double range; /* of a counter, microjoule; 0: it does not wrap */
    } sensor[SG_METER_SENSORS];
    struct sg_power_command *command;
} sg_meter;

/* Finds the best meter below `root` ("" but in tests): powercap (RAPL), energy counters of hwmon, INA rails, power sensors of hwmon, a battery that
 * is being discharged. */
void sg_meter_find(sg_meter *m, const char *root);
/* Instead: a command that prints watts, a number a line, for as long as it runs. */
sedge_status sg_meter_command(sg_meter *m, const char *command, sg_err *err);
void sg_meter_close(sg_meter *m);

typedef struct sg_energy {
    bool measured;
    char why[320]; /* how, or why not */
    double mj; /* of an inference, above idle */
    sg_interval range;
    double idle_w, busy_w;
    size_t runs;
    int rounds;
} sg_energy;

/* Idle and busy by turns, `rounds` of each (4 to 30), `seconds` in all; 95 % interval by Student's t over the rounds. */
sedge_status sg_energy_measure(sg_meter *m, sg_once once, double seconds, int rounds, sg_energy *out, sg_progress_fn *progress,
                               void *ctx, sg_err *err);
json_t *sg_energy_json(const sg_energy *e);

#endif
