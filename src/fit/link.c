/* Framed messages over descriptors: u32 bytes of the header, u32 of the body (little endian), the header, the body. */
#include "fit/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sedge_status send_all(int fd, const void *data, size_t n, sg_err *err)
{
    const char *p = data;
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return sg_fail(err, SEDGE_E_IO, "the link broke: %s", strerror(errno));
        p += done;
        n -= (size_t)done;
    }
    return SEDGE_OK;
}

/* `got`, if not NULL, tells how much came before the end. */
static sedge_status receive_all(int fd, void *data, size_t n, int wait_s, size_t *got, sg_err *err)
{
    char *p = data;
    size_t have = 0;
    while (have < n) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        int ready = wait_s ? poll(&f, 1, wait_s * 1000) : 1;
        if (ready == 0)
            return sg_fail(err, SEDGE_E_DEADLINE, "no word for %d seconds", wait_s);
        ssize_t done = ready < 0 ? -1 : read(fd, p + have, n - have);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return sg_fail(err, SEDGE_E_IO, "the link broke: %s", done < 0 ? strerror(errno) : "it was closed");
        have += (size_t)done;
        if (got)
            *got = have;
    }
    return SEDGE_OK;
}

sedge_status sg_link_greet(int out, sg_err *err)
{
    return send_all(out, SG_LINK_HELLO, strlen(SG_LINK_HELLO), err);
}

sedge_status sg_link_greeted(int in, int wait_s, sg_err *err)
{
    char text[sizeof SG_LINK_HELLO] = "";
    size_t got = 0;
    sedge_status st = receive_all(in, text, strlen(SG_LINK_HELLO), wait_s, &got, err);
    if (st != SEDGE_OK && got == 0)
        return st;
    if (strcmp(text, SG_LINK_HELLO) == 0)
        return SEDGE_OK;
    if (err)
        *err = (sg_err){0}; /* what it said tells more than that it ended */
    size_t n = strcspn(text, "\r\n");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f)
            n = 0;
    if (n == 0)
        return sg_fail(err, SEDGE_E_FORMAT, "no worker answers there; what it says is no text");
    return sg_fail(err, SEDGE_E_FORMAT, "no worker answers there; it says \"%.*s...\"", (int)n, text);
}

static void put_u32(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

sedge_status sg_link_send(int out, json_t *head, const void *body, size_t size, sg_err *err)
{
    uint8_t sizes[8];
    char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    json_decref(head);
    if (!text)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for a message");
    put_u32(sizes, strlen(text));
    put_u32(sizes + 4, size);
    sedge_status st = send_all(out, sizes, sizeof sizes, err);
    if (st == SEDGE_OK)
        st = send_all(out, text, strlen(text), err);
    free(text);
    return st == SEDGE_OK && size ? send_all(out, body, size, err) : st;
}

sedge_status sg_link_receive(int in, int wait_s, sg_message *m, sg_err *err)
{
    uint8_t sizes[8];
    json_error_t why;
    *m = (sg_message){0};
    SG_TRY(receive_all(in, sizes, sizeof sizes, wait_s, NULL, err));
    size_t head = get_u32(sizes), body = get_u32(sizes + 4);
    if (head < 2 || head > SG_LINK_HEAD_MAX || body > SG_LINK_BODY_MAX)
        return sg_fail(err, SEDGE_E_FORMAT, "what came is no message (%zu and %zu bytes)", head, body);
    char *text = malloc(head);
    m->body = body ? malloc(body) : NULL;
    m->size = body;
    sedge_status st = text && (m->body || !body) ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "no memory for a message");
    if (st == SEDGE_OK)
        st = receive_all(in, text, head, wait_s, NULL, err);
    if (st == SEDGE_OK && body)
        st = receive_all(in, m->body, body, wait_s, NULL, err);
    if (st == SEDGE_OK && (!(m->head = json_loadb(text, head, JSON_REJECT_DUPLICATES, &why)) || !json_is_object(m->head)))
        st = sg_fail(err, SEDGE_E_FORMAT, "what came is no message: %s", m->head ? "no object" : why.text);
    free(text);
    if (st != SEDGE_OK)
        sg_message_free(m);
    return st;
}

void sg_message_free(sg_message *m)
{
    json_decref(m->head);
    free(m->body);
    *m = (sg_message){0};
}

bool sg_link_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > 1000 || name[0] == '/' || name[n - 1] == '/')
        return false;
    for (const char *p = name; *p;) {
        size_t part = strcspn(p, "/");
        if (part == 0 || part > 255 || (part == 1 && p[0] == '.') || (part == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        for (size_t i = 0; i < part; i++)
            if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
                return false;
        p += part + (p[part] == '/');
    }
    return true;
}

bool sg_link_digest(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}
