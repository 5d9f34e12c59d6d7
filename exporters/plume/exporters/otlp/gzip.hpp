// gzip.hpp - compresses request bodies with zlib, in memory that it keeps.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>

#include <zlib.h>

#include <plume/exporters/detail/bytes.hpp>

namespace plume::otlp {

/// Its state of about 260 KiB is made for the first body.
class Gzip {
  public:
    /// The compressed `body`, valid until the next call.
    [[nodiscard]] std::string_view operator()(std::string_view body) {
        if (body.size() > std::numeric_limits<uInt>::max() / 2)
            throw std::length_error{"a request of more than 2 GiB can't be compressed"};
        if (!stream_) start();
        else deflateReset(stream_.get());
        const uLong bound = deflateBound(stream_.get(), static_cast<uLong>(body.size()));
        bytes_.clear();
        // zlib only reads from next_in, but declares it const only if asked to.
        stream_->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(body.data()));
        stream_->avail_in = static_cast<uInt>(body.size());
        stream_->next_out = reinterpret_cast<Bytef*>(bytes_.room(bound));
        stream_->avail_out = static_cast<uInt>(bound);
        if (deflate(stream_.get(), Z_FINISH) != Z_STREAM_END)
            throw std::logic_error{"zlib did not compress a request in one go"};
        bytes_.resize(static_cast<std::size_t>(stream_->total_out));
        return bytes_.view();
    }

  private:
    struct End {
        void operator()(z_stream* stream) const noexcept {
            deflateEnd(stream);
            delete stream;
        }
    };

    void start() {
        constexpr int gzip_format = 15 + 16; // the largest window, and gzip's header and trailer
        stream_.reset(new z_stream{});
        // Level 1: spans repeat themselves so much that level 6 saves little, for thrice the time.
        if (deflateInit2(stream_.get(), 1, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK) {
            stream_.reset();
            throw std::bad_alloc{};
        }
    }

    std::unique_ptr<z_stream, End> stream_; // zlib refuses a stream that was moved
    Bytes bytes_;
};

} // namespace plume::otlp
