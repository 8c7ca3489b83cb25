// Addresses to listen on, as the settings write them. Of the listeners of HTTP and of CDP.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>
#include <system_error>

#include "protocol/http/target.hpp"

namespace gateways {

/// "HOST:PORT", where no host is every address; throws std::system_error with a text that names
/// `option`.
inline boost::asio::ip::tcp::endpoint parse_listen(std::string_view option,
                                                   const std::string& text) {
  auto fail = [&](const char* why) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            std::string(option) + " " + text + ": " + why);
  };
  auto colon = text.rfind(':');
  if (colon == std::string::npos) fail("must be HOST:PORT");
  auto port = protocol::http::parse_count(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65'535) fail("the port must be 0 to 65535");
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty()) host = "0.0.0.0";
  boost::system::error_code ec;
  auto address = boost::asio::ip::make_address(host, ec);
  if (ec) fail("the host must be an IP address or localhost");
  return {address, static_cast<std::uint16_t>(*port)};
}

inline std::string text_of(const boost::asio::ip::tcp::endpoint& at) {
  auto ip = at.address().to_string();
  if (at.address().is_v6()) ip = "[" + ip + "]";
  return ip + ":" + std::to_string(at.port());
}

}  // namespace gateways
