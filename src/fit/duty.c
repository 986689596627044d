/* An inference each period, by a clock that does not drift; clock and temperature are looked at once a second. */
#include "fit/duty.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/machine.h"

/* ---- what runs beside ------------------------------------------------------------------------ */

sedge_status sg_beside_start(sg_beside *b, const char *command, sg_err *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return sg_fail(err, SEDGE_E_IO, "%s: cannot be started: %s", command, strerror(errno));
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a measurement that is broken off leaves nothing behind */
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    setpgid(pid, pid); /* whoever of the two is first */
    b->pid = pid;
    return SEDGE_OK;
}

sedge_status sg_beside_check(sg_beside *b, const char *command, sg_err *err)
{
    int status;
    if (b->pid <= 0 || waitpid((pid_t)b->pid, &status, WNOHANG) != b->pid)
        return SEDGE_OK;
    kill(-(pid_t)b->pid, SIGTERM); /* what it left running */
    b->pid = 0;
    return sg_fail(err, SEDGE_E_VALUE, "the command beside ended before the measurement (%s %d): %s",
                   WIFEXITED(status) ? "exit status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                   command);
}

void sg_beside_end(sg_beside *b)
{
    if (b->pid <= 0)
        return;
    kill(-(pid_t)b->pid, SIGTERM);
    for (int i = 0; i < 50 && waitpid((pid_t)b->pid, NULL, WNOHANG) == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (i == 40)
            kill(-(pid_t)b->pid, SIGKILL);
    }
    b->pid = 0;
}

/* ---- the cycle ------------------------------------------------------------------------------- */

typedef struct watched {
    sg_watch *w;
    double sum_first, sum_last;
    int n_first, n_last;
} watched;

static void watch(watched *x, double v, double part)
{
    if (!isfinite(v))
        return;
    x->w->lowest = x->w->lowest <= v ? x->w->lowest : v;
    x->w->highest = x->w->highest >= v ? x->w->highest : v;
    if (part <= 0.1 || !x->n_first)
        x->sum_first += v, x->n_first++;
    if (part >= 0.9)
        x->sum_last += v, x->n_last++;
    x->w->first = x->sum_first / x->n_first;
    x->w->last = x->n_last ? x->sum_last / x->n_last : v;
}

static void sleep_until(double due)
{
    struct timespec t = {.tv_sec = (time_t)due, .tv_nsec = (long)((due - floor(due)) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static sedge_status cycle(sg_once once, const sg_duty_opts *o, sg_duty *d, sg_beside *beside, sg_err *err)
{
    watched clock = {.w = &d->clock_mhz}, heat = {.w = &d->temperature_c};
    double start = sg_now() + o->period_s, due = start, looked = -1;
    while (due - start < o->seconds || d->answer.n < 3) {
        sleep_until(due);
        double begin = sg_now();
        SG_TRY(once.run(once.ctx, err));
        double end = sg_now();
        SG_TRY(sg_times_add(&d->answer, 1e3 * (end - due), err));
        SG_TRY(sg_times_add(&d->late, 1e3 * (begin - due), err));
        SG_TRY(sg_times_add(&d->run, 1e3 * (end - begin), err));
        if (looked < 0 || end - looked >= 1) { /* looked at right after a run, when the clock is what the run had */
            double part = (due - start) / o->seconds;
            watch(&clock, sg_machine_clock(""), part);
            watch(&heat, sg_machine_temperature(""), part);
            SG_TRY(sg_beside_check(beside, o->beside, err));
            looked = end;
            if (o->progress)
                o->progress(o->ctx, part);
        }
        for (due += o->period_s; due < end; due += o->period_s)
            d->misses++;
    }
    return sg_beside_check(beside, o->beside, err);
}

sedge_status sg_duty_run(sg_once once, const sg_duty_opts *o, sg_duty *out, sg_err *err)
{
    sg_beside beside = {0};
    *out = (sg_duty){.clock_mhz = {NAN, NAN, NAN, NAN}, .temperature_c = {NAN, NAN, NAN, NAN}};
    if (o->beside)
        SG_TRY(sg_beside_start(&beside, o->beside, err));
    sedge_status st = cycle(once, o, out, &beside, err);
    sg_beside_end(&beside);
    sg_times_sort(&out->answer);
    sg_times_sort(&out->late);
    sg_times_sort(&out->run);
    return st;
}

void sg_duty_free(sg_duty *d)
{
    sg_times_free(&d->answer);
    sg_times_free(&d->late);
    sg_times_free(&d->run);
}
