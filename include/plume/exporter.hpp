// exporter.hpp - a door: what is in plume/export/exporter.hpp.
#pragma once

#include <plume/export/exporter.hpp>
