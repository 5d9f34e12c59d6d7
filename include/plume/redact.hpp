// redact.hpp - a door: what is in plume/trace/masked.hpp.
#pragma once

#include <plume/trace/masked.hpp>
