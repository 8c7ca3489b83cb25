// Any bytes as a request to the forward proxy, and as a rule: what goes on to a host is one request
// for that host, and what a policy of all rules allows is no address of the machine's own.
#include <cstdint>
#include <cstdlib>

#include "protocol/egress/policy.hpp"
#include "protocol/egress/request.hpp"

using namespace protocol::egress;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void read_request(std::string_view text) {
  auto size = head_size(text);
  if (size == 0) return;
  auto parsed = parse_request(text.substr(0, size));
  auto* r = std::get_if<request>(&parsed);
  if (!r) return;
  require(r->to.port > 0 && !r->to.host.empty());
  require(parse_target(to_string(r->to))->host == r->to.host);
  if (r->tunnel) return require(r->head.empty() && r->body_bytes == 0);
  // Its own end is the first, and read again it says the same.
  require(head_size(r->head) == r->head.size());
  auto path = r->head.find(' ') + 1;
  auto again = r->head;
  again.insert(path, "http://" + to_string(r->to));
  auto second = parse_request(again);
  require(std::holds_alternative<request>(second));
  require(std::get<request>(second).head == r->head);
  require(std::get<request>(second).body_bytes == r->body_bytes);
}

void read_rule(std::string_view text) {
  auto rule = config::parse_egress_rule(text);
  if (!rule.wrong.empty()) return;
  require(rule.port_first >= 1 && rule.port_first <= rule.port_last);
  policy all({"0.0.0.0/0", "::/0"}, {std::string(text)});
  if (rule.is != config::egress_rule::kind::block) return;
  auto first = config::to_string(rule.block.first);
  auto to = parse_target((first.find(':') == first.npos ? first : "[" + first + "]") + ":" +
                         std::to_string(rule.port_first));
  require(to && !all.judge_name(*to).allowed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_request(text);
  read_rule(text);
  auto target = parse_target(text);
  if (target && target->address) {
    policy all({"0.0.0.0/0", "::/0"}, {});
    auto loopback = config::parse_egress_rule("127.0.0.0/8").block;
    if (loopback.contains(*target->address)) require(!all.judge_name(*target).allowed);
  }
  return 0;
}
