// Golden bytes are those of jupyter_client 7.4 (`Session(key=…).serialize`). Invariants:
// what is encoded decodes to the same (random messages); a single changed byte is refused.
#define CAF_SUITE jupyter_wire
#include "protocol/jupyter/wire.hpp"

#include <array>

#include "protocol/json.hpp"
#include "protocol/text.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;
using namespace protocol::jupyter;

namespace {

const std::string key = "0123456789abcdef-key";

constexpr std::array<std::string_view, 6> golden{
    "<IDS|MSG>",
    "ee5dea5ad66b9c9d28e36b6d4c7f8632cce72496a44492198683959215565cc1",
    R"({"msg_id": "5e5510_1", "msg_type": "stream", "username": "kernel", "session": "5e5510", )"
    R"("date": "2026-01-02T03:04:05.678000Z", "version": "5.3"})",
    R"({"msg_id": "abc-1", "msg_type": "execute_request"})",
    "{}",
    "{\"name\": \"stdout\", \"text\": \"héllo 中文 😀\\n\"}"};

std::vector<std::string_view> views(const std::vector<std::string>& frames) {
  return {frames.begin(), frames.end()};
}

/// The four parts as frames with a right signature.
std::vector<std::string> signed_frames(std::string header, std::string parent) {
  std::vector<std::string> frames{std::string(delimiter), "",   std::move(header),
                                  std::move(parent),      "{}", "{}"};
  frames[1] = sign(key, frames[2], frames[3], frames[4], frames[5]);
  return frames;
}

std::string refusal(const std::vector<std::string>& frames) {
  const auto decoded = decode(views(frames), key, channel::shell);
  if (decoded.has_value()) return "accepted";
  CAF_CHECK(decoded.error().code == error_code::malformed_request);
  return decoded.error().detail;
}

message request() {
  message m;
  m.msg_id = "exe_1";
  m.msg_type = "execute_request";
  m.content = buffer(std::string(R"({"code":"1+1"})"));
  return m;
}

}  // namespace

CAF_TEST(signatures are those of the reference client) {
  CAF_CHECK_EQUAL(sign(key, golden[2], golden[3], golden[4], golden[5]), golden[1]);
  CAF_CHECK_EQUAL(sign(key, "a", "bc", "", "d"),
                  "af271ecfc9bd3b43051d47b4b56ad720a482518d53ce6a45f8e9ad38030c9461");
  CAF_CHECK_EQUAL(sign("", "a", "bc", "", "d"), "");
}

CAF_TEST(a signature depends on its own key and not on the one before) {
  const auto first = sign(key, "a", "b", "c", "d");
  const auto other = sign("other", "a", "b", "c", "d");
  CAF_CHECK(first != other);
  CAF_CHECK_EQUAL(sign(key, "a", "b", "c", "d"), first);
  CAF_CHECK_EQUAL(sign("other", "a", "b", "c", "d"), other);
}

CAF_TEST(a message of the reference client is read) {
  std::vector<std::string_view> frames{"stream.stdout"};
  frames.insert(frames.end(), golden.begin(), golden.end());
  frames.push_back(std::string_view("\0\xff", 2));
  const auto m = decode(frames, key, channel::iopub);
  CAF_REQUIRE(m.has_value());
  CAF_CHECK_EQUAL(m->msg_id, "5e5510_1");
  CAF_CHECK_EQUAL(m->msg_type, "stream");
  CAF_CHECK_EQUAL(m->parent_msg_id, "abc-1");
  CAF_CHECK_EQUAL(m->header.view(), golden[2]);
  CAF_CHECK_EQUAL(m->content.view(), golden[5]);
  CAF_CHECK_EQUAL(m->metadata.view(), "{}");
  CAF_CHECK(m->on == channel::iopub);
  CAF_REQUIRE_EQUAL(m->buffers.size(), 1u);
  CAF_CHECK_EQUAL(m->buffers[0].size(), 2u);
}

CAF_TEST(a written message has a header made from its id and type) {
  const auto frames = encode(request(), key, "se\"ssion", 1'767'323'045'678);
  CAF_REQUIRE_EQUAL(frames.size(), 6u);
  CAF_CHECK_EQUAL(frames[0], delimiter);
  CAF_CHECK_EQUAL(frames[2],
                  R"({"msg_id":"exe_1","msg_type":"execute_request","username":"troupe",)"
                  R"("session":"se\"ssion","date":"2026-01-02T03:04:05.678Z","version":"5.3"})");
  CAF_CHECK_EQUAL(frames[3], "{}");
  CAF_CHECK_EQUAL(frames[4], "{}");
  CAF_CHECK_EQUAL(frames[5], R"({"code":"1+1"})");
  CAF_CHECK_EQUAL(frames[1], sign(key, frames[2], frames[3], frames[4], frames[5]));
}

CAF_TEST(what is written reads back the same) {
  std::mt19937_64 random(tests::seed());
  const auto bytes = [&](std::size_t max) {
    std::string out(random() % max, '\0');
    for (auto& c : out) c = static_cast<char>(random());
    return out;
  };
  for (int i = 0; i < 1'000; ++i) {
    auto m = request();
    m.msg_id += std::to_string(random());
    m.content = buffer("{" + bytes(200));  // the content is opaque here
    m.metadata = buffer(bytes(50) + " ");
    if (random() % 2 == 0)
      m.parent_header = buffer(R"({"x":{"msg_id":"no"},"msg_id":)" + json_string(m.msg_id) + "}");
    for (auto n = random() % 4; n > 0; --n) m.buffers.emplace_back(bytes(100));
    const auto frames = encode(m, key, "s", static_cast<unix_ms>(random() >> 24));
    const auto back = decode(views(frames), key, m.on);
    CAF_REQUIRE(back.has_value());
    CAF_REQUIRE_EQUAL(back->msg_id, m.msg_id);
    CAF_REQUIRE_EQUAL(back->parent_msg_id, m.parent_header.empty() ? "" : m.msg_id);
    CAF_REQUIRE_EQUAL(back->content.view(), to_utf8(m.content.view()));
    CAF_REQUIRE_EQUAL(back->metadata.view(), to_utf8(m.metadata.view()));
    CAF_REQUIRE(back->buffers == m.buffers);
  }
}

CAF_TEST(a single changed byte is refused) {
  const auto frames = encode(request(), key, "s", 5);
  for (std::size_t frame = 0; frame < frames.size(); ++frame) {
    for (std::size_t at = 0; at < frames[frame].size(); ++at) {
      auto changed = frames;
      changed[frame][at] = static_cast<char>(changed[frame][at] ^ 1);
      CAF_REQUIRE(refusal(changed) != "accepted");
    }
  }
}

CAF_TEST(a refusal says precisely what was wrong) {
  CAF_CHECK_EQUAL(refusal({}), "no delimiter in 0 frames");
  CAF_CHECK_EQUAL(refusal({"a", "b"}), "no delimiter in 2 frames");
  CAF_CHECK_EQUAL(refusal({"<IDS|MSG>", "", "{}"}), "2 frames after the delimiter, not 5");
  auto frames = encode(request(), key, "s", 5);
  frames[1].clear();
  CAF_CHECK_EQUAL(refusal(frames), "the signature is missing");
  frames[1] = std::string(64, '0');
  CAF_CHECK_EQUAL(refusal(frames), "the signature is wrong");
  CAF_CHECK_EQUAL(refusal(signed_frames("[]", "{}")), "the header is not a JSON object");
  CAF_CHECK_EQUAL(refusal(signed_frames("{", "{}")), "the header is not a JSON object");
  CAF_CHECK_EQUAL(refusal(signed_frames("{}", "{}")), "the header's msg_id is not a string");
  CAF_CHECK_EQUAL(refusal(signed_frames(R"({"msg_id":"a","msg_type":1})", "{}")),
                  "the header's msg_type is not a string");
  const std::string header = R"({"msg_id":"a","msg_type":"b"})";
  CAF_CHECK_EQUAL(refusal(signed_frames(header, "null")), "the parent header is not a JSON object");
  CAF_CHECK_EQUAL(refusal(signed_frames(header, R"({"msg_id":1})")),
                  "the parent header's msg_id is not a string");
  const auto deep = R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}";
  CAF_CHECK_EQUAL(refusal(signed_frames(header, deep)), "the parent header is not a JSON object");
  CAF_CHECK_EQUAL(refusal(signed_frames(header, R"({"msg_id":null})")), "accepted");
}

CAF_TEST(without a key nothing is signed and nothing checked) {
  auto frames = encode(request(), "", "s", 5);
  CAF_CHECK_EQUAL(frames[1], "");
  frames[1] = "whatever";
  CAF_CHECK(decode(views(frames), "", channel::shell).has_value());
}
