#include "tests/gateways/cdp/rig.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "protocol/cdp/message.hpp"
#include "protocol/json.hpp"

namespace tests {
namespace {

namespace asio = boost::asio;

constexpr auto targets = R"({"targetInfos":[)"
                         R"({"targetId":"B","type":"browser","title":"","url":""},)"
                         R"({"targetId":"T1","type":"page","title":"One","url":"http://one/"}]})";

class fake_browser final : public gateways::live_browser {
 public:
  explicit fake_browser(asio::io_context& io) : io_(io) {}

  const gateways::browser_version& version() const override { return version_; }
  const std::string& id() const override { return id_; }

  std::uint64_t connect(std::string target_id, std::shared_ptr<gateways::cdp_client> who) override {
    auto number = ++last_;
    clients_[number] = who;
    auto answer = [this, number, who, there = target_id.empty() || target_id == "T1"] {
      if (there) return who->opened();
      clients_.erase(number);
      who->refused("No target with given id found");
    };
    at_once ? answer() : asio::post(io_, answer);
    return number;
  }

  void received(std::uint64_t from, std::string_view text) override {
    auto who = clients_.at(from);
    auto id = protocol::json_integer(protocol::json_member(text, "id"), 0);
    auto method = protocol::json_text(protocol::json_member(text, "method"));
    auto target = protocol::json_text(
        protocol::json_member(protocol::json_member(text, "params"), "targetId"));
    auto reply = [&](std::string_view result) {
      who->deliver(protocol::cdp::result_text(id, result, {}));
    };
    if (text == "flood") {
      for (std::size_t i = 0; i < flood_messages; ++i) who->deliver(std::string(flood_bytes, 'x'));
    } else if (text == "again") {
      who->deliver("last");
      clients_.erase(from);
      who->close(1012, "the browser starts again");
    } else if (method == "Target.getTargets") {
      reply(targets);
    } else if (method == "Target.createTarget") {
      reply(R"({"targetId":"T2"})");
    } else if (method.starts_with("Target.") && target != "T1") {
      who->deliver(protocol::cdp::error_text(id, protocol::cdp::error_code::server_error,
                                             "No target with given id found", {}));
    } else if (method.starts_with("Target.")) {
      reply("{}");
    } else {
      who->deliver(std::string(text));
    }
  }

  void gone(std::uint64_t who) override {
    std::lock_guard lock(mutex);
    gone_clients += clients_.erase(who);
    changed.notify_all();
  }

  bool at_once = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t gone_clients = 0;

 private:
  asio::io_context& io_;
  const gateways::browser_version version_{"Chrome/1", "1.3", "UA", "15", "@rev"};
  const std::string id_ = "the-browser";
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::shared_ptr<gateways::cdp_client>> clients_;
};

struct fake_directory final : gateways::browser_directory {
  void find(const std::string& sandbox_id,
            std::function<void(protocol::result<std::shared_ptr<gateways::live_browser>>)> then)
      override {
    sandbox = sandbox_id;
    if (!why.empty()) return then(protocol::fault{protocol::error_code::wrong_state, why, {}, 0});
    then(std::shared_ptr<gateways::live_browser>(browser));
  }
  void describe(const std::string&,
                std::function<void(protocol::result<std::string>)> then) override {
    then(std::string(R"({"domains":[]})"));
  }
  asio::io_context& io() override { return context; }

  asio::io_context context{1};
  std::shared_ptr<fake_browser> browser = std::make_shared<fake_browser>(context);
  std::string sandbox, why;
};

std::uint16_t port_in(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

}  // namespace

struct cdp_rig::parts {
  fake_directory browsers;
  asio::executor_work_guard<asio::io_context::executor_type> work{browsers.context.get_executor()};
  std::thread thread{[this] { browsers.context.run(); }};
  std::unique_ptr<gateways::cdp_server> server;

  ~parts() {
    server.reset();
    browsers.context.stop();
    thread.join();
  }
  /// On the thread, and waits for it.
  template <class Work>
  void run(Work what) {
    std::mutex mutex;
    std::condition_variable done;
    bool ran = false;
    asio::post(browsers.context, [&] {
      what();
      std::lock_guard lock(mutex);
      ran = true;
      done.notify_one();
    });
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return ran; });
  }
};

gateways::cdp_server_options rig_options() {
  gateways::cdp_server_options out;
  out.cdp.listen = "127.0.0.1:0";
  out.cdp.remote_listen = ":0";
  out.token = "secret";
  return out;
}

cdp_rig::cdp_rig(gateways::cdp_server_options options) : parts_(std::make_unique<parts>()) {
  parts_->server = std::make_unique<gateways::cdp_server>(std::move(options), parts_->browsers);
  parts_->server->open();
}

cdp_rig::~cdp_rig() = default;

gateways::cdp_server& cdp_rig::server() {
  return *parts_->server;
}

std::uint16_t cdp_rig::port() const {
  return port_in(parts_->server->address());
}

std::uint16_t cdp_rig::remote_port() const {
  return port_in(parts_->server->remote_address());
}

void cdp_rig::stop_server() {
  parts_->server.reset();
}

void cdp_rig::fail(std::string why) {
  parts_->run([&] { parts_->browsers.why = why; });
}

void cdp_rig::answer_at_once() {
  parts_->run([&] { parts_->browsers.browser->at_once = true; });
}

bool cdp_rig::gone(std::size_t clients) {
  auto& b = *parts_->browsers.browser;
  std::unique_lock lock(b.mutex);
  return b.changed.wait_for(lock, std::chrono::seconds(10),
                            [&] { return b.gone_clients >= clients; });
}

std::string cdp_rig::sandbox() const {
  std::string out;
  parts_->run([&] { out = parts_->browsers.sandbox; });
  return out;
}

}  // namespace tests
