// Any bytes as an HTTP request, cut in two anywhere: the parser takes no more than there is, and
// what target, Accept and body are made of is either refused or in its normal form.
#include <array>
#include <boost/asio/buffer.hpp>
#include <cstdlib>

#include "gateways/http/parser.hpp"
#include "protocol/http/accept.hpp"
#include "protocol/http/command_request.hpp"
#include "protocol/http/request.hpp"
#include "protocol/http/target.hpp"
#include "protocol/text.hpp"

using namespace protocol;
using namespace protocol::http;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const request_rules& rules() {
  static const request_rules all({}, {}, {});
  return all;
}

void parse_request(std::string_view bytes) {
  gateways::http::request r;
  gateways::http::request_parser parser(r);
  parser.eager(true);
  parser.header_limit(16 << 10);
  parser.body_limit(1 << 20);
  // The first byte says where the bytes are cut, as a slow client would.
  const auto cut = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) % bytes.size();
  std::string held(bytes.substr(0, cut));
  for (int part = 0; part < 2; ++part) {
    boost::system::error_code ec;
    while (!held.empty() && !parser.is_done()) {
      const auto used = parser.put(boost::asio::buffer(held), ec);
      require(used <= held.size());
      held.erase(0, used);  // also when it needs more
      if (ec || used == 0) break;
    }
    if (ec && ec != boost::beast::http::error::need_more) return;
    if (part == 0) held += bytes.substr(cut);
  }
  require(r.body.size() <= bytes.size());
}

void parse_parts(std::string_view text) {
  if (auto parts = split_target(text)) {
    require(parts->path.starts_with('/'));
    if (auto segments = split_path(parts->path))
      for (auto& segment : *segments) require(to_utf8(segment) == segment);
    if (auto found = query::parse(parts->query))
      for (auto& [name, value] : found->all()) require(found->find(name).has_value());
  }
  constexpr std::array offers{media::json, media::ndjson, media::sse};
  (void)choose(text, offers);
  require(essence(text).size() <= text.size());
  (void)parse_count(text);
}

void parse_bodies(std::string_view text) {
  if (auto body = read_body(text, rules().execution)) {
    auto read = read_execution(*body, rules(), 1'800'000);
    if (read) require(read->timeout_ms > 0 && read->timeout_ms <= 1'800'000);
  }
  if (auto body = read_body(text, rules().command)) {
    auto read = read_command(*body, rules(), 1'800'000);
    if (read) require(read->request.command.given());
  }
  if (auto folder = path_in_workspace(text)) require(!folder->starts_with('/'));
  if (auto body = read_body(text, rules().sandbox)) (void)read_sandbox(*body, rules());
  if (auto body = read_body(text, rules().kernel)) (void)read_kernel(*body);
  (void)read_body(text, rules().turn);
  (void)read_body(text, rules().standard_input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_request(text);
  parse_parts(text);
  parse_bodies(text);
  return 0;
}
