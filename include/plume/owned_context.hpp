// owned_context.hpp - a door: what is in plume/core/owned_context.hpp.
#pragma once

#include <plume/core/owned_context.hpp>
