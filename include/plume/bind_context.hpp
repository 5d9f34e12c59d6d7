// bind_context.hpp - a door: what is in plume/trace/bind_context.hpp.
#pragma once

#include <plume/trace/bind_context.hpp>
