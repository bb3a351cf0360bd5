/* The scripts of named boards against a plain model, on a real Redis: every order, operator, tie
 * rule and subscore, tens of thousands of random operations.
 *
 *   operation -> model (an array that is sorted) and script -> equal answers, equal boards
 *
 * SPDX-License-Identifier: MIT */
#include "test_store.h"

#include "code.h"
#include "look.lua.h"
#include "range.lua.h"
#include "remove.lua.h"
#include "submit.lua.h"

#define USERS 40
#define OPERATIONS 420 /* for each of 120 kinds of board: 50,400 */
#define SEED 20261123u

static char sha[4][SHA_SIZE];
enum { SUBMIT, LOOK, RANGE, REMOVE };

static int set_up(void **state)
{
    if (start_server(state))
        return -1;
    load(submit_lua, sha[SUBMIT]);
    load(look_lua, sha[LOOK]);
    load(range_lua, sha[RANGE]);
    load(remove_lua, sha[REMOVE]);
    return 0;
}

/* ---- The model ---------------------------------------------------------------------------- */

struct kind {
    bool descending;
    char ties, combine; /* as in the scripts */
    int subscore;       /* 0 none, 1 desc, 2 asc */
};

struct entry {
    char user[8];
    double score, subscore;
    unsigned sequence;
    bool there;
};

struct model {
    struct kind kind;
    struct entry users[USERS];
    unsigned sequence;
};

static int by(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* Negative when `a` stands before `b`; 0 when score and subscore are equal. */
static int compare_values(const struct kind *kind, const struct entry *a, const struct entry *b)
{
    int order = by(a->score, b->score) * (kind->descending ? -1 : 1);
    if (order || !kind->subscore)
        return order;
    return by(a->subscore, b->subscore) * (kind->subscore == 1 ? -1 : 1);
}

static int compare_entries(const struct kind *kind, const struct entry *a, const struct entry *b)
{
    int order = compare_values(kind, a, b);
    if (order)
        return order;
    if (kind->ties == 'e')
        return a->sequence < b->sequence ? -1 : 1;
    return strcmp(a->user, b->user) * (kind->descending ? -1 : 1);
}

static int rank_of(const struct model *model, const struct entry *entry)
{
    int ordinal = 1, better = 0, groups = 0;
    for (int i = 0; i < USERS; i++) {
        const struct entry *other = &model->users[i];
        if (!other->there || other == entry)
            continue;
        ordinal += compare_entries(&model->kind, other, entry) < 0;
        if (compare_values(&model->kind, other, entry) >= 0)
            continue;
        better++;
        bool first = true;
        for (int k = 0; k < i; k++)
            first = first && !(model->users[k].there &&
                               compare_values(&model->kind, &model->users[k], other) == 0);
        groups += first;
    }
    if (model->kind.ties == 'c')
        return better + 1;
    return model->kind.ties == 'n' ? groups + 1 : ordinal;
}

static int count(const struct model *model)
{
    int there = 0;
    for (int i = 0; i < USERS; i++)
        there += model->users[i].there;
    return there;
}

static int count_below(const struct model *model, const struct entry *entry)
{
    int below = 0;
    for (int i = 0; i < USERS; i++) {
        const struct entry *other = &model->users[i];
        bool groups = model->kind.ties == 'c' || model->kind.ties == 'n';
        if (other->there && other != entry)
            below += groups ? compare_values(&model->kind, other, entry) > 0
                            : compare_entries(&model->kind, other, entry) > 0;
    }
    return below;
}

/* What the operator makes of it; false for no change. */
static bool combine(const struct model *model, const struct entry *old, struct entry *new)
{
    switch (model->kind.combine) {
    case 's':
        new->score += old->score;
        break;
    case 'b':
        if (compare_values(&model->kind, new, old) >= 0)
            return false;
        break;
    case 'm':
        if (new->score >= old->score)
            return false;
        break;
    case 'x':
        if (new->score <= old->score)
            return false;
        break;
    default:
        break;
    }
    return new->score != old->score || (model->kind.subscore && new->subscore != old->subscore);
}

/* ---- Asking a script ---------------------------------------------------------------------- */

struct words {
    char text[96][64];
    const char *argv[96];
    int count;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(words->text[words->count], sizeof words->text[0], format, args);
    va_end(args);
    words->argv[words->count] = words->text[words->count];
    words->count++;
}

static void begin(struct words *words, const struct model *model, int which, int keys)
{
    static const char *const names[] = {"z", "z:users", "z:distinct", "z:counts"};
    words->count = 0;
    add(words, "EVALSHA");
    add(words, "%s", sha[which]);
    add(words, "%d", keys);
    add(words, "board:b");
    for (int i = 0; i < 4; i++)
        add(words, "%s", names[i]);
    for (int i = 0; keys == 10 && i < 4; i++)
        add(words, "next%s", names[i]);
    if (keys == 10)
        add(words, "periods");
    add(words, "the-id");
    add(words, "%c%c%c", model->kind.descending ? 'd' : 'a', model->kind.ties,
        model->kind.subscore ? 's' : '-');
}

static redisReply *run_words(struct words *words)
{
    return must(redisCommandArgv(redis, words->count, words->argv, NULL));
}

static const char *code_of(const struct kind *kind, double subscore)
{
    static char code[CODE_SIZE];
    code[0] = '\0';
    if (kind->subscore)
        code_write(subscore, (kind->subscore == 1) != kind->descending, code);
    return code;
}

/* ---- Operations --------------------------------------------------------------------------- */

/* Few values, so that there are many ties. */
static double random_score(void)
{
    static const double scores[] = {0, 1, -1, 2.5, 1e15, -3.25, 1e-7, 7, 7, 8};
    return scores[(unsigned)random() % (sizeof scores / sizeof scores[0])];
}

static void submit(struct model *model, struct entry *entry)
{
    struct words words;
    struct entry new = *entry, old = *entry;
    new.score = random_score();
    new.subscore = model->kind.subscore ? random_score() : 0;
    begin(&words, model, SUBMIT, 10);
    add(&words, "%c", model->kind.combine);
    add(&words, "%s", "");
    add(&words, "1000");
    add(&words, "all");
    add(&words, "0");
    for (int i = 0; i < 4; i++)
        add(&words, "%s", "");
    add(&words, "0");
    add(&words, "%s", entry->user);
    add(&words, "%.17g", new.score);
    add(&words, "%s", code_of(&model->kind, new.subscore));
    int old_rank = old.there ? rank_of(model, entry) : 0;
    bool changed = !old.there || combine(model, &old, &new);
    if (changed) {
        *entry = new;
        entry->there = true;
        entry->sequence = ++model->sequence;
    }
    redisReply *reply = run_words(&words);
    const redisReply *row = reply->element[0];
    assert_int_equal(row->element[0]->integer, 1);
    assert_true(strtod(row->element[1]->str, NULL) == entry->score);
    assert_int_equal(row->element[2]->integer, rank_of(model, entry));
    if (old.there)
        assert_int_equal(row->element[3]->integer, old_rank);
    else
        assert_int_equal(row->element[3]->type, REDIS_REPLY_NIL);
    assert_int_equal(row->element[4]->integer, changed);
    freeReplyObject(reply);
}

static void take_off(struct model *model, struct entry *entry)
{
    struct words words;
    begin(&words, model, REMOVE, 5);
    add(&words, "%s", entry->user);
    redisReply *reply = run_words(&words);
    assert_int_equal(reply->integer, entry->there);
    entry->there = false;
    freeReplyObject(reply);
}

static void look(struct model *model, struct entry *entry)
{
    struct words words;
    begin(&words, model, LOOK, 5);
    add(&words, "%s", entry->user);
    redisReply *reply = run_words(&words);
    assert_int_equal(reply->element[0]->integer, count(model));
    if (entry->there) {
        const redisReply *row = reply->element[1];
        assert_true(strtod(row->element[0]->str, NULL) == entry->score);
        assert_string_equal(row->element[1]->str, code_of(&model->kind, entry->subscore));
        assert_int_equal(row->element[2]->integer, rank_of(model, entry));
        assert_int_equal(row->element[3]->integer, count_below(model, entry));
    }
    freeReplyObject(reply);
}

/* ---- Whole boards ------------------------------------------------------------------------- */

static const struct kind *sorting;

static int compare(const void *a, const void *b)
{
    return compare_entries(sorting, *(struct entry *const *)a, *(struct entry *const *)b);
}

static int sort(struct model *model, struct entry *ret_sorted[USERS])
{
    int there = 0;
    for (int i = 0; i < USERS; i++)
        if (model->users[i].there)
            ret_sorted[there++] = &model->users[i];
    sorting = &model->kind;
    qsort(ret_sorted, (size_t)there, sizeof *ret_sorted, compare);
    return there;
}

static void assert_rows(const struct model *model, const redisReply *reply,
                        struct entry *const *expected, int rows)
{
    assert_int_equal(reply->elements, 1 + 4 * rows);
    for (int i = 0; i < rows; i++) {
        assert_string_equal(reply->element[1 + 4 * i]->str, expected[i]->user);
        assert_true(strtod(reply->element[2 + 4 * i]->str, NULL) == expected[i]->score);
        assert_int_equal(reply->element[4 + 4 * i]->integer, rank_of(model, expected[i]));
    }
}

static void range(struct model *model)
{
    struct entry *sorted[USERS];
    struct words words;
    int there = sort(model, sorted), from = (int)(random() % USERS), to = from + 9;
    begin(&words, model, RANGE, 5);
    add(&words, "%s", "");
    add(&words, "%d", from);
    add(&words, "%d", to);
    redisReply *reply = run_words(&words);
    int rows = from >= there ? 0 : (to < there ? to : there - 1) - from + 1;
    assert_rows(model, reply, sorted + from, rows);
    freeReplyObject(reply);
}

static void around(struct model *model, struct entry *entry)
{
    struct entry *sorted[USERS];
    struct words words;
    int there = sort(model, sorted), at = 0;
    begin(&words, model, RANGE, 5);
    add(&words, "%s", entry->user);
    add(&words, "3");
    add(&words, "%s", "");
    redisReply *reply = run_words(&words);
    if (!entry->there) {
        assert_int_equal(reply->type, REDIS_REPLY_NIL);
    } else {
        while (sorted[at] != entry)
            at++;
        int from = at > 3 ? at - 3 : 0, to = at + 3 < there ? at + 3 : there - 1;
        assert_rows(model, reply, sorted + from, to - from + 1);
    }
    freeReplyObject(reply);
}

/* Companions hold what the zset holds, nothing that has gone. */
static void assert_companions(struct model *model)
{
    redisReply *users = must(redisCommand(redis, "HLEN z:users"));
    redisReply *counts = must(redisCommand(redis, "HVALS z:counts"));
    redisReply *groups = must(redisCommand(redis, "ZCARD z:distinct"));
    bool coded = model->kind.subscore || model->kind.ties == 'e';
    int sum = 0;
    for (size_t i = 0; i < counts->elements; i++)
        sum += atoi(counts->element[i]->str);
    assert_int_equal(users->integer, coded ? count(model) + (model->kind.ties == 'e') : 0);
    assert_int_equal(sum, model->kind.ties == 'n' ? count(model) : 0);
    assert_int_equal(groups->integer, (long long)counts->elements);
    freeReplyObject(users);
    freeReplyObject(counts);
    freeReplyObject(groups);
}

static void try_kind(struct kind kind)
{
    struct model model = {.kind = kind};
    for (int i = 0; i < USERS; i++)
        snprintf(model.users[i].user, sizeof model.users[i].user, "u%d", i);
    do_command("FLUSHALL%s", "");
    do_command("SET board:b %s", "{\"id\":\"the-id\"}");
    for (int i = 0; i < OPERATIONS; i++) {
        struct entry *entry = &model.users[random() % USERS];
        unsigned what = (unsigned)random() % 10;
        if (what < 5)
            submit(&model, entry);
        else if (what == 5)
            take_off(&model, entry);
        else if (what < 8)
            look(&model, entry);
        else if (what == 8)
            range(&model);
        else
            around(&model, entry);
    }
    if (model.sequence)
        assert_companions(&model);
}

static void every_kind_of_board_agrees_with_the_model(void **state)
{
    (void)state;
    srandom(SEED);
    for (int descending = 0; descending < 2; descending++)
        for (const char *ties = "ecnl"; *ties; ties++)
            for (const char *combine = "blsmx"; *combine; combine++)
                for (int subscore = 0; subscore < 3; subscore++)
                    try_kind((struct kind){descending, *ties, *combine, subscore});
}

static void a_script_for_another_definition_does_nothing(void **state)
{
    (void)state;
    struct model model = {.kind = {true, 'l', 'l', 0}};
    struct words words;
    do_command("FLUSHALL%s", "");
    begin(&words, &model, REMOVE, 5);
    add(&words, "ann");
    redisReply *reply = run_words(&words);
    assert_string_equal(reply->str, "gone");
    freeReplyObject(reply);
    do_command("SET board:b %s", "{\"id\":\"another\"}");
    do_command("ZADD z 1 %s", "ann");
    reply = run_words(&words);
    assert_string_equal(reply->str, "stale");
    freeReplyObject(reply);
    reply = must(redisCommand(redis, "ZCARD z"));
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);
}

/* A submission with its own clock, just before or at the boundary. */
static void submit_at(const char *now, const char *expected_key)
{
    struct model model = {.kind = {true, 'l', 'l', 0}};
    struct words words;
    do_command("FLUSHALL%s", "");
    do_command("SET board:b %s", "{\"id\":\"the-id\"}");
    begin(&words, &model, SUBMIT, 10);
    static const char *const tail[] = {"l",        "5000", "", "today", "0",   "99999999999999",
                                       "tomorrow", "5000", "", "5000",  "ann", "1",
                                       ""};
    for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++)
        add(&words, "%s", i == 2 ? now : tail[i]);
    freeReplyObject(run_words(&words));
    redisReply *reply = must(redisCommand(redis, "ZSCORE %s ann", expected_key));
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
}

static void the_script_chooses_the_period_by_the_clock(void **state)
{
    (void)state;
    submit_at("4999", "z");
    redisReply *reply = must(redisCommand(redis, "PEXPIRETIME z"));
    assert_true(reply->integer == 99999999999999LL);
    freeReplyObject(reply);
    submit_at("5000", "nextz");
    reply = must(redisCommand(redis, "ZSCORE periods tomorrow"));
    assert_string_equal(reply->str, "5000");
    freeReplyObject(reply);
}

static void a_sum_beyond_all_numbers_is_refused(void **state)
{
    (void)state;
    struct model model = {.kind = {true, 'l', 's', 0}};
    struct words words;
    do_command("FLUSHALL%s", "");
    do_command("SET board:b %s", "{\"id\":\"the-id\"}");
    begin(&words, &model, SUBMIT, 10);
    static const char *const tail[] = {"s", "",  "1",   "all",   "0", "",    "",      "",
                                       "",  "0", "ann", "1e308", "",  "ann", "1e308", ""};
    for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++)
        add(&words, "%s", tail[i]);
    redisReply *reply = run_words(&words);
    assert_int_equal(reply->element[0]->element[0]->integer, 1);
    assert_int_equal(reply->element[1]->element[0]->integer, 0);
    freeReplyObject(reply);
}

static void codes_sort_as_their_numbers_do(void **state)
{
    (void)state;
    static const double numbers[] = {-1e308, -7, -1e-300, 0, 1e-300, 0.5, 7, 1e308};
    char code[CODE_SIZE], next[CODE_SIZE];
    for (size_t i = 0; i + 1 < sizeof numbers / sizeof numbers[0]; i++) {
        code_write(numbers[i], false, code);
        code_write(numbers[i + 1], false, next);
        assert_true(strcmp(code, next) < 0);
        assert_true(code_read(code, false) == numbers[i]);
        code_write(numbers[i], true, code);
        code_write(numbers[i + 1], true, next);
        assert_true(strcmp(code, next) > 0);
        assert_true(code_read(code, true) == numbers[i]);
    }
    code_write(-0.0, false, code);
    code_write(0.0, false, next);
    assert_string_equal(code, next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_board_agrees_with_the_model),
        cmocka_unit_test(a_script_for_another_definition_does_nothing),
        cmocka_unit_test(the_script_chooses_the_period_by_the_clock),
        cmocka_unit_test(a_sum_beyond_all_numbers_is_refused),
        cmocka_unit_test(codes_sort_as_their_numbers_do),
    };
    return cmocka_run_group_tests(tests, set_up, stop_server);
}
