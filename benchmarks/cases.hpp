// cases.hpp - what is measured: functions that record `count` times and nothing else.
#pragma once

#include <cstdint>

namespace cases {

/// Two reads of the counter behind each other, `count` times: the unit of all ratios.
void clock_pair(int count);

void empty_span(int count);
void attributes_1(int count);
void attributes_3(int count);
void attributes_10(int count);
void text_attribute(int count);
/// A struct of six members, and the attributes that it stands for (fields_cases.cpp).
void fields_6(int count);
void by_hand_6(int count);
/// `count` spans, four of them inside each other at a time.
void nested_4(int count);
/// `count` events, at most 100 on a span.
void event(int count);
/// The callsite that the benchmark switches off.
void switched_off(int count);
void async_span(int count);
/// empty_span() and attributes_3() compiled into a shared library with hidden symbols.
[[gnu::visibility("default")]] void in_library_empty(int count);
[[gnu::visibility("default")]] void in_library_3(int count);

/// Switches the callsite of switched_off().
void switch_callsite(bool on);

} // namespace cases

/// Calls of malloc and operator new by the calling thread since it began.
std::uint64_t allocations_of_this_thread() noexcept;
