// Compiled without exceptions and without run-time type information: every format, both ways.
#include <plume/propagation/child_environment.hpp>

#include <map>
#include <string>

std::size_t pass_on(std::map<std::string, std::string>& headers) {
    plume::PairsCarrier carrier{headers};
    const plume::Extracted extracted = plume::extract(carrier);
    const plume::ContextScope scope{extracted.context()};
    plume::Baggage baggage = plume::current_baggage();
    baggage.set("key", "value");
    const plume::BaggageScope with_baggage{baggage};
    plume::inject(carrier);
    return plume::ChildEnvironment{}.variables().size();
}
