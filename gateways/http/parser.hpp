// Beast's HTTP parser writing straight into a `request`: no field list, no second pass.
//
// Owned by a session, made anew for each request. What Beast lets through but must not pass (two
// Hosts, a Transfer-Encoding other than chunked) is noted as a flaw of the head.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string_view>

#include "gateways/http/exchange.hpp"

namespace gateways::http {

namespace beast = boost::beast;

class request_parser final : public beast::http::basic_parser<true> {
 public:
  explicit request_parser(request& to) : to_(to) {}

 private:
  using error_code = boost::system::error_code;
  using text = beast::string_view;

  void on_request_impl(beast::http::verb verb, text, text target, int version,
                       error_code& ec) override;
  void on_response_impl(int, text, int, error_code&) override {}
  void on_field_impl(beast::http::field field, text name, text value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(boost::optional<std::uint64_t> const& length, error_code& ec) override;
  std::size_t on_body_impl(text body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, text, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code& ec) override;
  void on_finish_impl(error_code& ec) override { ec = {}; }

  void keep(std::string& field, text value, bool once);
  void take_other(text name, text value);

  request& to_;
  bool has_authorization_ = false;
  bool in_trailer_ = false;  ///< what comes after the body cannot change who asks for what
};

}  // namespace gateways::http
