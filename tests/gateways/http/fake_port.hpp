// A client port that a test answers by hand: every call is kept with its sink until the test is
// done.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "gateways/client_port.hpp"

namespace tests {

struct fake_call {
  gateways::client_call what;
  std::shared_ptr<gateways::reply_sink> to;
  bool dropped = false;  ///< the session let go of its handle

  template <class Call>
  const Call& as() const {
    return std::get<Call>(what);
  }
};

class fake_port final : public gateways::client_port {
 public:
  std::vector<std::shared_ptr<fake_call>> calls;
  /// Answers at once, from within `submit`, when set.
  std::function<void(fake_call&)> answer;

  fake_call& last() { return *calls.at(calls.size() - 1); }

  std::unique_ptr<gateways::call_handle> submit(gateways::client_call what,
                                                std::shared_ptr<gateways::reply_sink> to) override {
    auto call = std::make_shared<fake_call>(fake_call{std::move(what), std::move(to), false});
    calls.push_back(call);
    if (answer) answer(*call);
    return std::make_unique<handle>(call);
  }

 private:
  struct handle final : gateways::call_handle {
    explicit handle(std::shared_ptr<fake_call> c) : call(std::move(c)) {}
    ~handle() override { call->dropped = true; }
    std::shared_ptr<fake_call> call;
  };
};

}  // namespace tests
