/* Typed arguments: strings, bytes, integers, doubles, booleans and JSON values, told apart by the
 * compiler, so that no format string exists to get wrong.
 *
 *   SLUICE_ARGS("SET", key, "PX", ttl_ms)  ->  four sluice_arg in a temporary array, and their count
 *
 * In C a _Generic selection per argument (up to 32), in C++ overloads; the spelling is the same.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_ARGS_H
#define SLUICE_ARGS_H

#include <string.h>

#include <sluice/abi.h>

/* In C11 `true` is the integer 1, which would be written as the number 1. These are what C23
 * prescribes; C11 7.18p3 allows a program to redefine them. They keep working in #if. */
#if !defined(__cplusplus) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ <= 201710L)
#undef true
#undef false
#define true ((_Bool) + 1u)
#define false ((_Bool) + 0u)
#endif

static inline sluice_arg sluice_arg_make(uint32_t type, uint64_t len)
{
    sluice_arg arg;
    memset(&arg, 0, sizeof arg);
    arg.type = type;
    arg.len = len;
    return arg;
}

static inline sluice_arg sluice_arg_text(const char *text)
{
    sluice_arg arg = sluice_arg_make(text ? SLUICE_ARG_TEXT : SLUICE_ARG_NIL, 0);
    arg.u.text = text;
    return arg;
}

static inline sluice_arg sluice_arg_bytes(sluice_bytes bytes)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_BYTES, bytes.len);
    arg.u.text = (const char *)bytes.data;
    return arg;
}

static inline sluice_arg sluice_arg_int(long long value)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_INT, 0);
    arg.u.i64 = value;
    return arg;
}

static inline sluice_arg sluice_arg_uint(unsigned long long value)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_UINT, 0);
    arg.u.u64 = value;
    return arg;
}

static inline sluice_arg sluice_arg_double(double value)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_DOUBLE, 0);
    arg.u.f64 = value;
    return arg;
}

static inline sluice_arg sluice_arg_bool(bool value)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_BOOL, 0);
    arg.u.u64 = value ? 1 : 0;
    return arg;
}

static inline sluice_arg sluice_arg_list(const sluice_list *list)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_LIST, 0);
    arg.u.list = list;
    return arg;
}

static inline sluice_arg sluice_arg_same(sluice_arg arg)
{
    return arg;
}

/* A reply as an argument: its integer, its text, or nil. */
static inline sluice_arg sluice_arg_reply(const sluice_reply *reply)
{
    uint32_t type = reply->api->type(reply);
    if (type == SLUICE_REPLY_INT)
        return sluice_arg_int(reply->api->integer(reply));
    if (type == SLUICE_REPLY_TEXT || type == SLUICE_REPLY_STATUS)
        return sluice_arg_bytes(reply->api->text(reply));
    return sluice_arg_make(SLUICE_ARG_NIL, 0);
}

/* An error for sluice_wake. */
static inline sluice_arg sluice_error(const char *message)
{
    sluice_arg arg = sluice_arg_make(SLUICE_ARG_ERROR, 0);
    arg.u.text = message;
    return arg;
}

/* JSON text that is inserted as it is; it must outlive the call. */
static inline sluice_arg sluice_raw_json(sluice_bytes json)
{
    sluice_arg arg = sluice_arg_bytes(json);
    arg.type = SLUICE_ARG_JSON;
    return arg;
}

static inline sluice_bytes sluice_bytes_of(const void *data, uint64_t len)
{
    sluice_bytes bytes;
    bytes.data = data;
    bytes.len = len;
    return bytes;
}

#ifdef __cplusplus

inline sluice_arg sluice_arg_of(const char *value)
{
    return sluice_arg_text(value);
}
inline sluice_arg sluice_arg_of(sluice_bytes value)
{
    return sluice_arg_bytes(value);
}
inline sluice_arg sluice_arg_of(bool value)
{
    return sluice_arg_bool(value);
}
inline sluice_arg sluice_arg_of(int value)
{
    return sluice_arg_int(value);
}
inline sluice_arg sluice_arg_of(long value)
{
    return sluice_arg_int(value);
}
inline sluice_arg sluice_arg_of(long long value)
{
    return sluice_arg_int(value);
}
inline sluice_arg sluice_arg_of(unsigned value)
{
    return sluice_arg_uint(value);
}
inline sluice_arg sluice_arg_of(unsigned long value)
{
    return sluice_arg_uint(value);
}
inline sluice_arg sluice_arg_of(unsigned long long value)
{
    return sluice_arg_uint(value);
}
inline sluice_arg sluice_arg_of(double value)
{
    return sluice_arg_double(value);
}
inline sluice_arg sluice_arg_of(const sluice_list *value)
{
    return sluice_arg_list(value);
}
inline sluice_arg sluice_arg_of(const sluice_reply *value)
{
    return sluice_arg_reply(value);
}
inline sluice_arg sluice_arg_of(const sluice_arg &value)
{
    return value;
}

/* A temporary array: it lives to the end of the full expression, as the call it is made for. */
template <unsigned N> struct sluice_argv {
    sluice_arg args[N];
};
template <typename... T> inline sluice_argv<sizeof...(T)> sluice_argv_of(const T &...values)
{
    return {{sluice_arg_of(values)...}};
}
template <unsigned N> struct sluice_commandv {
    sluice_command commands[N];
};
template <typename... T> inline sluice_commandv<sizeof...(T)> sluice_commandv_of(const T &...values)
{
    return {{values...}};
}
template <unsigned N> struct sluice_counted {
    static const unsigned count = N;
};
template <typename... T> sluice_counted<sizeof...(T)> sluice_count_of(const T &...);

#define SLUICE_ARGV(...) sluice_argv_of(__VA_ARGS__).args
#define SLUICE_ARGC(...) static_cast<uint32_t>(decltype(sluice_count_of(__VA_ARGS__))::count)
#define SLUICE_COMMANDV(...) sluice_commandv_of(__VA_ARGS__).commands
#define SLUICE_COMMANDC(...) SLUICE_ARGC(__VA_ARGS__)

#else

#define SLUICE_ARG_OF(x)                                                                           \
    _Generic((x), char *: sluice_arg_text, const char *: sluice_arg_text, _Bool: sluice_arg_bool,  \
             int: sluice_arg_int, long: sluice_arg_int, long long: sluice_arg_int,                 \
             short: sluice_arg_int, unsigned short: sluice_arg_uint, unsigned: sluice_arg_uint,    \
             unsigned long: sluice_arg_uint, unsigned long long: sluice_arg_uint,                  \
             float: sluice_arg_double, double: sluice_arg_double, sluice_bytes: sluice_arg_bytes,  \
             sluice_list *: sluice_arg_list, const sluice_list *: sluice_arg_list,                 \
             const sluice_reply *: sluice_arg_reply, sluice_arg: sluice_arg_same)(x)

/* clang-format off */
#define SLUICE_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17,  \
                      _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32,   \
                      n, ...) n
#define SLUICE_COUNT(...)                                                                          \
    SLUICE_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, \
                  15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SLUICE_EACH_1(a) SLUICE_ARG_OF(a)
#define SLUICE_EACH_2(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_1(__VA_ARGS__)
#define SLUICE_EACH_3(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_2(__VA_ARGS__)
#define SLUICE_EACH_4(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_3(__VA_ARGS__)
#define SLUICE_EACH_5(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_4(__VA_ARGS__)
#define SLUICE_EACH_6(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_5(__VA_ARGS__)
#define SLUICE_EACH_7(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_6(__VA_ARGS__)
#define SLUICE_EACH_8(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_7(__VA_ARGS__)
#define SLUICE_EACH_9(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_8(__VA_ARGS__)
#define SLUICE_EACH_10(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_9(__VA_ARGS__)
#define SLUICE_EACH_11(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_10(__VA_ARGS__)
#define SLUICE_EACH_12(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_11(__VA_ARGS__)
#define SLUICE_EACH_13(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_12(__VA_ARGS__)
#define SLUICE_EACH_14(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_13(__VA_ARGS__)
#define SLUICE_EACH_15(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_14(__VA_ARGS__)
#define SLUICE_EACH_16(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_15(__VA_ARGS__)
#define SLUICE_EACH_17(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_16(__VA_ARGS__)
#define SLUICE_EACH_18(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_17(__VA_ARGS__)
#define SLUICE_EACH_19(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_18(__VA_ARGS__)
#define SLUICE_EACH_20(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_19(__VA_ARGS__)
#define SLUICE_EACH_21(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_20(__VA_ARGS__)
#define SLUICE_EACH_22(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_21(__VA_ARGS__)
#define SLUICE_EACH_23(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_22(__VA_ARGS__)
#define SLUICE_EACH_24(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_23(__VA_ARGS__)
#define SLUICE_EACH_25(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_24(__VA_ARGS__)
#define SLUICE_EACH_26(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_25(__VA_ARGS__)
#define SLUICE_EACH_27(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_26(__VA_ARGS__)
#define SLUICE_EACH_28(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_27(__VA_ARGS__)
#define SLUICE_EACH_29(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_28(__VA_ARGS__)
#define SLUICE_EACH_30(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_29(__VA_ARGS__)
#define SLUICE_EACH_31(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_30(__VA_ARGS__)
#define SLUICE_EACH_32(a, ...) SLUICE_ARG_OF(a), SLUICE_EACH_31(__VA_ARGS__)
/* clang-format on */
#define SLUICE_PASTE_(a, b) a##b
#define SLUICE_PASTE(a, b) SLUICE_PASTE_(a, b)

#define SLUICE_ARGV(...)                                                                           \
    ((sluice_arg[]){SLUICE_PASTE(SLUICE_EACH_, SLUICE_COUNT(__VA_ARGS__))(__VA_ARGS__)})
#define SLUICE_ARGC(...) ((uint32_t)(SLUICE_COUNT(__VA_ARGS__)))
#define SLUICE_COMMANDV(...) ((sluice_command[]){__VA_ARGS__})
#define SLUICE_COMMANDC(...)                                                                       \
    ((uint32_t)(sizeof((sluice_command[]){__VA_ARGS__}) / sizeof(sluice_command)))

#endif

static inline sluice_command sluice_command_of(const sluice_arg *argv, uint32_t argc,
                                               uint64_t stride)
{
    sluice_command command;
    command.argv = argv;
    command.argc = argc;
    command.stride = (uint32_t)stride;
    return command;
}

/* What every asking and answering call ends with: array, count, stride. */
#define SLUICE_ARGS(...) SLUICE_ARGV(__VA_ARGS__), SLUICE_ARGC(__VA_ARGS__), sizeof(sluice_arg)

/* One command of a pipeline, and a pipeline as array, count, stride. Both are temporaries. */
#define SLUICE_COMMAND(...) sluice_command_of(SLUICE_ARGS(__VA_ARGS__))
#define SLUICE_COMMANDS(...)                                                                       \
    SLUICE_COMMANDV(__VA_ARGS__), SLUICE_COMMANDC(__VA_ARGS__), sizeof(sluice_command)

#endif
