// plume.hpp - the light door: what instrumented code includes.
#pragma once

#include <plume/config.hpp>
#include <plume/off.hpp>

#if PLUME_ENABLED
#    include <plume/context.hpp>
#    include <plume/span.hpp>
#endif

#include <plume/macros.hpp>
