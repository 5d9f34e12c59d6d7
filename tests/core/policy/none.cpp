// none.cpp - a file without a policy, in a program that has files with one.
#include "login.hpp"

#include <plume/fields.hpp>
#include <plume/plume.hpp>

using namespace plume::literals;

plume::test::Recorded shop::record_without_policy(const Login& login) {
    return plume::test::recorded([&] {
        const plume::Span span{"login"_name, "shop"_a = plume::fields(login),
                               "shop.email"_a = login.email};
    });
}
