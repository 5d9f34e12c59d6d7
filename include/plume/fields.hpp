// fields.hpp - a door: what is in plume/trace/fields.hpp.
#pragma once

#include <plume/trace/fields.hpp>
