// callsites.hpp - a door: what is in plume/trace/switches.hpp.
#pragma once

#include <plume/trace/switches.hpp>
