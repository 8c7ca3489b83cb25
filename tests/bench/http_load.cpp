// POSTs one body again and again on a connection that is kept, and waits for each answer.
//
// A target is {"host", "port", "path", "body", "token", "expect"}; `expect` is a part of the answer
// that must be there, so that an error is never taken for a fast success.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/bench/load_tool.hpp"

namespace {

using nlohmann::json;

class http_caller : public bench::caller {
 public:
  explicit http_caller(const json& target) : expect_(target.at("expect").get<std::string>()) {
    const auto host = target.at("host").get<std::string>();
    const auto port = target.at("port").get<std::uint16_t>();
    const auto body = target.at("body").get<std::string>();
    request_ = "POST " + target.at("path").get<std::string>() + " HTTP/1.1\r\nHost: " + host + ":" +
               std::to_string(port) + "\r\nContent-Type: application/json\r\n" +
               "Accept: application/json\r\nAuthorization: Bearer " +
               target.value("token", "none") +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &to.sin_addr);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to))
      throw std::runtime_error(std::strerror(errno));
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~http_caller() override { ::close(socket_); }
  http_caller(const http_caller&) = delete;
  http_caller& operator=(const http_caller&) = delete;

  void call() override {
    write_all();
    read_answer();
    if (answer_.compare(9, 3, "200") || answer_.find(expect_) == std::string::npos)
      throw std::runtime_error("unexpected answer: " + answer_);
  }

 private:
  void write_all() {
    for (std::size_t done = 0; done < request_.size();) {
      const auto n = ::send(socket_, request_.data() + done, request_.size() - done, MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error(std::strerror(errno));
      done += static_cast<std::size_t>(n);
    }
  }

  void read_answer() {
    answer_.clear();
    std::size_t whole = 0;
    while (!whole || answer_.size() < whole) {
      const auto n = ::recv(socket_, chunk_.data(), chunk_.size(), 0);
      if (n <= 0) throw std::runtime_error("the connection was closed");
      answer_.append(chunk_.data(), static_cast<std::size_t>(n));
      if (!whole) whole = whole_size();
    }
  }

  /// Of head and body together; 0 while the head is not complete.
  std::size_t whole_size() const {
    const auto end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    constexpr std::string_view name = "\r\ncontent-length:";
    const auto same = [](char a, char b) { return std::tolower(a) == b; };
    const auto found = std::search(answer_.begin(), answer_.begin() + static_cast<long>(end),
                                   name.begin(), name.end(), same);
    const auto at = static_cast<std::size_t>(found - answer_.begin());
    if (at >= end) throw std::runtime_error("no Content-Length: " + answer_);
    return end + 4 + std::stoul(answer_.substr(at + name.size()));
  }

  std::string expect_;
  std::string request_;
  std::string answer_;
  std::array<char, 65'536> chunk_{};
  int socket_ = -1;
};

}  // namespace

int main() {
  return bench::serve([](const json& target) { return std::make_unique<http_caller>(target); });
}
