// session.hpp - a session behind plain functions, so that one object file serves every module.
#pragma once

namespace modules {

const char* start();
const char* flush();
const char* finish();

} // namespace modules
