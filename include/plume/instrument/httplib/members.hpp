// members.hpp - the way to what cpp-httplib keeps to itself: the handlers that are set, and how a
// client follows redirects.
//
// Setters of httplib::Server replace what was set before, and nothing reads it. The rules of access
// do not apply to the arguments of an explicit instantiation ([temp.spec.general]/6), which is how
// these come by pointers to private members. Their names are those of every release from 0.11 to
// 0.53; a release that renames one does not compile.
#pragma once

#include <regex>

#include <httplib.h>

/// Is found where cpp-httplib has no RegexMatcher of its own: before 0.13 a route is a std::regex.
namespace plume_before_matchers {
struct RegexMatcher {
    std::regex regex_;
};
} // namespace plume_before_matchers
namespace httplib::detail {
using namespace plume_before_matchers;
}

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Defines  Type Tag::pointer()  by a friend that is found by its argument.
template <class Tag, auto Member>
struct Opener {
    friend constexpr auto open(Tag) { return Member; }
};

#define PLUME_OPEN_MEMBER_(tag, member)                                                            \
    struct tag {                                                                                   \
        friend constexpr auto open(tag);                                                           \
    };                                                                                             \
    template struct Opener<tag, &member>

PLUME_OPEN_MEMBER_(PreRouting, httplib::Server::pre_routing_handler_);
PLUME_OPEN_MEMBER_(PostRouting, httplib::Server::post_routing_handler_);
PLUME_OPEN_MEMBER_(AccessLogger, httplib::Server::logger_);
PLUME_OPEN_MEMBER_(SocketOptionsOf, httplib::Server::socket_options_);
PLUME_OPEN_MEMBER_(GetHandlers, httplib::Server::get_handlers_);
PLUME_OPEN_MEMBER_(PostHandlers, httplib::Server::post_handlers_);
PLUME_OPEN_MEMBER_(PutHandlers, httplib::Server::put_handlers_);
PLUME_OPEN_MEMBER_(PatchHandlers, httplib::Server::patch_handlers_);
PLUME_OPEN_MEMBER_(DeleteHandlers, httplib::Server::delete_handlers_);
PLUME_OPEN_MEMBER_(OptionsHandlers, httplib::Server::options_handlers_);
PLUME_OPEN_MEMBER_(PostReaders, httplib::Server::post_handlers_for_content_reader_);
PLUME_OPEN_MEMBER_(PutReaders, httplib::Server::put_handlers_for_content_reader_);
PLUME_OPEN_MEMBER_(PatchReaders, httplib::Server::patch_handlers_for_content_reader_);
PLUME_OPEN_MEMBER_(DeleteReaders, httplib::Server::delete_handlers_for_content_reader_);

PLUME_OPEN_MEMBER_(RegexOf, httplib::detail::RegexMatcher::regex_);

PLUME_OPEN_MEMBER_(ClientOf, httplib::Client::cli_);
PLUME_OPEN_MEMBER_(HostOf, httplib::ClientImpl::host_);
PLUME_OPEN_MEMBER_(PortOf, httplib::ClientImpl::port_);
PLUME_OPEN_MEMBER_(IsEncrypted, httplib::ClientImpl::is_ssl);
PLUME_OPEN_MEMBER_(RequestMutex, httplib::ClientImpl::request_mutex_);
PLUME_OPEN_MEMBER_(FollowsLocation, httplib::ClientImpl::follow_location_);
PLUME_OPEN_MEMBER_(ClientLogger, httplib::ClientImpl::logger_);
PLUME_OPEN_MEMBER_(Redirect, httplib::ClientImpl::redirect);

#undef PLUME_OPEN_MEMBER_

} // namespace detail
} // namespace plume
