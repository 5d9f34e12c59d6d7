// ids.hpp - a door: what is in plume/core/ids.hpp.
#pragma once

#include <plume/core/ids.hpp>
