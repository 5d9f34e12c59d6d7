// main.cpp - the storefront: answers people, and asks the other services what there is.
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>

#include <curl/curl.h>
#include <fmt/format.h>
#include <plume/fields.hpp>
#include <plume/instrument/httplib.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "../common/http_server.hpp"
#include "../common/service.hpp"
#include "service_client.hpp"

namespace storefront {

using examples::Reply;

struct Order {
    std::string sku;
    int quantity;
};

const std::map<std::string, Order> orders{
    {"1001", {"desk-lamp", 1}},    // there are enough of these
    {"1002", {"oak-table", 2}},    // and of these
    {"1003", {"wool-rug", 2}},     // one is left
    {"1004", {"fountain-pen", 1}}, // unknown to the inventory
    {"1005", {"paper-clip", 100}}, // too many for the database
};

struct Services {
    ServiceClient inventory;
    std::optional<ServiceClient> reviews; ///< the Flask application, with ./dev demo --flask
};

Reply home_page() {
    return {.text = "The storefront of Plume's demo. Try /orders/1001 to /orders/1005, "
                    "/items/desk-lamp, /external, /healthz."};
}

Reply order_page(const std::string& id, const ServiceClient& inventory) {
    PLUME_FUNCTION("order.id"_a = id);
    const auto found = orders.find(id);
    if (found == orders.end()) {
        PLUME_EVENT("no such order");
        return {404, "No such order."};
    }
    const Order& order = found->second;
    PLUME_SET("order"_a = plume::fields(order)); // order.sku and order.quantity

    const ServiceClient::Response stock = inventory.get("/stock/" + order.sku);
    if (stock.status == 404)
        return {.text = fmt::format("Order {}: {}, no longer sold.", id, order.sku)};
    if (!stock.ok()) {
        PLUME_ERROR("the stock is not known");
        return {502, "The inventory doesn't answer as it should. Please try again later."};
    }
    const long in_stock = std::stol(stock.body);
    if (in_stock < order.quantity)
        PLUME_EVENT("not enough in stock", "missing"_a = order.quantity - in_stock);
    return {.text = fmt::format("Order {}: {} x {}, {} in stock.", id, order.quantity, order.sku,
                                in_stock)};
}

/// What the inventory has of an item, and what people say about it, if there is somebody to ask.
Reply item_page(const std::string& sku, const Services& services) {
    const ServiceClient::Response stock = services.inventory.get("/stock/" + sku);
    if (stock.status == 404) return {404, "No such item."};
    if (!stock.ok()) return {502, "The inventory doesn't answer as it should."};
    std::string text = fmt::format("{}: {} in stock", sku, std::stol(stock.body));
    if (services.reviews) {
        const ServiceClient::Response reviews = services.reviews->get("/reviews/" + sku);
        // Nobody should have to wait for an opinion: a failure is in the trace, not in the answer.
        if (reviews.ok()) text += ", " + reviews.body.substr(0, reviews.body.find('\n'));
    }
    return {.text = text + "."};
}

Reply external_page(const ServiceClient& inventory) {
    const ServiceClient::Response list = inventory.get("/stock");
    const std::string scarcest = list.body.substr(0, list.body.find('\n'));
    if (!list.ok() || scarcest.empty()) return {502, "The inventory has no list."};
    const ServiceClient::Response stock = inventory.get("/stock/" + scarcest);
    if (!stock.ok()) return {502, "The inventory has a list, but no numbers."};
    return {.text = fmt::format("Order now: {} {} left.", std::stol(stock.body), scarcest)};
}

void add_routes(httplib::Server& server, const Services& services) {
    using examples::respond, httplib::Request, httplib::Response;

    server.Get("/", [](const Request&, Response& response) { respond(response, home_page()); });
    server.Get("/orders/([^/]+)", [&](const Request& request, Response& response) {
        respond(response, order_page(request.matches[1], services.inventory));
    });
    server.Get("/items/([^/]+)", [&](const Request& request, Response& response) {
        respond(response, item_page(request.matches[1], services));
    });
    server.Get("/external", [&](const Request&, Response& response) {
        respond(response, external_page(services.inventory));
    });
    server.Get("/healthz",
               [](const Request&, Response& response) { respond(response, {200, "ok"}); });
}

} // namespace storefront

int main(int argc, char** argv) try {
    using namespace std::chrono_literals;
    const examples::Arguments arguments{
        argc, argv, {{"port", "8080"}, {"inventory", "http://127.0.0.1:8081"}, {"reviews", ""}}};
    examples::block_stop_signals();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    storefront::Services services{storefront::ServiceClient{arguments["inventory"]}, {}};
    if (const std::string& url = arguments["reviews"]; !url.empty()) services.reviews.emplace(url);

    // The default sends after five seconds at the latest; somebody who watches has less patience.
    // However many people come, at most 1000 traces a second begin here, and what looks like an
    // e-mail address, a token or a card number stays here.
    plume::Session tracing{
        {.service_name = "storefront",
         .redaction = plume::Redaction::standard(),
         .batch_delay = 200ms,
         .sampler = plume::Sampler::parent_based(plume::Sampler::rate_limited(1000))},
        examples::make_exporters(arguments)};
    httplib::Server server;
    // What watches the service asks for /healthz every second, which is never worth a trace.
    plume::instrument(server, {.excluded_paths = {"/healthz"},
                               .route_names = {{"/orders/([^/]+)", "/orders/{id}"},
                                               {"/items/([^/]+)", "/items/{sku}"}}});
    storefront::add_routes(server, services);
    const bool served = examples::serve(server, "storefront", arguments);

    examples::account("storefront", tracing.shutdown(5s).stats);
    return served ? 0 : 1;
} catch (const std::exception& failure) {
    std::fprintf(stderr, "storefront: %s\n", failure.what());
    return 1;
}
