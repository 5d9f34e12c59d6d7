// module.hpp - what each module of the test offers to the others, in types that every compiler and
// every module agrees on.
#pragma once

namespace modules {

struct Module;

/// Which modules a call goes through.
struct Route {
    const Module* const* stops;
    int left;
};

struct Module {
    /// Opens a span, and sends the call on to the next stop while the span is open.
    void (*visit)(Route route);

    // A session that this module starts. The texts are valid until the next call.

    const char* (*start)();  ///< why it did not start, or ""
    const char* (*flush)();  ///< the tree of what was exported so far
    const char* (*finish)(); ///< the tree, and below it the counts
};

} // namespace modules
