// sql_options.hpp - what the instrumentation of databases can be told.
#pragma once

namespace plume {

/// Everything has a default.
struct SqliteOptions {
    bool rows = false;   ///< count rows (`db.response.returned_rows`), and mark when the first was
                         ///< there: a call for each row
    bool nested = false; ///< what runs inside of a statement too: an event for each trigger that
                         ///< fires, a span for each statement of virtual tables and functions
    bool replace_all_literals =
        false; ///< in texts with parameters, too; the conventions keep those
    bool parameters =
        false;             ///< what is bound (`db.query.parameter.<name>`): it is data, and may be
                           ///< secret; see Options::redaction. SQLite writes the text once more
    bool messages = false; ///< SQLite's words for a failure as the status: they may quote values.
                           ///< Otherwise it says what the code means
    bool operation_and_collection = false; ///< `db.operation.name`, `db.collection.name`, as far as
                                           ///< the text tells

    /// A trace hook of your own, called behind ours as by sqlite3_trace_v2(), which keeps only one.
    unsigned trace_events = 0;
    int (*trace)(unsigned event, void* context, void* p, void* x) = nullptr;
    void* trace_context = nullptr;
};

/// Everything has a default.
struct PqOptions {
    bool rows = false; ///< count rows (`db.response.returned_rows`)
    bool replace_all_literals =
        false;               ///< in texts with parameters, too; the conventions keep those
    bool parameters = false; ///< what is bound (`db.query.parameter.<number>`, from 0): it is data,
                             ///< and may be secret; see Options::redaction. Of binary values the
                             ///< first 512 bytes
    bool messages = false;   ///< the words of server and libpq for a failure as the status: they
                             ///< may quote values. Otherwise it says what the code means
    bool operation_and_collection = false; ///< `db.operation.name`, `db.collection.name`, as far as
                                           ///< the text tells
};

} // namespace plume
