// login.hpp - a struct that files with and without a policy record.
#pragma once

#include <optional>
#include <string>

#include "support/recorded.hpp"

namespace shop {

struct Card {
    std::string number;
    int year;
};
struct Login {
    int id;
    std::string email;
    std::string password;
    std::optional<Card> card;
};

/// Records it as policy_test.cpp does, in a file without a policy.
plume::test::Recorded record_without_policy(const Login& login);

} // namespace shop
