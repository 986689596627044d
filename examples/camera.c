/* A camera, or a file of raw frames, to boxes: camera MODEL SOURCE WIDTH HEIGHT [FRAMES]
 * SOURCE is a V4L2 device that gives YUYV (/dev/video0) or a file of YUYV frames. The card beside the model says the rest. */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sedge/task.h"

enum { BUFFERS = 4, VIDEO = V4L2_BUF_TYPE_VIDEO_CAPTURE };
static unsigned char *buffer[BUFFERS]; /* the device's own; of a file one */
static struct v4l2_buffer held = {.type = VIDEO, .memory = V4L2_MEMORY_MMAP};

/* Has the device lend its buffers, if it gives frames of that form. */
static int open_device(int fd, unsigned width, unsigned height)
{
    struct v4l2_requestbuffers ask = {.count = BUFFERS, .type = VIDEO, .memory = V4L2_MEMORY_MMAP};
    struct v4l2_format f = {.type = VIDEO, .fmt.pix = {.width = width, .height = height, .pixelformat = V4L2_PIX_FMT_YUYV}};
    if (ioctl(fd, VIDIOC_S_FMT, &f) || f.fmt.pix.pixelformat != V4L2_PIX_FMT_YUYV || f.fmt.pix.width != width ||
        f.fmt.pix.height != height || f.fmt.pix.bytesperline != 2 * width || ioctl(fd, VIDIOC_REQBUFS, &ask))
        return 0;
    for (held.index = 0; held.index < ask.count && held.index < BUFFERS; held.index++) {
        void *at = ioctl(fd, VIDIOC_QUERYBUF, &held) ? MAP_FAILED
                                                     : mmap(NULL, held.length, PROT_READ, MAP_SHARED, fd, held.m.offset);
        if (at == MAP_FAILED || held.length < 2 * width * height || ioctl(fd, VIDIOC_QBUF, &held))
            return 0;
        buffer[held.index] = at;
    }
    return !ioctl(fd, VIDIOC_STREAMON, &(int){VIDEO});
}

/* Frame k, until the next one is asked for; NULL: there is none. */
static const unsigned char *next_frame(int fd, int device, size_t size, long k)
{
    if (device)
        return (k && ioctl(fd, VIDIOC_QBUF, &held)) || ioctl(fd, VIDIOC_DQBUF, &held) ? NULL : buffer[held.index];
    return pread(fd, buffer[0], size, (off_t)size * k) == (ssize_t)size ? buffer[0] : NULL;
}

static sedge_status look(sedge_task *task, const unsigned char *pixels, int width, int height, long k, sedge_error *e)
{
    sedge_frame frame;
    sedge_answers a;
    sedge_status st = sedge_frame_raw(&frame, SEDGE_PIXEL_YUYV, width, height, pixels, (size_t)(2 * width * height), e);
    if (st != SEDGE_OK || (st = sedge_task_run_frame(task, &frame, &a, e)) != SEDGE_OK)
        return st;
    printf("frame %ld: %.1f ms\n", k, a.pre_ms + a.run_ms + a.post_ms);
    for (const sedge_answer *x = a.answer; x < a.answer + a.n; x++)
        printf("  %-20s %3.0f %%  [%.0f %.0f %.0f %.0f]\n", x->text ? x->text : "", 100 * (double)x->score, (double)x->box[0],
               (double)x->box[1], (double)x->box[2], (double)x->box[3]);
    return SEDGE_OK;
}

int main(int argc, char **argv)
{
    sedge_error e = {.msg = "usage: camera MODEL SOURCE WIDTH HEIGHT [FRAMES]"};
    sedge_model *model = NULL;
    sedge_task *task = NULL;
    int w = argc > 4 ? atoi(argv[3]) : 0, h = argc > 4 ? atoi(argv[4]) : 0, good = 0;
    if (w > 0 && h > 0 && w < 16384 && h < 16384 && sedge_model_open(&model, argv[1], NULL, &e) == SEDGE_OK &&
        sedge_task_open(&task, model, argv[1], NULL, &e) == SEDGE_OK) {
        size_t size = (size_t)(2 * w * h);
        int fd = open(argv[2], access(argv[2], W_OK) ? O_RDONLY : O_RDWR), device = open_device(fd, (unsigned)w, (unsigned)h);
        long n = argc > 5 ? atol(argv[5]) : 0, k = 0;
        good = device || (buffer[0] = malloc(size));
        for (const unsigned char *p; good && (n <= 0 || k < n) && (p = next_frame(fd, device, size, k)); k++)
            good = look(task, p, w, h, k, &e) == SEDGE_OK;
        if (good && !(good = k > 0))
            snprintf(e.msg, sizeof e.msg, "%s gives no YUYV frames of that size", argv[2]);
    }
    if (!good)
        fprintf(stderr, "camera: %s\n", e.msg);
    sedge_task_close(&task);
    sedge_model_close(&model);
    return !good; /* buffers and files end with the program */
}
