// context.hpp - a door: what is in plume/trace/context.hpp.
#pragma once

#include <plume/trace/context.hpp>
