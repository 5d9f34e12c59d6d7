// span_data.hpp - a door: what is in plume/export/span_data.hpp.
#pragma once

#include <plume/export/span_data.hpp>
