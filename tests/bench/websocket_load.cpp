// Runs `1+1` through a Jupyter server's WebSocket, in the JSON form every server speaks.
//
// A target is {"host", "port", "path"}; the path carries kernel, session and token. A call ends
// when both execute_reply and idle have come.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <random>

#include "tests/bench/load_tool.hpp"

namespace {

namespace beast = boost::beast;
namespace asio = boost::asio;
using nlohmann::json;

class websocket_caller : public bench::caller {
 public:
  explicit websocket_caller(const json& target) : stream_(io_) {
    const auto host = target.at("host").get<std::string>();
    const auto port = target.at("port").get<std::uint16_t>();
    session_ = "bench" + std::to_string(std::random_device{}());
    stream_.next_layer().connect({asio::ip::make_address(host), port});
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true));
    stream_.handshake(host + ":" + std::to_string(port),
                      target.at("path").get<std::string>() + "&session_id=" + session_);
    stream_.text(true);
  }

  void call() override {
    const auto id = session_ + "_" + std::to_string(++count_);
    const json message{{"header",
                        {{"msg_id", id},
                         {"msg_type", "execute_request"},
                         {"session", session_},
                         {"username", "bench"},
                         {"version", "5.3"},
                         {"date", "2024-01-01T00:00:00.000000Z"}}},
                       {"parent_header", json::object()},
                       {"metadata", json::object()},
                       {"channel", "shell"},
                       {"buffers", json::array()},
                       {"content",
                        {{"code", "1+1"},
                         {"silent", false},
                         {"store_history", true},
                         {"allow_stdin", false},
                         {"user_expressions", json::object()},
                         {"stop_on_error", true}}}};
    stream_.write(asio::buffer(message.dump()));
    bool replied = false, idle = false;
    while (!(replied && idle)) {
      stream_.read(in_);
      const auto got = json::parse(beast::buffers_to_string(in_.data()));
      in_.clear();
      const auto& parent = got.at("parent_header");
      if (!parent.is_object() || parent.value("msg_id", "") != id) continue;
      const auto& content = got.at("content");
      if (got.at("msg_type") == "execute_reply") {
        if (content.at("status") != "ok") throw std::runtime_error("not ok: " + content.dump());
        replied = true;
      }
      if (got.at("msg_type") == "status") idle = content.at("execution_state") == "idle";
    }
  }

 private:
  asio::io_context io_;
  beast::websocket::stream<asio::ip::tcp::socket> stream_;
  beast::flat_buffer in_;
  std::string session_;
  std::uint64_t count_ = 0;
};

}  // namespace

int main() {
  return bench::serve(
      [](const json& target) { return std::make_unique<websocket_caller>(target); });
}
