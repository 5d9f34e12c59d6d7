// span.hpp - a door: what is in plume/trace/span.hpp.
#pragma once

#include <plume/trace/span.hpp>
