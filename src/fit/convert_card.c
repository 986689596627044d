/* A card that goes into a model's file. */
#include "base/map.h"
#include "fit/convert.h"
#include "task/card.h"

sedge_status sg_convert_card(const sedge_model *m, const char *path, sg_mem *mem, sg_arena *arena, const char **out, sg_err *err)
{
    sg_map map;
    sg_card card = {.arena = {.mem = mem}};
    SG_TRY(sg_map_open(&map, path, err));
    *out = sg_arena_str(arena, (const char *)map.data, map.size);
    sg_map_close(&map);
    sedge_status st = *out ? sg_card_find(&card, m, NULL, path, NULL, NULL, err) : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    sg_card_free(&card);
    return st;
}
