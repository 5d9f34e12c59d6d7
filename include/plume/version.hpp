// version.hpp - a door: what is in plume/core/version.hpp.
#pragma once

#include <plume/core/version.hpp>
