// The least that runs code in a kernel: a DEALER and a SUB socket of libzmq, and nothing between.
//
// A target is the kernel's connection information as jupyter_client writes it. A call ends when
// both execute_reply and idle have come, as every correct client must wait.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zmq.h>

#include <array>
#include <random>

#include "tests/bench/load_tool.hpp"

namespace {

using nlohmann::json;

void* context() {
  static void* const one = zmq_ctx_new();
  return one;
}

std::string address(const json& info, const char* port) {
  const auto ip = info.at("ip").get<std::string>();
  const auto number = std::to_string(info.at(port).get<int>());
  if (info.at("transport") == "ipc") return "ipc://" + ip + "-" + number;
  return "tcp://" + ip + ":" + number;
}

std::string hex(const unsigned char* bytes, unsigned size) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

class raw_kernel : public bench::caller {
 public:
  explicit raw_kernel(const json& info) : key_(info.at("key").get<std::string>()) {
    session_ = "bench" + std::to_string(std::random_device{}());
    shell_ = zmq_socket(context(), ZMQ_DEALER);
    iopub_ = zmq_socket(context(), ZMQ_SUB);
    const int none = 0;
    for (auto* s : {shell_, iopub_}) {
      zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
      zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof none);
    }
    zmq_setsockopt(iopub_, ZMQ_SUBSCRIBE, "", 0);
    if (zmq_connect(shell_, address(info, "shell_port").c_str()) ||
        zmq_connect(iopub_, address(info, "iopub_port").c_str()))
      throw std::runtime_error(zmq_strerror(zmq_errno()));
    subscribe();
  }
  ~raw_kernel() override {
    zmq_close(shell_);
    zmq_close(iopub_);
  }
  raw_kernel(const raw_kernel&) = delete;
  raw_kernel& operator=(const raw_kernel&) = delete;

  void call() override {
    static const std::string content =
        R"({"code":"1+1","silent":false,"store_history":true,"user_expressions":{},)"
        R"("allow_stdin":false,"stop_on_error":true})";
    const auto id = send("execute_request", content);
    if (!await(id, 10'000)) throw std::runtime_error("no answer of the kernel");
  }

 private:
  // A SUB socket hears nothing until its subscription has arrived; asking proves that it has.
  void subscribe() {
    for (int i = 0; i < 200; ++i)
      if (await(send("kernel_info_request", "{}"), 100)) return;
    throw std::runtime_error("the kernel does not answer kernel_info");
  }

  std::string sign(const std::array<std::string, 4>& parts) const {
    std::string all;
    for (const auto& p : parts) all += p;
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
         reinterpret_cast<const unsigned char*>(all.data()), all.size(), out.data(), &size);
    return hex(out.data(), size);
  }

  std::string send(const std::string& type, const std::string& content) {
    const auto id = session_ + "_" + std::to_string(++count_);
    const auto header = R"({"msg_id":")" + id + R"(","session":")" + session_ +
                        R"(","username":"bench","date":"2024-01-01T00:00:00.000000Z",)" +
                        R"("msg_type":")" + type + R"(","version":"5.3"})";
    const std::array<std::string, 4> parts{header, "{}", "{}", content};
    const auto signature = sign(parts);
    zmq_send(shell_, "<IDS|MSG>", 9, ZMQ_SNDMORE);
    zmq_send(shell_, signature.data(), signature.size(), ZMQ_SNDMORE);
    for (std::size_t i = 0; i < 4; ++i)
      zmq_send(shell_, parts[i].data(), parts[i].size(), i < 3 ? ZMQ_SNDMORE : 0);
    return id;
  }

  static std::vector<std::string> receive(void* socket) {
    std::vector<std::string> frames;
    for (int more = 1; more;) {
      zmq_msg_t m;
      zmq_msg_init(&m);
      if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&m);
        break;
      }
      frames.emplace_back(static_cast<const char*>(zmq_msg_data(&m)), zmq_msg_size(&m));
      more = zmq_msg_more(&m);
      zmq_msg_close(&m);
    }
    return frames;
  }

  /// Whether the message answers `id`; `type` and `content` are its own.
  bool parse(const std::vector<std::string>& frames, const std::string& id, std::string& type,
             std::string& content) const {
    const auto mark = std::find(frames.begin(), frames.end(), "<IDS|MSG>");
    if (frames.end() - mark < 6) return false;
    const std::array<std::string, 4> parts{mark[2], mark[3], mark[4], mark[5]};
    if (sign(parts) != mark[1]) throw std::runtime_error("a message has a wrong signature");
    const auto parent = json::parse(parts[1]);
    if (parent.value("msg_id", "") != id) return false;
    type = json::parse(parts[0]).at("msg_type");
    content = parts[3];
    return true;
  }

  bool await(const std::string& id, long timeout_ms) {
    bool replied = false, idle = false;
    const auto end = bench::steady::now() + std::chrono::milliseconds(timeout_ms);
    while (!(replied && idle)) {
      zmq_pollitem_t items[] = {{shell_, 0, ZMQ_POLLIN, 0}, {iopub_, 0, ZMQ_POLLIN, 0}};
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - bench::steady::now()).count();
      if (left <= 0 || zmq_poll(items, 2, left) <= 0) return false;
      std::string type, content;
      for (const auto& item : items) {
        if (!(item.revents & ZMQ_POLLIN)) continue;
        if (!parse(receive(item.socket), id, type, content)) continue;
        if (type == "execute_reply" || type == "kernel_info_reply")
          replied = json::parse(content).at("status") == "ok";
        if (type == "status") idle = json::parse(content).at("execution_state") == "idle";
      }
    }
    return true;
  }

  std::string key_;
  std::string session_;
  std::uint64_t count_ = 0;
  void* shell_ = nullptr;
  void* iopub_ = nullptr;
};

}  // namespace

int main() {
  return bench::serve([](const json& target) { return std::make_unique<raw_kernel>(target); });
}
