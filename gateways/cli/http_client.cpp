#include "gateways/cli/http_client.hpp"

#include <poll.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <cerrno>

namespace gateways::cli {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto connect_patience = std::chrono::seconds(5);
constexpr std::size_t body_bytes_max = 64 << 20;
constexpr std::uint32_t header_bytes_max = 64 << 10;

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return std::tolower(c); });
  return small;
}

/// A socket whose reads give up after a while and let others be served while they wait.
class patient_socket {
 public:
  patient_socket(tcp::socket& socket, milliseconds silence, line_listener* listener)
      : socket_(socket), silence_(silence), listener_(listener) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    ec = wait();
    return ec ? 0 : socket_.read_some(buffers, ec);
  }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code ec;
    const auto count = read_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return count;
  }

 private:
  error_code wait() {
    const auto deadline = steady_clock::now() + silence_;
    for (;;) {
      if (listener_ && !listener_->wants_more()) return net::error::operation_aborted;
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
      if (left <= 0) return net::error::timed_out;
      const auto sides = listener_ ? listener_->side_inputs() : std::vector<side_input>();
      std::vector<pollfd> watched{{socket_.native_handle(), POLLIN, 0}};
      for (const auto& side : sides) watched.push_back({side.fd, POLLIN, 0});
      const auto count = ::poll(watched.data(), watched.size(), static_cast<int>(left));
      if (count < 0 && errno != EINTR) return {errno, boost::system::system_category()};
      if (count <= 0) continue;
      for (std::size_t i = 0; i < sides.size(); ++i)
        if (watched[i + 1].revents) sides[i].ready();
      if (watched[0].revents) return {};
    }
  }

  tcp::socket& socket_;
  milliseconds silence_;
  line_listener* listener_;
};

error_code connect(net::io_context& context, tcp::socket& socket, const url_parts& server) {
  error_code ec;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(server.host, server.port, ec);
  if (ec) return ec;
  ec = net::error::timed_out;
  net::async_connect(socket, found, [&ec](error_code e, const tcp::endpoint&) { ec = e; });
  context.run_for(connect_patience);
  if (ec) return ec;
  socket.set_option(tcp::no_delay(true), ec);
  return {};
}

http::request<http::string_body> to_beast(const request& what, const url_parts& server,
                                          const std::string& token) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(what.method);
  message.target(server.prefix + what.target);
  const auto host =
      server.host.find(':') == std::string::npos ? server.host : "[" + server.host + "]";
  message.set(http::field::host, host + ":" + server.port);
  message.set(http::field::user_agent, "troupe/" TROUPE_VERSION);
  message.set(http::field::accept, what.accept);
  message.set(http::field::connection, "close");
  if (!token.empty()) message.set(http::field::authorization, "Bearer " + token);
  for (const auto& [name, value] : what.headers) message.set(name, value);
  if (!what.body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = what.body;
  if (!what.body.empty() || what.method == "POST") message.prepare_payload();
  return message;
}

/// Cuts what arrives into lines; keep-alives are empty ones.
class line_splitter {
 public:
  explicit line_splitter(line_listener& to) : to_(to) {}

  void feed(std::string_view bytes) {
    for (auto end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
      pending_ += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!pending_.empty() && pending_.back() == '\r') pending_.pop_back();
      if (!pending_.empty() && to_.wants_more()) to_.on_line(pending_);
      pending_.clear();
    }
    pending_ += bytes;
  }

 private:
  line_listener& to_;
  std::string pending_;
};

/// One exchange on one connection.
class exchange {
 public:
  exchange(const url_parts& server, milliseconds silence, line_listener* listener)
      : server_(server), listener_(listener), source_(socket_, silence, listener) {}

  transport_result<response> run(const request& what, const std::string& token) {
    if (const auto ec = connect(context_, socket_, server_)) return failed(false, ec);
    error_code ec;
    socket_.non_blocking(false, ec);
    const auto message = to_beast(what, server_, token);
    http::write(socket_, message, ec);
    // A server may answer and close before it has read all; what it said still counts.
    if (ec && ec != net::error::broken_pipe && ec != net::error::connection_reset)
      return failed(true, ec);
    parser_.body_limit(boost::none);
    parser_.header_limit(header_bytes_max);
    http::read_header(source_, buffer_, parser_, ec);
    if (ec) return failed(true, ec);
    take_header();
    return read_body();
  }

 private:
  transport_error failed(bool connected, error_code ec) const {
    return {connected, ec == http::error::end_of_stream ? "connection closed" : ec.message()};
  }

  void take_header() {
    answer_.status = static_cast<int>(parser_.get().result_int());
    for (const auto& field : parser_.get())
      answer_.headers[lower(field.name_string())] = std::string(field.value());
    if (listener_ && answer_.ok()) listener_->on_header(answer_);
  }

  transport_result<response> read_body() {
    const bool lines = listener_ && answer_.ok();
    std::optional<line_splitter> splitter;
    if (lines) splitter.emplace(*listener_);
    std::string chunk(16 << 10, '\0');
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = chunk.data();
      body.size = chunk.size();
      error_code ec;
      http::read_some(source_, buffer_, parser_, ec);
      const std::string_view read(chunk.data(), chunk.size() - body.size);
      if (lines)
        splitter->feed(read);
      else
        answer_.body += read;
      if (lines && !listener_->wants_more()) break;
      if (ec && ec != http::error::need_buffer) return failed(true, ec);
      if (answer_.body.size() > body_bytes_max) return transport_error{true, "answer too large"};
    }
    return answer_;
  }

  url_parts server_;
  line_listener* listener_;
  net::io_context context_;
  tcp::socket socket_{context_};
  patient_socket source_;
  boost::beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> parser_;
  response answer_;
};

}  // namespace

std::optional<url_parts> parse_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (lower(url.substr(0, scheme.size())) != scheme) return {};
  url.remove_prefix(scheme.size());
  const auto slash = std::min(url.find('/'), url.size());
  url_parts parts{.host = {}, .port = "80", .prefix = std::string(url.substr(slash))};
  while (parts.prefix.ends_with('/')) parts.prefix.pop_back();
  auto authority = url.substr(0, slash);
  const auto bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == authority.npos) return {};
  if (const auto colon = authority.find(':', bracket); colon != authority.npos) {
    parts.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  parts.host = bracket ? authority.substr(1, bracket - 1) : authority;
  const bool digits =
      std::ranges::all_of(parts.port, [](unsigned char c) { return std::isdigit(c); });
  const bool odd = url.find_first_of(" \t\r\n?#@") != url.npos;
  if (parts.host.empty() || parts.port.empty() || parts.port.size() > 5 || !digits || odd)
    return {};
  return parts;
}

std::string path_segment(std::string_view text) {
  constexpr auto digits = "0123456789ABCDEF";
  std::string encoded;
  for (const auto c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~')
      encoded += c;
    else
      (encoded += '%').append({digits[byte >> 4], digits[byte & 15]});
  }
  return encoded;
}

std::string response::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

http_client::http_client(url_parts server, std::string token)
    : server_(std::move(server)), token_(std::move(token)) {}

transport_result<response> http_client::send(const request& what, milliseconds patience) const {
  return exchange(server_, patience, nullptr).run(what, token_);
}

transport_result<response> http_client::stream(const request& what, line_listener& to,
                                               milliseconds silence) const {
  return exchange(server_, silence, &to).run(what, token_);
}

std::string http_client::address() const {
  return server_.host + ":" + server_.port;
}

}  // namespace gateways::cli
