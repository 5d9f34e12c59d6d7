// catch.hpp - Catch2 as it is installed: version 3, or the one header of version 2 (Debian 12).
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp>
#else
#    include <catch2/catch.hpp>
#endif
