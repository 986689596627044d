/* A camera, or a file of raw frames, to boxes: camera MODEL SOURCE WIDTH HEIGHT [FRAMES]
 * SOURCE is a V4L2 device that gives YUYV (/dev/video0) or a file of YUYV frames. The card beside the model says the rest. */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sedge/task.h"

/* Asks a device for frames of that form; a file has no form to ask for. */
static int open_source(const char *path, unsigned width, unsigned height)
{
    int fd = open(path, O_RDONLY);
    struct v4l2_format f;
    memset(&f, 0, sizeof f);
    f.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    f.fmt.pix.width = width;
    f.fmt.pix.height = height;
    f.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    if (fd >= 0 && strncmp(path, "/dev/", 5) == 0 &&
        (ioctl(fd, VIDIOC_S_FMT, &f) != 0 || f.fmt.pix.width != width || f.fmt.pix.height != height)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int look(sedge_task *task, int fd, unsigned char *pixels, size_t size, int width, int height, long frames)
{
    sedge_error e = {0};
    sedge_frame frame;
    sedge_answers a;
    for (long k = 0; frames <= 0 || k < frames; k++) {
        size_t have = 0;
        for (ssize_t got; have < size && (got = read(fd, pixels + have, size - have)) > 0;)
            have += (size_t)got;
        if (have < size)
            return 0;
        if (sedge_frame_raw(&frame, SEDGE_PIXEL_YUYV, width, height, pixels, size, &e) != SEDGE_OK ||
            sedge_task_run_frame(task, &frame, &a, &e) != SEDGE_OK)
            return fprintf(stderr, "camera: %s\n", e.msg), 1;
        printf("frame %ld: %.1f ms\n", k, a.pre_ms + a.run_ms + a.post_ms);
        for (int i = 0; i < a.n; i++)
            printf("  %-20s %3.0f %%  [%.0f %.0f %.0f %.0f]\n", a.answer[i].text ? a.answer[i].text : "",
                   100 * (double)a.answer[i].score, (double)a.answer[i].box[0], (double)a.answer[i].box[1],
                   (double)a.answer[i].box[2], (double)a.answer[i].box[3]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    sedge_error e = {0};
    sedge_model *model = NULL;
    sedge_task *task = NULL;
    if (argc < 5)
        return fputs("usage: camera MODEL SOURCE WIDTH HEIGHT [FRAMES]\n", stderr), 2;
    int width = atoi(argv[3]), height = atoi(argv[4]), status = 1;
    int fd = width > 0 && height > 0 ? open_source(argv[2], (unsigned)width, (unsigned)height) : -1;
    size_t size = fd < 0 ? 0 : 2 * (size_t)width * (size_t)height;
    unsigned char *pixels = size ? malloc(size) : NULL;
    if (!pixels)
        fprintf(stderr, "camera: %s gives no YUYV frames of %s x %s\n", argv[2], argv[3], argv[4]);
    else if (sedge_model_open(&model, argv[1], NULL, &e) != SEDGE_OK ||
             sedge_task_open(&task, model, argv[1], NULL, &e) != SEDGE_OK)
        fprintf(stderr, "camera: %s\n", e.msg);
    else
        status = look(task, fd, pixels, size, width, height, argc > 5 ? atol(argv[5]) : 0);
    sedge_task_close(&task);
    sedge_model_close(&model);
    free(pixels);
    if (fd >= 0)
        close(fd);
    return status;
}
