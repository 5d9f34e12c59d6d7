// policy.hpp - a door: what is in plume/core/policy.hpp.
#pragma once

#include <plume/core/policy.hpp>
