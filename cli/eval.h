/* What the parts of `sedge eval` share. */
#ifndef SG_CLI_EVAL_H
#define SG_CLI_EVAL_H

#include "cli.h"

/* --min and --max of a measure. */
typedef struct limit {
    char name[48];
    double value;
    bool most;
    const sedge_metric *metric;
    bool missed;
} limit;

typedef struct limits {
    limit one[2 * ARGS_MAX];
    int n;
} limits;

/* eval_report.c: --report. */
sedge_status eval_report(const args *a, const sedge_eval_result *r, const sedge_data *data, const limits *l, sedge_error *err);

#endif
