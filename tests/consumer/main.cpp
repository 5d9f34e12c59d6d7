#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

int main() { PLUME_SPAN("consumer"); }
