/* The same work as Tidemark's log benchmarks, done by SQLite: append records of 100 bytes with a timestamp, one
 * transaction a batch, then read them all in order. One JSON line with records a second of both.
 *
 *     sqlite_append FILE RECORDS BATCH
 *
 * WAL, synchronous=NORMAL, automatic checkpoints as they come (every 1,000 pages); appending is measured from the
 * first insert to the end of the last commit, reading on a connection of its own. */

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VALUE_BYTES = 100 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check(sqlite3 *database, int result, const char *what) {
    if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE) return;
    fprintf(stderr, "sqlite_append: %s: %s\n", what, database ? sqlite3_errmsg(database) : sqlite3_errstr(result));
    exit(1);
}

static void run(sqlite3 *database, const char *statement) {
    check(database, sqlite3_exec(database, statement, NULL, NULL, NULL), statement);
}

static sqlite3 *open_database(const char *file) {
    sqlite3 *database = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    check(database, sqlite3_open_v2(file, &database, flags, NULL), file);
    run(database, "PRAGMA journal_mode=WAL");
    run(database, "PRAGMA synchronous=NORMAL");
    run(database, "PRAGMA cache_size=-65536"); /* 64 MiB */
    run(database, "PRAGMA mmap_size=2147418112");
    return database;
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement = NULL;
    check(database, sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), text);
    return statement;
}

/* A step that is to give no row; then the statement is ready for the next. */
static void step(sqlite3 *database, sqlite3_stmt *statement) {
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    check(database, result, sqlite3_sql(statement));
}

static double append(const char *file, int64_t records, int64_t batch) {
    sqlite3 *database = open_database(file);
    run(database, "CREATE TABLE log (offset INTEGER PRIMARY KEY, timestamp INTEGER, value BLOB)");
    sqlite3_stmt *begin = prepare(database, "BEGIN");
    sqlite3_stmt *insert = prepare(database, "INSERT INTO log VALUES (?, ?, ?)");
    sqlite3_stmt *commit = prepare(database, "COMMIT");
    static unsigned char value[VALUE_BYTES];
    for (int index = 0; index < VALUE_BYTES; index++) value[index] = (unsigned char)(index * 7);
    check(database, sqlite3_bind_blob(insert, 3, value, VALUE_BYTES, SQLITE_STATIC), "bind");

    double start = seconds();
    for (int64_t offset = 0; offset < records; offset++) {
        if (offset % batch == 0) step(database, begin);
        memcpy(value, &offset, sizeof offset);
        sqlite3_bind_int64(insert, 1, offset);
        sqlite3_bind_int64(insert, 2, 1700000000000 + offset);
        step(database, insert);
        if ((offset + 1) % batch == 0 || offset + 1 == records) step(database, commit);
    }
    double end = seconds();

    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(commit);
    check(database, sqlite3_close(database), "close");
    return end - start;
}

/* All bytes of the value, eight at a time. */
static uint64_t mix(uint64_t hash, const unsigned char *bytes, int count) {
    for (; count > 0; bytes += 8, count -= 8) {
        uint64_t word = 0;
        memcpy(&word, bytes, count < 8 ? (size_t)count : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    }
    return hash;
}

static double read_all(const char *file, int64_t records, uint64_t *hash) {
    sqlite3 *database = open_database(file);
    double start = seconds();
    sqlite3_stmt *select = prepare(database, "SELECT offset, timestamp, value FROM log ORDER BY offset");
    int64_t count = 0;
    int result;
    while ((result = sqlite3_step(select)) == SQLITE_ROW) {
        *hash += (uint64_t)sqlite3_column_int64(select, 0) ^ (uint64_t)sqlite3_column_int64(select, 1);
        const unsigned char *value = sqlite3_column_blob(select, 2);
        *hash = mix(*hash, value, sqlite3_column_bytes(select, 2));
        count++;
    }
    check(database, result, "read");
    double end = seconds();
    sqlite3_finalize(select);
    check(database, sqlite3_close(database), "close");
    if (count != records) {
        fprintf(stderr, "sqlite_append: read %lld records of %lld\n", (long long)count, (long long)records);
        exit(1);
    }
    return end - start;
}

int main(int argc, char **argv) {
    int64_t records = argc == 4 ? atoll(argv[2]) : 0;
    int64_t batch = argc == 4 ? atoll(argv[3]) : 0;
    if (records < 1 || batch < 1) {
        fprintf(stderr, "usage: sqlite_append FILE RECORDS BATCH\n");
        return 2;
    }
    uint64_t hash = 0;
    double append_time = append(argv[1], records, batch);
    double read_time = read_all(argv[1], records, &hash);
    printf("{\"sqlite\": \"%s\", \"records\": %lld, \"batch\": %lld, \"append_per_second\": %.0f, "
           "\"read_per_second\": %.0f, \"hash\": \"%016llx\"}\n",
           sqlite3_libversion(), (long long)records, (long long)batch, (double)records / append_time,
           (double)records / read_time, (unsigned long long)hash);
    return 0;
}
