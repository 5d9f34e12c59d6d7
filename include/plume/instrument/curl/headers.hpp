// headers.hpp - headers put in front of a list of the user's, which itself stays as it is.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include <plume/instrument/detail/http.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A carrier for plume::inject(). The user's list may be shared by many transfers at once, as
/// libcurl allows, so nothing is ever written into it: own nodes come first, and the last one
/// points to it.
class [[gnu::visibility("default")]] CurlHeaders {
  public:
    /// `others` must outlive this; null is an empty list.
    explicit CurlHeaders(curl_slist* others) noexcept : others_{others} {}
    CurlHeaders(CurlHeaders&& other) noexcept
        : others_{std::exchange(other.others_, nullptr)},
          first_{std::exchange(other.first_, nullptr)} {}
    CurlHeaders& operator=(CurlHeaders&& other) noexcept {
        std::swap(others_, other.others_);
        std::swap(first_, other.first_);
        return *this;
    }
    ~CurlHeaders() {
        while (first_ && first_ != others_) std::free(std::exchange(first_, first_->next));
    }

    /// Replaces what the list has under that name. Without memory, nothing happens.
    void set(std::string_view name, std::string_view value) noexcept {
        if (!fits_in_header(name) || !fits_in_header(value)) return;
        leave_out(name);
        const std::size_t size = name.size() + 2 + value.size() + 1;
        curl_slist* node = make_node(size);
        if (!node) return;
        node->data = reinterpret_cast<char*>(node + 1);
        char* out = copy(node->data, name);
        out = copy(out, ": ");
        *copy(out, value) = '\0';
        append(node);
    }

    /// Own headers, then the user's. Valid until the next set().
    [[nodiscard]] curl_slist* list() const noexcept { return first_ ? first_ : others_; }
    [[nodiscard]] bool added() const noexcept { return first_ != nullptr; }

  private:
    static char* copy(char* to, std::string_view text) noexcept {
        std::memcpy(to, text.data(), text.size());
        return to + text.size();
    }
    [[nodiscard]] static curl_slist* make_node(std::size_t text_size) noexcept {
        return static_cast<curl_slist*>(std::malloc(sizeof(curl_slist) + text_size));
    }

    /// Whether a line "Name: value", "Name:" or "Name;" is about that name (CURLOPT_HTTPHEADER).
    [[nodiscard]] static bool is_about(const curl_slist& node, std::string_view name) noexcept {
        const std::string_view line = node.data ? node.data : "";
        if (line.size() <= name.size()) return false;
        const char after = line[name.size()];
        return (after == ':' || after == ';') &&
               curl_strnequal(line.data(), name.data(), name.size());
    }

    /// Takes other headers of that name out of what is sent.
    void leave_out(std::string_view name) noexcept {
        curl_slist** link = &first_;
        while (*link && *link != others_) {
            if (is_about(**link, name)) std::free(std::exchange(*link, (*link)->next));
            else link = &(*link)->next;
        }
        if (first_ == others_) first_ = nullptr;
        for (const curl_slist* node = others_; node; node = node->next)
            if (is_about(*node, name)) return adopt_others_without(name);
    }

    /// The user's list cannot lose a node, so nodes of our own refer to the rest of its texts.
    void adopt_others_without(std::string_view name) noexcept {
        if (curl_slist* end = last()) end->next = nullptr;
        const curl_slist* theirs = std::exchange(others_, nullptr);
        for (; theirs; theirs = theirs->next) {
            if (is_about(*theirs, name)) continue;
            curl_slist* node = make_node(0);
            if (!node) return;
            node->data = theirs->data;
            append(node);
        }
    }

    /// The last of the own nodes, or null.
    [[nodiscard]] curl_slist* last() const noexcept {
        curl_slist* node = first_;
        while (node && node->next && node->next != others_) node = node->next;
        return node;
    }
    void append(curl_slist* node) noexcept {
        node->next = others_;
        if (curl_slist* end = last()) end->next = node;
        else first_ = node;
    }

    curl_slist* others_;
    curl_slist* first_ = nullptr; ///< of the own nodes
};

} // namespace detail
} // namespace plume
