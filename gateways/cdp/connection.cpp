#include "gateways/cdp/connection.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "gateways/cdp/limited_browser.hpp"
#include "gateways/cdp/peer_uid.hpp"
#include "gateways/cdp/screencast_client.hpp"
#include "gateways/cdp/websocket.hpp"
#include "gateways/http/security.hpp"
#include "gateways/listen.hpp"
#include "protocol/json.hpp"

namespace gateways {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::http::field;

constexpr std::uint32_t header_bytes_max = 16 << 10;
constexpr std::uint64_t body_bytes_max = 64 << 10;  // nobody needs one
constexpr auto request_max = std::chrono::seconds(10);
constexpr auto idle_max = std::chrono::seconds(60);
constexpr auto write_max = std::chrono::seconds(30);

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string text(std::string_view before, std::string_view after) {
  return std::string(before).append(after);
}

std::string rejected(std::string_view origin) {
  auto o = std::string(origin);
  return "Rejected an incoming WebSocket connection from the " + o +
         " origin. Use the command line flag --remote-allow-origins=" + o +
         " to allow connections from this origin or --remote-allow-origins=* to allow all origins.";
}

protocol::result<protocol::cdp::screencast_options> screencast_options_of(std::string_view text) {
  auto query = protocol::http::query::parse(text);
  if (!query) return query.error();
  return protocol::cdp::read_screencast_options(*query);
}

}  // namespace

cdp_connection::cdp_connection(std::shared_ptr<cdp_core> core, asio::ip::tcp::socket socket,
                               cdp_way way)
    : core_(std::move(core)), stream_(std::move(socket)), way_(std::move(way)) {
  error_code ignored;
  auto& tcp = stream_.socket();
  peer_ = tcp.remote_endpoint(ignored);
  here_ = tcp.local_endpoint(ignored);
  tcp.set_option(asio::ip::tcp::no_delay(true), ignored);
  // A client whose machine has gone is else never missed.
  tcp.set_option(asio::socket_base::keep_alive(true), ignored);
}

void cdp_connection::start(std::string_view came) {
  in_.commit(asio::buffer_copy(in_.prepare(came.size()), asio::buffer(came)));
  read();
}

void cdp_connection::turn_away() {
  last_ = true;
  answer({503, "text/plain", "cdp.connections_max connections are open", {}});
}

void cdp_connection::read() {
  parser_.emplace();
  parser_->header_limit(header_bytes_max);
  parser_->body_limit(body_bytes_max);
  stream_.expires_after(kept_ ? idle_max : request_max);
  beast::http::async_read(
      stream_, in_, *parser_,
      [self = shared_from_this()](error_code ec, std::size_t) { self->read_done(ec); });
}

void cdp_connection::read_done(error_code ec) {
  using beast::http::error;
  if (over_) return;
  if (!ec) {
    request_ = parser_->release();
    return handle(request_);
  }
  if (ec.category() != make_error_code(error::bad_method).category() ||
      ec == error::end_of_stream || ec == error::partial_message)
    return end();
  last_ = true;
  auto status = ec == error::header_limit ? 431 : ec == error::body_limit ? 413 : 400;
  answer(html_answer(status, "The request cannot be read: " + ec.message()));
}

void cdp_connection::handle(const cdp_request& r) {
  last_ = way_.admitted || !r.keep_alive();
  upgrade_ = beast::websocket::is_upgrade(r);
  auto target = view(r.target());
  if (!admit(r, target)) return;
  ask_ = read_cdp_target(target);
  serve();
}

/// Takes what stands before the path off `target`; false when there is an answer already.
bool cdp_connection::admit(const cdp_request& r, std::string_view& target) {
  auto host = view(r[field::host]);
  auto refuse = [this](cdp_answer a) { return answer(a), false; };
  if (r.count(field::host) > 1) {
    last_ = true;
    return refuse(html_answer(400, "The request has more than one Host."));
  }
  place_ = {host.empty() ? text_of(here_) : std::string(host), way_.prefix};
  if (way_.admitted) {
    if (!target.starts_with(way_.prefix)) return refuse(html_answer(404));
    target.remove_prefix(way_.prefix.size());
  } else {
    auto split = split_token(target);
    place_.prefix = split.prefix;
    target = split.rest;
    auto [how, only] = core_->access.judge(
        {way_.remote, is_loopback(peer_.address()), view(r[field::authorization]), split.token},
        [this] { return peer_uid(peer_, here_); });
    if (how != cdp_admission::by_token && !plain_host(host))
      return refuse(
          html_answer(500, "Host header is specified and is not an IP address or localhost."));
    if (how == cdp_admission::refused)
      return refuse({401, "text/plain",
                     "A token is needed: Authorization: Bearer TOKEN, or /token/TOKEN before the "
                     "path. Whose is DATA_DIR/token.\n",
                     "WWW-Authenticate:Bearer\r\n"});
    only_ = only;
  }
  if (upgrade_ && !origin_fits(r))
    return refuse(html_answer(403, rejected(view(r[field::origin]))));
  return true;
}

bool cdp_connection::origin_fits(const cdp_request& r) {
  if (r.count(field::origin) == 0) return true;
  auto origin = view(r[field::origin]);
  if (way_.admitted) return http::gatekeeper::same_origin(origin, place_.host);
  return origin == "http://127.0.0.1:" + std::to_string(here_.port());
}

void cdp_connection::serve() {
  using enum cdp_action;
  bool to_socket = ask_.what == browser || ask_.what == page || ask_.what == screencast ||
                   (ask_.what == root && way_.admitted);
  if (upgrade_ && !to_socket) return answer(html_answer(404));
  if (!upgrade_) switch (ask_.what) {
      case root: return answer({200, "text/html", {}, "X-Frame-Options:DENY\r\n"});
      case browser:
      case page: return answer({200, "text/plain", {}, {}});
      case screencast: return answer(html_answer(400, "A screencast is a WebSocket."));
      case nothing: return answer(html_answer(404));
      case unknown:
        return answer({.status = 404, .body = text("Unknown command: ", ask_.argument)});
      case protocol: return give_protocol();
      case make:
        if (request_.method() == beast::http::verb::put) break;
        return answer({.status = 405,
                       .body = text("Using unsafe HTTP verb ", view(request_.method_string())) +
                               " to invoke /json/new. This action supports only PUT verb."});
      default: break;
    }
  core_->browsers.find(way_.sandbox_id, [self = shared_from_this()](found_browser found) {
    if (self->over_) return;
    if (!found) return self->answer({.status = 503, .body = found.error().detail});
    auto browser = std::move(*found);
    if (self->only_) browser = std::make_shared<limited_browser>(std::move(browser), *self->only_);
    self->upgrade_ ? self->begin_socket(std::move(browser)) : self->serve_pages(browser);
  });
}

/// From the file of the options, or as the browser has it.
void cdp_connection::give_protocol() {
  const auto& path = core_->options.cdp.protocol_file;
  if (!path.empty()) {
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) return answer({.status = 404, .body = "Unknown command: protocol"});
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    return answer({.body = std::move(bytes), .line = {}});
  }
  core_->browsers.describe(way_.sandbox_id,
                           [self = shared_from_this()](protocol::result<std::string> text) {
                             if (self->over_) return;
                             if (!text)
                               return self->answer({.status = 503, .body = text.error().detail});
                             self->answer({.body = std::move(*text), .line = {}});
                           });
}

void cdp_connection::serve_pages(const std::shared_ptr<live_browser>& browser) {
  const auto& revision = browser->version().revision;
  switch (ask_.what) {
    case cdp_action::version:
      return answer({.body = version_text(browser->version(), browser->id(), place_)});
    case cdp_action::list:
      return ask_browser(browser, "Target.getTargets", std::string(list_params(ask_.tabs)),
                         [this, revision](const browser_reply& r) {
                           auto text = list_text(r.result, revision, place_);
                           if (!text) return cdp_answer{.status = 503, .body = text.error().detail};
                           return cdp_answer{.body = std::move(*text)};
                         });
    default: return change(browser);
  }
}

void cdp_connection::change(const std::shared_ptr<live_browser>& browser) {
  if (ask_.what == cdp_action::make) {
    auto params = "{\"url\":" + protocol::json_string(ask_.argument) + "}";
    return ask_browser(browser, "Target.createTarget", std::move(params),
                       [this, revision = browser->version().revision](const browser_reply& r) {
                         if (r.failed)
                           return cdp_answer{.status = 500, .body = "Could not create new page"};
                         auto id = protocol::json_text(protocol::json_member(r.result, "targetId"));
                         return cdp_answer{.body = made_text(id, ask_.argument, revision, place_)};
                       });
  }
  auto params = "{\"targetId\":" + protocol::json_string(ask_.argument) + "}";
  bool closes = ask_.what == cdp_action::close;
  ask_browser(browser, closes ? "Target.closeTarget" : "Target.activateTarget", std::move(params),
              [this, closes](const browser_reply& r) {
                if (r.failed)
                  return cdp_answer{.status = 404,
                                    .body = text("No such target id: ", ask_.argument)};
                return cdp_answer{.body = closes ? "Target is closing" : "Target activated"};
              });
}

void cdp_connection::ask_browser(const std::shared_ptr<live_browser>& browser,
                                 std::string_view method, std::string params,
                                 std::function<cdp_answer(const browser_reply&)> to_answer) {
  browser_call::make(core_->browsers.io(), browser, method, params,
                     [self = shared_from_this(),
                      to_answer = std::move(to_answer)](protocol::result<browser_reply> r) {
                       if (self->over_) return;
                       if (!r) return self->answer({.status = 503, .body = r.error().detail});
                       self->answer(to_answer(*r));
                     });
}

void cdp_connection::begin_socket(std::shared_ptr<live_browser> browser) {
  bool of_target = ask_.what == cdp_action::page || ask_.what == cdp_action::screencast;
  if (ask_.what == cdp_action::browser && ask_.argument != browser->id())
    return answer(html_answer(404));
  if (of_target && ask_.argument.empty()) return answer(html_answer(404));
  last_ = true;
  // The client does not know yet whether it may speak in frames.
  if (in_.size() > 0) return answer(html_answer(400, "Nothing may follow the handshake yet."));
  if (ask_.what == cdp_action::screencast) {
    auto options = screencast_options_of(ask_.query);
    if (!options) return answer(html_answer(400, options.error().detail));
    browser = std::make_shared<screencast_client>(core_->browsers.io(), std::move(browser),
                                                  std::move(*options));
  }
  auto target = of_target ? ask_.argument : std::string();
  auto next = std::make_shared<cdp_websocket>(core_, std::move(stream_), std::move(request_),
                                              std::move(browser));
  core_->links.insert(next);
  over_ = true;
  core_->links.erase(shared_from_this());
  next->start(std::move(target));
}

void cdp_connection::answer(const cdp_answer& a) {
  out_ = answer_text(a, request_.method() != beast::http::verb::head, last_);
  kept_ = true;
  stream_.expires_after(write_max);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (self->over_) return;
                      if (ec || self->last_) return self->end();
                      self->read();
                    });
}

void cdp_connection::end() {
  if (std::exchange(over_, true)) return;
  error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
  core_->links.erase(shared_from_this());
}

}  // namespace gateways
