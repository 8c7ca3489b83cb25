#include "actors/errors.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/sec.hpp>

namespace actors {

using protocol::error_code;

caf::error to_error(const protocol::fault& f) {
  return caf::make_error(f.code, f.detail, f.members, f.retry_after_s);
}

protocol::fault to_fault(const caf::error& e) {
  if (e.category() == caf::atom("troupe")) {
    protocol::fault f{.code = static_cast<error_code>(e.code())};
    auto& context = e.context();
    if (context.match_elements<std::string, std::string, double>()) {
      f.members = context.get_as<std::string>(1);
      f.retry_after_s = context.get_as<double>(2);
    }
    if (context.size() > 0 && context.match_element<std::string>(0))
      f.detail = context.get_as<std::string>(0);
    return f;
  }
  if (e == caf::sec::request_timeout)
    return {.code = error_code::timed_out,
            .detail = "the part asked did not answer in time",
            .retry_after_s = 1};
  if (e == caf::sec::request_receiver_down || e.category() == caf::atom("exit"))
    return {.code = error_code::unavailable,
            .detail = "the part asked is being restarted",
            .retry_after_s = 1};
  return {.code = error_code::internal, .detail = "a part of the daemon failed"};
}

}  // namespace actors
