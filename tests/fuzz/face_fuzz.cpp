// Any bytes as what comes to the CDP listener: a target, a Host, the kernel's table of sockets, and
// what a browser says of its targets. Nobody is admitted who did not show the token.
#include <cstdint>
#include <cstdlib>

#include "gateways/cdp/cdp_access.hpp"
#include "gateways/cdp/face.hpp"

using namespace gateways;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const cdp_access access_to{"a token that nobody guesses", false, {}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto split = split_token(text);
  require(std::string(split.prefix).append(split.rest) == text);
  require(access_to
              .judge({.loopback = true, .authorization = text, .path_token = split.token},
                     [] { return uid_t{0}; })
              .how == cdp_admission::refused);
  auto ask = read_cdp_target(split.rest);
  if (ask.what == cdp_action::make) require(ask.argument.find(':') != ask.argument.npos);
  if (plain_host(text)) require(text.find_first_of("/@\"\\ \r\n") == text.npos);
  owner_in(text, text.substr(0, size / 2), text.substr(size / 2));
  if (auto list = list_text(text, "@r", {"localhost", std::string(split.prefix)}))
    require(list->ends_with(" ]\n"));
  return 0;
}
