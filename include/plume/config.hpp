// config.hpp - a door: what is in plume/core/config.hpp.
#pragma once

#include <plume/core/config.hpp>
