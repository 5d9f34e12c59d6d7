// httplib.hpp - traces servers and clients of cpp-httplib 0.11.4 and later.
#pragma once

#include <plume/instrument/httplib/client.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/server.hpp>
