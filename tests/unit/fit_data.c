/* Data sets: every form of labels, what is refused, and that bad samples are named, counted and stop. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fit/data.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char text[4][160];
    static int k;
    char *p = text[k++ % 4];
    snprintf(p, 160, "%s/%s", folder, name);
    return p;
}

static const char *put(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(text, 1, strlen(text), f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static sedge_data *opened(const char *path, const char *labels, size_t window, size_t hop)
{
    sedge_data_opts o;
    sedge_error err = {0};
    sedge_data *d = NULL;
    sedge_data_opts_init(&o);
    o.labels = labels;
    o.window = window;
    o.hop = hop;
    if (sedge_data_open(&d, path, &o, &err) != SEDGE_OK)
        fail_msg("%s", err.msg);
    return d;
}

static void refused(const char *path, const char *labels, const char *word)
{
    sedge_data_opts o;
    sedge_error err = {0};
    sedge_data *d = NULL;
    sedge_data_opts_init(&o);
    o.labels = labels;
    assert_int_not_equal(sedge_data_open(&d, path, &o, &err), SEDGE_OK);
    assert_null(d);
    if (!strstr(err.msg, word))
        fail_msg("\"%s\" lacks %s", err.msg, word);
}

static void label_is(sedge_data *d, size_t i, const char *want)
{
    const char *got = sedge_data_labels(d)[i];
    if (want)
        assert_string_equal(got ? got : "(none)", want);
    else
        assert_null(got);
}

static void files(void **state)
{
    (void)state;
    put("a.txt", "one");
    put("b.txt", "two");
    sedge_data *d = opened(folder, put("l.csv", "file,label,group,slice\na.txt,cat,g1,dark\nb.txt,\"dog\",g2,\n"), 0, 0);
    assert_int_equal(sedge_data_count(d), 2);
    label_is(d, 0, "cat");
    label_is(d, 1, "dog");
    assert_string_equal(sg_data_text(d, d->entry[0].slice), "dark");
    assert_int_equal(d->entry[1].slice, -1);
    sedge_data_close(&d);
    d = opened(path_of("l.csv"), NULL, 0, 0); /* the CSV itself */
    assert_int_equal(d->truth, SG_TRUTH_LABEL);
    sedge_data_close(&d);
    d = opened(folder, put("two.csv", "a.txt,x\nb.txt,y\n"), 0, 0); /* no head */
    label_is(d, 0, "x");
    sedge_data_close(&d);
    d = opened(folder, put("events.csv", "file,start,end,label\na.txt,1.5,2,bang\na.txt,3,4,bang\nb.txt,,,\n"), 0, 0);
    assert_int_equal(d->truth, SG_TRUTH_EVENTS);
    assert_int_equal(sedge_data_count(d), 2);
    assert_int_equal(d->entry[0].n_thing, 2);
    assert_int_equal(d->entry[1].n_thing, 0);
    assert_true(d->thing[0].t0 == 1.5 && d->thing[1].t1 == 4);
    sedge_data_close(&d);
    refused(folder, put("bad.csv", "file,start,end\na.txt,4,2\n"), "line 2");
    refused(folder, put("short.csv", "file,label\na.txt\n"), "line 2");
    refused(folder, put("odd.csv", "left,right,up\n1,2,3\n"), "file");
    refused(path_of("none"), NULL, "none");
}

static void rows(void **state)
{
    (void)state;
    const char *table = put("t.csv", "x,y1,label\n1,2,0\n3,4,0\n5,6,1\n7,8,1\n");
    sedge_task_info about = {.source = SEDGE_SOURCE_SERIES, .columns = 2};
    sedge_error err = {0};
    sedge_item item;
    sedge_data *d = opened(table, NULL, 0, 0);
    assert_int_equal(sedge_data_count(d), 4);
    assert_int_equal(sedge_data_item(d, &about, 2, &item, &err), SEDGE_OK);
    assert_true(item.rows == 1 && item.row[0] == 5 && item.row[1] == 6);
    assert_string_equal(item.label, "1");
    sedge_data_close(&d);
    d = opened(table, NULL, 2, 1);
    assert_int_equal(sedge_data_count(d), 3);
    label_is(d, 0, "0");
    label_is(d, 2, "1");
    assert_int_equal(sedge_data_item(d, &about, 1, &item, &err), SEDGE_OK);
    assert_true(item.rows == 2 && item.row[0] == 3 && item.row[3] == 6);
    sedge_data_close(&d);
    d = opened(put("lines.txt", "a b\n\nc\n"), put("lines.csv", "pos\nneg\n"), 0, 0);
    about.source = SEDGE_SOURCE_TEXT;
    assert_int_equal(sedge_data_count(d), 2);
    assert_int_equal(sedge_data_item(d, &about, 1, &item, &err), SEDGE_OK);
    assert_true(item.text_size == 1 && item.text[0] == 'c');
    label_is(d, 1, "neg");
    sedge_data_close(&d);
    refused(path_of("lines.txt"), put("three.csv", "a\nb\nc\n"), "3 labels");
    refused(put("ragged.csv", "a,b,label\n1,2,3\n1,2\n"), NULL, "line 3");
    refused(put("no.npy", "no array"), NULL, "no.npy");
}

static void coco(void **state)
{
    (void)state;
    static const char good[] = "{\"images\":[{\"id\":7,\"file_name\":\"a.txt\"},{\"id\":3,\"file_name\":\"b.txt\"}],"
                               "\"categories\":[{\"id\":18,\"name\":\"dog\"}],\"annotations\":["
                               "{\"id\":1,\"image_id\":3,\"category_id\":18,\"bbox\":[1,2,3,4],\"iscrowd\":1},"
                               "{\"id\":2,\"image_id\":7,\"category_id\":18,\"bbox\":[5,6,7,8],\"keypoints\":[1,2,2]}]}";
    sedge_data *d = opened(put("c.json", good), NULL, 0, 0);
    assert_int_equal(sedge_data_count(d), 2);
    assert_int_equal(d->truth, SG_TRUTH_BOXES);
    const sg_thing *t = &d->thing[d->entry[0].first_thing];
    assert_true(t->box[0] == 5 && t->box[3] == 14 && t->n_point == 1 && d->point[t->first_point + 1] == 2);
    assert_true(d->thing[d->entry[1].first_thing].crowd);
    assert_string_equal(sg_data_text(d, t->label), "dog");
    sedge_data_close(&d);
    refused(put("d.json", "{\"images\":[],"), NULL, "d.json");
    refused(put("e.json", "[]"), NULL, "COCO");
    refused(put("f.json", "{\"images\":[{\"id\":1,\"file_name\":\"a\"}],\"categories\":[],\"annotations\":[{\"image_id\":1}]}"),
            NULL, "annotations.0");
    refused(put("g.json", "{\"images\":[{\"id\":1},{\"id\":1}],\"categories\":[]}"), NULL, "two with id 1");
}

/* Of 300 files 3 may be missing, a fourth stops. */
static void stream(void **state)
{
    (void)state;
    sedge_task_info about = {.source = SEDGE_SOURCE_TEXT};
    for (int missing = 3; missing <= 4; missing++)
        for (int anyway = 0; anyway <= missing - 3; anyway++) {
            char csv[300 * 16], *p = csv;
            sg_stream s;
            sedge_error err = {0};
            sedge_item item;
            bool more = true;
            size_t good = 0;
            for (int i = 0; i < 300; i++)
                p += sprintf(p, "%s,%d\n", i % 60 == 59 && i / 60 < missing ? "gone.txt" : "a.txt", i);
            sedge_data *d = opened(folder, put("many.csv", csv), 0, 0);
            assert_int_equal(sg_stream_open(&s, d, &about, NULL, 0, 2, anyway, &err), SEDGE_OK);
            sedge_status st = SEDGE_OK;
            while ((st = sg_stream_next(&s, &item, &more, &err)) == SEDGE_OK && more) {
                assert_int_equal(atoi(item.label), s.index); /* in order */
                good++;
            }
            bool stops = missing == 4 && !anyway;
            assert_int_equal(st == SEDGE_OK, !stops);
            assert_int_equal(s.n_bad, missing);
            assert_int_equal(s.bad[0].index, 59);
            assert_non_null(strstr(stops ? err.msg : s.bad[0].why, "gone.txt"));
            assert_true(stops || good == 300 - (size_t)missing);
            sg_stream_close(&s);
            sedge_data_close(&d);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files), cmocka_unit_test(rows), cmocka_unit_test(coco),
                                       cmocka_unit_test(stream)};
    snprintf(folder, sizeof folder, "/tmp/sedge-data-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char remove[96];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    return system(remove) != 0 || failed;
}
