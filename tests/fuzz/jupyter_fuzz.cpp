// Any frames as a Jupyter message: the bytes are split at 0xfe into frames and read unsigned, with
// a key (nothing may be accepted by luck), and, signed here, as the four parts of a message.
#include <cstdlib>

#include "protocol/jupyter/content.hpp"
#include "protocol/jupyter/wire.hpp"

using namespace protocol;
using namespace protocol::jupyter;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string_view> split(std::string_view bytes) {
  constexpr char boundary = '\xfe';
  std::vector<std::string_view> frames;
  for (;;) {
    const auto end = bytes.find(boundary);
    frames.push_back(bytes.substr(0, end));
    if (end == std::string_view::npos) return frames;
    bytes.remove_prefix(end + 1);
  }
}

void read_contents(std::string_view content) {
  (void)read_execute_reply(content);
  (void)read_status(content);
  (void)read_execution_count(content);
  (void)read_stream(content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string key = "a key no input knows";
  auto frames = split({reinterpret_cast<const char*>(data), size});
  (void)decode(frames, "", channel::iopub);
  require(decode(frames, key, channel::iopub).has_error());
  frames.resize(4, "{}");
  const auto signature = sign(key, frames[0], frames[1], frames[2], frames[3]);
  frames.insert(frames.begin(), {delimiter, signature});
  const auto m = decode(frames, key, channel::shell);
  if (m.has_value()) {
    require(m->header.view() == frames[2] && m->content.view() == frames[5]);
    const auto again = encode(*m, key, "s", 0);
    const std::vector<std::string_view> views(again.begin(), again.end());
    const auto back = decode(views, key, channel::shell);
    require(back.has_value() && back->msg_id == m->msg_id);
  }
  read_contents(frames[5]);
  return 0;
}
