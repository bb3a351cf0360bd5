/* Expectations: what the plugin will ask, in order, and what it gets for it.
 *
 *   expect_* -> list;  ask -> the next of the list, word by word;  reply_* -> the oldest without
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include "arg_text.h"
#include "json_write.h"

/* ---- Questions as words ------------------------------------------------------------------- */

static struct words words_of(struct arena *arena, const sluice_arg *argv, uint32_t argc,
                             uint32_t stride)
{
    struct words words = {arena_array(arena, struct word, argc + 1), argc};
    for (uint32_t i = 0; i < argc; i++) {
        const sluice_arg *arg = arg_at(argv, stride, i);
        struct text text;
        text_init(&text, arena);
        if (arg->type < TEST_ARG_ANY)
            text_add_arg(&text, arg);
        words.items[i] = (struct word){text.data, text.len, arg->type == TEST_ARG_ANY};
    }
    return words;
}

struct question question_of(struct arena *arena, const sluice_arg *argv, uint32_t argc,
                            uint32_t stride)
{
    struct question question = {.commands = arena_new(arena, struct words), .count = 1};
    question.commands[0] = words_of(arena, argv, argc, stride);
    return question;
}

struct question question_of_all(struct arena *arena, const sluice_command *commands, uint32_t count,
                                uint32_t stride)
{
    struct question question = {
        .pipeline = true, .commands = arena_array(arena, struct words, count + 1), .count = count};
    for (uint32_t i = 0; i < count; i++) {
        const sluice_command *command =
            (const sluice_command *)(const void *)((const char *)commands + (size_t)stride * i);
        question.commands[i] = words_of(arena, command->argv, command->argc, command->stride);
    }
    return question;
}

/* Plain where that is unambiguous, else as a JSON string. */
static void describe_word(const struct word *word, struct text *text)
{
    bool plain = word->len > 0;
    for (size_t i = 0; i < word->len; i++)
        if (word->bytes[i] <= ' ' || word->bytes[i] == '"' || word->bytes[i] == 0x7f)
            plain = false;
    if (word->any)
        text_add(text, "<any>");
    else if (plain)
        text_add_bytes(text, word->bytes, word->len);
    else
        json_add_string(text, word->bytes, word->len);
}

void question_describe(const struct question *question, struct text *text)
{
    if (question->script)
        text_add_format(text, "script %s with %u keys:", question->script, question->keys);
    if (question->pipeline)
        text_add_format(text, "%u commands: ", question->count);
    for (uint32_t i = 0; i < question->count; i++) {
        const struct words *words = &question->commands[i];
        if (i)
            text_add(text, " | ");
        for (uint32_t w = 0; w < words->count; w++) {
            if (w || question->script)
                text_add_char(text, ' ');
            describe_word(&words->items[w], text);
        }
    }
}

/* ---- Expecting ---------------------------------------------------------------------------- */

static void expect(struct test_host *host, struct question question)
{
    struct expectation *expectation = arena_new(&host->arena, struct expectation);
    expectation->file = host->file;
    expectation->line = host->line;
    expectation->question = question;
    *host->expected_end = expectation;
    host->expected_end = &expectation->next;
}

void test_expect_ask(struct test_host *host, const sluice_arg *argv, uint32_t argc, uint64_t stride)
{
    expect(host, question_of(&host->arena, argv, argc, (uint32_t)stride));
}

void test_expect_ask_all(struct test_host *host, const sluice_command *commands, uint32_t count,
                         uint64_t stride)
{
    expect(host, question_of_all(&host->arena, commands, count, (uint32_t)stride));
}

void test_expect_run(struct test_host *host, const char *script, uint32_t keys,
                     const sluice_arg *argv, uint32_t argc, uint64_t stride)
{
    struct question question = question_of(&host->arena, argv, argc, (uint32_t)stride);
    question.script = arena_copy_text(&host->arena, script);
    question.keys = keys;
    expect(host, question);
}

sluice_arg test_any(void)
{
    return sluice_arg_make(TEST_ARG_ANY, 0);
}

const char *test_asked(struct test_host *host, uint32_t i)
{
    return i < host->asked.count ? host->asked.items[i].bytes : NULL;
}

const struct expectation *script_unasked(const struct test_host *host)
{
    const struct expectation *each = host->expected_first;
    while (each && each->asked)
        each = each->next;
    return each;
}

/* ---- Being asked -------------------------------------------------------------------------- */

static bool same_word(const struct word *expected, const struct word *asked)
{
    return expected->any || (expected->len == asked->len &&
                             memcmp(expected->bytes, asked->bytes, expected->len) == 0);
}

/* Says where two command lines part, "" where they don't. */
static void describe_words(const struct words *expected, const struct words *asked,
                           struct text *text)
{
    if (expected->count != asked->count) {
        text_add_format(text, "%u arguments were expected, %u came", expected->count, asked->count);
        return;
    }
    for (uint32_t i = 0; i < expected->count; i++) {
        if (same_word(&expected->items[i], &asked->items[i]))
            continue;
        text_add_format(text, "argument %u: expected ", i);
        describe_word(&expected->items[i], text);
        text_add(text, ", not ");
        describe_word(&asked->items[i], text);
        return;
    }
}

/* The same for questions. */
static void describe_difference(const struct question *expected, const struct question *asked,
                                struct text *text)
{
    if (expected->pipeline != asked->pipeline || !expected->script != !asked->script)
        text_add(text, "one is a command, the other a pipeline or a script");
    else if (expected->script && strcmp(expected->script, asked->script) != 0)
        text_add(text, "another script");
    else if (expected->keys != asked->keys)
        text_add_format(text, "%u keys were expected, %u came", expected->keys, asked->keys);
    else if (expected->count != asked->count)
        text_add_format(text, "%u commands were expected, %u came", expected->count, asked->count);
    for (uint32_t i = 0; i < expected->count && !text->len; i++)
        describe_words(&expected->commands[i], &asked->commands[i], text);
}

void test_on_question(struct test_host *host, test_question_handler *handler, void *state)
{
    host->on_question = handler;
    host->question_state = state;
}

/* The reply is only set here: the step that asks must return before the next one runs. */
static void let_answer(struct test_host *host, const struct question *question,
                       const struct asker *asker, const char *words)
{
    expect(host, *question);
    struct expectation *made = host->expected_first;
    while (made->next)
        made = made->next;
    made->asked = true;
    made->asker = *asker;
    host->asked = question->commands[0];
    host->answering = made;
    host->on_question(host, words, question->source, host->question_state);
    host->answering = NULL;
}

void script_ask(struct test_host *host, const char *who, const struct question *question,
                const struct asker *asker)
{
    struct expectation *expected = (struct expectation *)script_unasked(host);
    struct text asked, wanted, difference;
    text_init(&asked, &host->arena);
    question_describe(question, &asked);
    if (!expected && host->on_question) {
        let_answer(host, question, asker, asked.data);
        return;
    }
    if (!expected)
        host_fail(host, "%s asked, and nothing more was expected:\n  %s", who, asked.data);
    text_init(&difference, &host->arena);
    describe_difference(&expected->question, question, &difference);
    if (difference.len) {
        text_init(&wanted, &host->arena);
        question_describe(&expected->question, &wanted);
        host_fail(host, "%s asked something else\n  expected: %s    (%s:%d)\n  asked:    %s\n  %s",
                  who, wanted.data, expected->file, expected->line, asked.data, difference.data);
    }
    expected->asked = true;
    expected->asker = *asker;
    host->asked = question->commands[0];
}

/* ---- Replying ----------------------------------------------------------------------------- */

static struct reply *copy(struct arena *arena, const struct reply *from)
{
    if (from->type == SLUICE_REPLY_ARRAY) {
        struct reply *made = reply_array(arena, from->u.array.count);
        for (uint64_t i = 0; i < from->u.array.count; i++)
            made->u.array.items[i] = copy(arena, from->u.array.items[i]);
        return made;
    }
    if (from->type == SLUICE_REPLY_INT)
        return reply_int(arena, from->u.integer);
    if (from->type == SLUICE_REPLY_NIL)
        return reply_new(arena, SLUICE_REPLY_NIL);
    return reply_text(arena, from->type, from->u.text.data, from->u.text.len);
}

static struct reply *element(struct arena *arena, const sluice_arg *arg)
{
    if (arg->type == TEST_ARG_REPLY)
        return copy(arena, (const struct reply *)(const void *)arg->u.text);
    return reply_from_args(arena, arg, 1, sizeof *arg);
}

static struct reply *array(struct arena *arena, const sluice_arg *items, uint32_t count,
                           uint32_t stride)
{
    struct reply *made = reply_array(arena, count);
    for (uint32_t i = 0; i < count; i++)
        made->u.array.items[i] = element(arena, arg_at(items, stride, i));
    return made;
}

/* The expectation that the next reply is for. */
static struct expectation *unanswered(struct test_host *host)
{
    if (host->answering)
        return host->answering;
    for (struct expectation *each = host->expected_first; each; each = each->next)
        if (!each->reply)
            return each;
    host_fail(host, "a reply to nothing: every expected question has its reply already");
}

static void answer(struct test_host *host, struct expectation *expectation, struct reply *reply)
{
    expectation->reply = reply;
    if (expectation->asked && !host->answering)
        host_settle(host);
}

void test_reply_nil(struct test_host *host)
{
    struct expectation *to = unanswered(host);
    answer(host, to, reply_new(&to->arena, SLUICE_REPLY_NIL));
}

void test_reply_int(struct test_host *host, int64_t value)
{
    struct expectation *to = unanswered(host);
    answer(host, to, reply_int(&to->arena, value));
}

static void reply_with(struct test_host *host, uint32_t type, sluice_bytes bytes)
{
    struct expectation *to = unanswered(host);
    answer(host, to, reply_text(&to->arena, type, bytes.data, bytes.len));
}

void test_reply_text(struct test_host *host, const char *text)
{
    reply_with(host, SLUICE_REPLY_TEXT, test_bytes(text));
}

void test_reply_bytes(struct test_host *host, sluice_bytes bytes)
{
    reply_with(host, SLUICE_REPLY_TEXT, bytes);
}

void test_reply_status(struct test_host *host, const char *text)
{
    reply_with(host, SLUICE_REPLY_STATUS, test_bytes(text));
}

void test_reply_error(struct test_host *host, const char *text)
{
    reply_with(host, SLUICE_REPLY_ERROR, test_bytes(text));
}

void test_reply_trouble(struct test_host *host)
{
    reply_with(host, SLUICE_REPLY_TROUBLE, test_bytes("not connected"));
}

void test_reply_array(struct test_host *host, const sluice_arg *items, uint32_t count,
                      uint64_t stride)
{
    struct expectation *to = unanswered(host);
    answer(host, to, array(&to->arena, items, count, (uint32_t)stride));
}

void test_reply_late(struct test_host *host)
{
    struct expectation *to = unanswered(host);
    to->late = true;
    if (to->asked && !host->answering)
        host_settle(host);
}

sluice_arg test_nil(void)
{
    return sluice_arg_make(SLUICE_ARG_NIL, 0);
}

sluice_arg test_array_of(struct test_host *host, const sluice_arg *items, uint32_t count,
                         uint64_t stride)
{
    sluice_arg arg = sluice_arg_make(TEST_ARG_REPLY, 0);
    arg.u.text = (const char *)array(&host->arena, items, count, (uint32_t)stride);
    return arg;
}

sluice_arg test_empty_array(struct test_host *host)
{
    return test_array_of(host, NULL, 0, sizeof(sluice_arg));
}

void script_release(struct test_host *host)
{
    for (struct expectation *each = host->expected_first; each; each = each->next)
        arena_release(&each->arena);
}
