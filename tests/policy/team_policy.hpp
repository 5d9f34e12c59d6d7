// team_policy.hpp - what an imaginary team wants: for policy_test.cpp and for what must not
// compile.
#pragma once

#include <plume/policy.hpp>

namespace team {

struct TracingPolicy : plume::Policy {
    static constexpr std::string_view required_prefixes[]{"shop.", "test."};
    static constexpr std::string_view forbidden_keys[]{"shop.card.number", "*.cvc"};
    static constexpr std::string_view sensitive_keys[]{"shop.email", "*.password", "shop.card"};
    static constexpr std::size_t longest_name = 40;
    static constexpr std::size_t longest_key = 32;
    static constexpr int most_level = 2;

    static consteval bool allows_name(std::string_view name) {
        return name.find('_') == std::string_view::npos;
    }
    static consteval bool allows_key(std::string_view key) {
        for (const char c : key)
            if (c >= 'A' && c <= 'Z') return false;
        return true;
    }
};

} // namespace team

namespace plume {
using TeamPolicy = team::TracingPolicy;
}

#ifndef PLUME_LEVEL
#    define PLUME_LEVEL PLUME_LEVEL_DEBUG
#endif
