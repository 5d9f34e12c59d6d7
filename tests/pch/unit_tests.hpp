// unit_tests.hpp - what every test includes, compiled once. Nothing of Plume's: some files set
// switches before they include it. No guard: it is compiled by itself.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "../support/catch.hpp"
