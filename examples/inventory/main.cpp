// main.cpp - the inventory: answers other services out of a database.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include <plume/instrument/httplib.hpp>
#include <plume/plume.hpp>
#include <plume/propagation/baggage.hpp>
#include <plume/session.hpp>

#include "../common/http_server.hpp"
#include "../common/service.hpp"
#include "stock.hpp"

namespace inventory {

using examples::Reply;

Reply quantity_page(const std::string& sku, Stock& stock) {
    PLUME_SET("item.sku"_a = sku);
    // From whoever began the trace, through all that are between us.
    if (const auto tier = plume::current_baggage().find("customer.tier"))
        PLUME_SET("customer.tier"_a = *tier);
    const Stock::Answer answer = stock.quantity(sku);
    if (!answer.error.empty()) return {500, "The database failed."};
    if (answer.values.empty()) return {404, "No such item."};
    return {.text = answer.values.front()};
}

Reply items_page(Stock& stock) {
    const Stock::Answer answer = stock.items();
    if (!answer.error.empty()) return {500, "The database failed."};
    std::string lines;
    for (const std::string& sku : answer.values) lines += sku + '\n';
    return {.text = lines};
}

void add_routes(httplib::Server& server, Stock& stock) {
    using examples::respond, httplib::Request, httplib::Response;

    server.Get("/stock",
               [&](const Request&, Response& response) { respond(response, items_page(stock)); });
    server.Get("/stock/([^/]+)", [&](const Request& request, Response& response) {
        respond(response, quantity_page(request.matches[1], stock));
    });
    server.Get("/healthz",
               [](const Request&, Response& response) { respond(response, {200, "ok"}); });
}

} // namespace inventory

int main(int argc, char** argv) try {
    using namespace std::chrono_literals;
    const examples::Arguments arguments{argc, argv, {{"port", "8081"}, {"database", ""}}};
    examples::block_stop_signals();
    inventory::Stock stock{arguments["database"]};

    // The default sends after five seconds at the latest; somebody who watches has less patience.
    plume::Session tracing{{.service_name = "inventory", .batch_delay = 200ms},
                           examples::make_exporters(arguments)};
    httplib::Server server;
    plume::instrument(server, {.excluded_paths = {"/healthz"},
                               .route_names = {{"/stock/([^/]+)", "/stock/{sku}"}}});
    inventory::add_routes(server, stock);
    const bool served = examples::serve(server, "inventory", arguments);

    examples::account("inventory", tracing.shutdown(5s).stats);
    return served ? 0 : 1;
} catch (const std::exception& failure) {
    std::fprintf(stderr, "inventory: %s\n", failure.what());
    return 1;
}
