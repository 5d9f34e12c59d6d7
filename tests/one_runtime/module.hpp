// module.hpp - what each of the four modules offers the others. MODULE is its name.
#pragma once

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

using Function = void (*)();
/// Calls `then` inside a span of the module.
using Visit = void (*)(Function then);
/// Runs `body` in a session that the module starts; returns the tree of what was recorded.
using RunSession = const char* (*)(Function body);
