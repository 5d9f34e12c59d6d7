// service_client.hpp - asks another service over HTTP, and lets it continue the trace.
#pragma once

#include <string>
#include <utility>

namespace storefront {

/// May be used by several threads at once.
class ServiceClient {
  public:
    /// `url` without a path: http://host:port.
    explicit ServiceClient(std::string url) : url_{std::move(url)} {}

    struct Response {
        long status = 0; ///< 0: there is none
        std::string body = {};

        [[nodiscard]] bool ok() const noexcept { return status == 200; }
    };
    /// GET of a path that begins with '/'. Blocks for two seconds at most.
    [[nodiscard]] Response get(const std::string& path) const;

  private:
    std::string url_;
};

} // namespace storefront
