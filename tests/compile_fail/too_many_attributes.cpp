// expect: a span has at most 128 attributes
#include <plume/plume.hpp>

#define TWO(what) what, what
#define FOUR(what) TWO(what), TWO(what)
#define SIXTEEN(what) FOUR(what), FOUR(what), FOUR(what), FOUR(what)
#define SIXTY_FOUR(what) SIXTEEN(what), SIXTEEN(what), SIXTEEN(what), SIXTEEN(what)

int main() {
    PLUME_SPAN("work", SIXTY_FOUR("key"_a = 1), SIXTY_FOUR("key"_a = 1));
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("more work", SIXTY_FOUR("key"_a = 1), SIXTY_FOUR("key"_a = 1), "more"_a = 1);
#endif
}
