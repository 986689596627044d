/* The cards that the docs show are cards. */
#include "unit.h"

#include "base/map.h"
#include "task/card.h"

static void cards_of_the_docs(void **state)
{
    (void)state;
    sg_map map;
    sg_err err = {.status = SEDGE_OK};
    int n = 0;
    assert_int_equal(sg_map_open(&map, "docs/cards.md", &err), SEDGE_OK);
    const char *p = (const char *)map.data, *end = p + map.size;
    while ((p = memchr(p, '`', (size_t)(end - p)))) {
        if (end - p < 8 || memcmp(p, "```json\n", 8) != 0) {
            p++;
            continue;
        }
        const char *from = p += 8;
        while (end - p >= 4 && memcmp(p, "\n```", 4) != 0)
            p++;
        json_t *in = NULL;
        sg_mem mem = {.limit = 0};
        sg_card card = {.arena.mem = &mem};
        if (sg_json_parse(&in, from, (size_t)(p - from), "docs/cards.md", &err) != SEDGE_OK ||
            sg_card_fill(&card, in, NULL, &err) != SEDGE_OK)
            fail_msg("%s in:\n%.*s", err.msg, (int)(p - from), from);
        json_decref(in);
        sg_card_free(&card);
        n++;
    }
    assert_true(n >= 9);
    sg_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cards_of_the_docs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
