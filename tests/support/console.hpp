// console.hpp - what the console exporter prints of a batch, as a string.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <plume/exporters/console.hpp>

#include "capture.hpp"
#include "scene.hpp"

namespace plume::scene {

/// All that it prints at once; in Unicode, whatever the locale, unless the options say otherwise.
[[nodiscard]] inline std::string printed(Stage& stage, ConsoleOptions options = {},
                                         std::string_view service = "shop") {
    Capture capture;
    options.stream = capture.stream();
    if (options.glyphs == ConsoleGlyphs::automatic) options.glyphs = ConsoleGlyphs::unicode;
    ConsoleExporter console{options};
    static_cast<void>(stage.deliver(console, service));
    return capture.take();
}

/// Of one tree, without its header and the empty line at the end.
[[nodiscard]] inline std::string body(Stage& stage, ConsoleOptions options = {}) {
    const std::string text = printed(stage, options);
    const std::size_t begin = text.find('\n') + 1;
    return text.substr(begin, text.size() - 1 - begin);
}

} // namespace plume::scene
