/* Energy above idle: rounds of rest and of work by turns, each read from the meter. */
#include "fit/energy.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "fit/machine.h"
#include "fit/report.h"

/* ---- a command that prints watts ------------------------------------------------------------- */

struct sg_power_command {
    pid_t pid;
    int fd;
    char line[128];
    size_t n;
    double watts; /* the last that it printed; NAN: none yet */
    unsigned long lines;
    bool ended;
};

sedge_status sg_meter_command(sg_meter *m, const char *command, sg_err *err)
{
    int fd[2];
    memset(m, 0, sizeof *m);
    struct sg_power_command *c = calloc(1, sizeof *c);
    if (!c || pipe(fd) != 0) {
        free(c);
        return sg_fail(err, SEDGE_E_IO, "%s: cannot be started", command);
    }
    c->watts = NAN;
    c->pid = fork();
    if (c->pid == 0) {
        setpgid(0, 0);
        dup2(fd[1], STDOUT_FILENO);
        close(fd[0]);
        close(fd[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    c->fd = fd[0];
    m->command = c;
    if (c->pid < 0) {
        sg_meter_close(m);
        return sg_fail(err, SEDGE_E_IO, "%s: cannot be started: %s", command, strerror(errno));
    }
    setpgid(c->pid, c->pid);
    m->kind = SG_METER_COMMAND;
    snprintf(m->name, sizeof m->name, "--power-cmd %.120s", command);
    return SEDGE_OK;
}

void sg_meter_close(sg_meter *m)
{
    struct sg_power_command *c = m->command;
    if (!c)
        return;
    close(c->fd);
    if (c->pid > 0) {
        kill(-c->pid, SIGTERM);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    free(c);
    m->command = NULL;
}

/* Takes what the command has printed, waiting at most so long. */
static void listen_to(struct sg_power_command *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    while (!c->ended && poll(&p, 1, wait_ms) > 0) {
        char ch[256], *end;
        ssize_t got = read(c->fd, ch, sizeof ch);
        c->ended = got <= 0;
        for (ssize_t i = 0; i < got; i++) {
            if (ch[i] != '\n') {
                c->n += c->n < sizeof c->line - 1;
                c->line[c->n - 1] = ch[i];
                continue;
            }
            c->line[c->n] = 0;
            double v = strtod(c->line, &end);
            if (end != c->line && v >= 0 && v < 1e6) {
                c->watts = v;
                c->lines++;
            }
            c->n = 0;
        }
        wait_ms = 0;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Microwatts now, or microjoules so far. NAN: not told. */
static double sum(const sg_meter *m, double raw[SG_METER_SENSORS])
{
    double all = 0;
    for (int i = 0; i < m->n; i++) {
        raw[i] = sg_machine_number("", m->sensor[i].path);
        if (*m->sensor[i].other)
            raw[i] *= fabs(sg_machine_number("", m->sensor[i].other));
        all += raw[i] * m->sensor[i].scale;
    }
    return all;
}

/* What is read during one phase. Powers are read by a thread of their own, 50 times a second, and summed over time; a counter has the
 * difference of its ends. */
typedef struct phase {
    sg_meter *m;
    double start, seconds, joules, raw[SG_METER_SENSORS];
    double last_w, last_at;
    unsigned long readings, changes; /* changes: of a counter, lines of a command */
    bool bad;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop_now;
    bool stop;
} phase;

static double watts_now(phase *p)
{
    double raw[SG_METER_SENSORS];
    if (p->m->kind != SG_METER_COMMAND)
        return 1e-6 * sum(p->m, raw);
    unsigned long before = p->m->command->lines;
    listen_to(p->m->command, 0);
    p->changes += p->m->command->lines - before;
    return p->m->command->watts;
}

static void look(phase *p)
{
    double now = sg_now(), w = watts_now(p);
    p->bad = p->bad || !isfinite(w);
    if (p->readings)
        p->joules += (now - p->last_at) * (w + p->last_w) / 2;
    p->readings++;
    p->last_w = w;
    p->last_at = now;
}

static void *sampler(void *ctx)
{
    phase *p = ctx;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct timespec until;
        look(p);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&p->stop_now, &p->lock, &until);
    }
    look(p);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool phase_begin(phase *p, sg_meter *m)
{
    memset(p, 0, sizeof *p);
    p->m = m;
    p->start = sg_now();
    if (m->kind == SG_METER_COUNTER)
        return isfinite(sum(m, p->raw));
    return pthread_mutex_init(&p->lock, NULL) == 0 && pthread_cond_init(&p->stop_now, NULL) == 0 &&
           pthread_create(&p->thread, NULL, sampler, p) == 0;
}

static bool phase_end(phase *p)
{
    double raw[SG_METER_SENSORS];
    const sg_meter *m = p->m;
    if (m->kind != SG_METER_COUNTER) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_signal(&p->stop_now);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
        pthread_mutex_destroy(&p->lock);
        pthread_cond_destroy(&p->stop_now);
        p->seconds = p->last_at - p->start;
        return !p->bad;
    }
    bool good = isfinite(sum(m, raw));
    p->seconds = sg_now() - p->start;
    for (int i = 0; good && i < m->n; i++) {
        double d = raw[i] - p->raw[i];
        if (d < 0) /* it wrapped */
            d += m->sensor[i].range;
        good = good && d >= 0;
        p->joules += 1e-6 * d * m->sensor[i].scale;
        p->changes += d > 0;
    }
    return good;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Two-sided 95 % of Student's t, by degrees of freedom from 3 to 29 (any table of it). */
static double student(int df)
{
    static const double t[] = {3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                               2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045};
    return t[df - 3];
}

static void rest(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

typedef struct rounds {
    double mj[30], idle_w, busy_w;
    size_t runs;
    unsigned long busy_changes;
} rounds;

/* One round: rest, then work. False in *told: the meter did not tell. */
static sedge_status one_round(sg_meter *m, sg_once once, double seconds, rounds *r, int k, bool *told, sg_err *err)
{
    phase idle, busy;
    size_t n = 0;
    if (!(*told = phase_begin(&idle, m)))
        return SEDGE_OK;
    rest(seconds);
    if (!(*told = phase_end(&idle)) || !(*told = phase_begin(&busy, m)))
        return SEDGE_OK;
    sedge_status st = SEDGE_OK;
    do {
        st = once.run(once.ctx, err);
        n++;
    } while (st == SEDGE_OK && sg_now() - busy.start < seconds);
    *told = phase_end(&busy) && idle.seconds > 0;
    if (st != SEDGE_OK || !*told)
        return st;
    double idle_w = idle.joules / idle.seconds;
    r->mj[k] = 1e3 * (busy.joules - idle_w * busy.seconds) / (double)n;
    r->idle_w += idle_w;
    r->busy_w += busy.joules / busy.seconds;
    r->runs += n;
    r->busy_changes += busy.changes;
    return SEDGE_OK;
}

static void conclude(const sg_meter *m, const rounds *r, int n, sg_energy *out)
{
    double mean = 0, square = 0;
    for (int k = 0; k < n; k++)
        mean += r->mj[k] / n;
    for (int k = 0; k < n; k++)
        square += (r->mj[k] - mean) * (r->mj[k] - mean);
    double half = student(n - 1) * sqrt(square / (n - 1) / n);
    out->mj = mean;
    out->range = (sg_interval){mean - half, mean + half};
    out->idle_w = r->idle_w / n;
    out->busy_w = r->busy_w / n;
    out->runs = r->runs;
    if (m->kind != SG_METER_POWER && r->busy_changes < (unsigned long)n) /* a sensor of power may well be steady */
        snprintf(out->why, sizeof out->why, "not measurable here: the meter (%s) changed only %lu times during %d rounds",
                 m->name, r->busy_changes, n);
    else if (out->range.low <= 0)
        snprintf(out->why, sizeof out->why,
                 "not measurable here: the work does not stand out from idle (%s: %.3g W idle, %.3g W busy)", m->name,
                 out->idle_w, out->busy_w);
    else
        snprintf(out->why, sizeof out->why, "%s, above idle, %d rounds of rest and work", m->name, n);
    out->measured = strncmp(out->why, "not ", 4) != 0;
}

sedge_status sg_energy_measure(sg_meter *m, sg_once once, double seconds, int n, sg_energy *out, sg_progress_fn *progress,
                               void *ctx, sg_err *err)
{
    rounds r = {.runs = 0};
    bool told = true;
    memset(out, 0, sizeof *out);
    out->rounds = n;
    if (m->kind == SG_METER_NONE) {
        snprintf(out->why, sizeof out->why, "not measurable here: %.290s", m->why);
        return SEDGE_OK;
    }
    if (m->kind == SG_METER_COMMAND) /* its first line may take a while */
        for (double start = sg_now(); !isfinite(m->command->watts) && !m->command->ended && sg_now() - start < 10;)
            listen_to(m->command, 100);
    for (int k = 0; told && k < n; k++) {
        SG_TRY(one_round(m, once, seconds / (2 * n), &r, k, &told, err));
        if (progress)
            progress(ctx, (k + 1.0) / n);
    }
    if (!told)
        snprintf(out->why, sizeof out->why, "not measurable here: %s gave no number", m->name);
    else if (m->kind == SG_METER_COMMAND && m->command->ended)
        snprintf(out->why, sizeof out->why, "not measurable here: %s ended before the measurement", m->name);
    else
        conclude(m, &r, n, out);
    return SEDGE_OK;
}

json_t *sg_energy_json(const sg_energy *e)
{
    json_t *o = json_pack("{s:b, s:s}", "measured", e->measured, "why", e->why);
    if (e->measured)
        json_object_update_new(o, json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:i}", "inference_mj", sg_json_number(e->mj),
                                            "low_mj", sg_json_number(e->range.low), "high_mj", sg_json_number(e->range.high),
                                            "idle_w", sg_json_number(e->idle_w), "busy_w", sg_json_number(e->busy_w), "runs",
                                            (json_int_t)e->runs, "rounds", e->rounds));
    return o;
}
