#define CAF_SUITE protocol_cause
#include "protocol/cause.hpp"

#include <csignal>

#include "protocol/execution.hpp"
#include "protocol/json.hpp"
#include "protocol/sandbox.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;

CAF_TEST(signals are told by name) {
  CAF_CHECK_EQUAL(signal_name(SIGKILL), "SIGKILL");
  CAF_CHECK_EQUAL(signal_name(SIGABRT), "SIGABRT");
  CAF_CHECK_EQUAL(signal_name(42), "SIG42");
}

CAF_TEST(a cause shows all five members) {
  cause c{cause_kind::signal, SIGKILL, -1, "", "killed from outside"};
  CAF_CHECK_EQUAL(to_json(c),
                  R"({"kind":"signal","signal":"SIGKILL","exit_code":null,"limit":null,)"
                  R"("detail":"killed from outside"})");
  c = {cause_kind::exit, 0, 3, "", ""};
  CAF_CHECK_EQUAL(to_json(c),
                  R"({"kind":"exit","signal":null,"exit_code":3,"limit":null,"detail":""})");
  CAF_CHECK_EQUAL(to_json(cause{}), "null");
}

CAF_TEST(a cause survives its text) {
  for (int kind = 1; kind <= static_cast<int>(cause_kind::restarts_exhausted); ++kind) {
    for (int signal : {0, 1, 9, 34, 42, 64}) {
      const cause c{static_cast<cause_kind>(kind), signal, signal == 0 ? 0 : -1, "timeout_s=30",
                    "line\n\"quoted\" 中文"};
      CAF_CHECK(parse_json(to_json(c)).has_value());
      CAF_CHECK(cause_from_json(to_json(c)) == c);
    }
  }
}

CAF_TEST(what is not a cause reads as none) {
  for (auto text : {"null", "", "{}", "[1]", R"({"kind":7})", R"({"kind":"x","signal":"SIGKILL"})"})
    CAF_CHECK(cause_from_json(text) == cause{});
}

CAF_TEST(names are those of the enumerators and read back) {
  CAF_CHECK_EQUAL(name_of(cause_kind::restarts_exhausted), "restarts_exhausted");
  CAF_CHECK_EQUAL(name_of(cause_kind::protocol_error), "protocol_error");
  CAF_CHECK_EQUAL(name_of(execution_state::running), "running");
  CAF_CHECK_EQUAL(name_of(sandbox_mode::chat), "chat");
  CAF_CHECK_EQUAL(name_of(sandbox_state::closing), "closing");
  CAF_CHECK_EQUAL(name_of(kernel_state::restarting), "restarting");
  for (int i = 0; i <= static_cast<int>(execution_status::shutdown); ++i) {
    const auto status = static_cast<execution_status>(i);
    CAF_CHECK(status_from_name(name_of(status)) == status);
  }
  CAF_CHECK_EQUAL(name_of(execution_status::kernel_died), "kernel_died");
  CAF_CHECK(status_from_name("no such") == execution_status::none);
}
