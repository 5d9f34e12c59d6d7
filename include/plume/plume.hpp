// plume.hpp - the light door: what instrumented code includes.
#pragma once

#include <plume/core/config.hpp>
#include <plume/trace/compiled_out.hpp>

#if PLUME_ENABLED
#    include <plume/trace/context.hpp>
#    include <plume/trace/span.hpp>
#endif

#include <plume/trace/macros.hpp>
