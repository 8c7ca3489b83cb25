// The limit of a workspace's files as the routes hold it: a client without sense, on a real folder
// that is measured before each request, as the watch does now and then.
//
// Invariants, after each request, with what it takes beside its bytes being the end of a block and
// an entry for each file, and the folders on its way:
// - the workspace has no more than its limit and what one request takes beside its bytes;
// - at the limit nothing grows, but for the folders on the way of a move;
// - what is refused leaves each file as it was, and takes nothing but for folders on its way; an
//   archive that the tree refuses midway stays as far as it came, and says so;
// - what is used is what another walk of the tree counts.
#define CAF_SUITE http_quota

#include <map>
#include <memory>

#include "gateways/isolation/disk_use.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/gateways/http/wire.hpp"
#include "tests/support/unit.hpp"

using namespace tests;

namespace {

constexpr std::uint64_t limit_bytes = 256 << 10, entry_bytes = 512, beside_bytes = 4096 + 512;
constexpr std::size_t body_bytes_max = 96 << 10, way_max = 3;

struct tree {
  std::map<std::string, std::string> files;
  std::uint64_t used = 0;  ///< as the daemon counts
  std::uint64_t in_files = 0, in_folders = 0;
  std::size_t folders = 0;
};

class careless {
 public:
  explicit careless(std::uint64_t seed) : random_(seed) {}

  tree look() const {
    namespace fs = std::filesystem;
    tree out;
    for (auto& each : fs::recursive_directory_iterator(space_.inside)) {
      struct stat found {};
      CAF_REQUIRE(::lstat(each.path().c_str(), &found) == 0);
      auto bytes = static_cast<std::uint64_t>(found.st_blocks) * 512 + entry_bytes;
      (each.is_directory() ? out.in_folders : out.in_files) += bytes;
      out.folders += each.is_directory() ? 1 : 0;
      if (!each.is_directory()) out.files[each.path()] = workspace::text(each.path());
    }
    auto measured = gateways::disk_use_of(space_.inside);
    CAF_REQUIRE(measured.measured && measured.whole);
    out.used = measured.bytes;
    return out;
  }

  /// One request; its answer's status.
  int step(const tree& now) {
    if (!wire_ || last_.field("Connection") == "close") connect();
    protocol::sandbox_usage found;
    found.disk_measured = true;
    found.disk_bytes = now.used;
    wire_->views().put_usage("default", found);
    moves = copies = false;
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2: return put(false);
      case 3:
      case 4: return put(true);
      case 5: return ask("DELETE", "files/" + name());
      case 6: return fs("append", R"({"path":")" + name() + R"(","text":")" + bytes() + "\"}");
      case 7:
        return fs("edit", R"({"path":")" + name() + R"(","all":true,"old":"ab","new":")" +
                              std::string(random_() % 6, 'a') + "b\"}");
      case 8: return fs("mkdir", R"({"path":")" + folder() + "\"}");
      case 9:
      case 10: moves = true; return fs("move", transfer());
      case 11:
      case 12: copies = true; return fs("copy", transfer());
      case 13: return fs("remove", R"({"recursive":true,"path":")" + folder() + "\"}");
      default: copies = true; return archive();
    }
  }

  /// An archive that the tree refused midway stays as far as it came.
  bool partly() const { return last_.body.find("\"unpacked\"") != std::string::npos; }

  bool moves = false, copies = false;  ///< what the last step was

 private:
  void connect() {
    wire_ = std::make_unique<wire>(options());
    protocol::sandbox_view view;
    view.spec.id = "default";
    view.spec.limit.disk_bytes = limit_bytes;
    view.state = protocol::sandbox_state::ready;
    view.workspace = space_.inside;
    wire_->views().put(view);
  }
  static gateways::http_server_options options() {
    auto out = wire_options();
    out.limits.requests_per_s = 0;
    return out;
  }

  std::string pick(std::initializer_list<const char*> of) {
    return of.begin()[random_() % of.size()];
  }
  std::string folder() { return pick({"output/d", "output/d/e", "deploy/f", "g", "g/h/i"}); }
  std::string name() {
    auto last = pick({"a", "b", "c"});
    return (random_() % 3 == 0 ? folder() : pick({"output", "deploy", "upload", "g"})) + "/" + last;
  }
  std::string any() { return random_() % 3 == 0 ? folder() : name(); }
  std::string bytes() {
    std::string out(random_() % 8 == 0 ? 0 : random_() % body_bytes_max, 'a');
    for (std::size_t n = 1; n < out.size(); n += 2 + random_() % 64) out[n] = 'b';
    return out;
  }
  std::string transfer() {
    return R"({"from":")" + any() + R"(","to":")" + any() + R"(","replace":)" +
           (random_() % 2 ? "true}" : "false}");
  }

  int told(const std::string& all) {
    wire_->send(all);
    last_ = wire_->next();
    return last_.status;
  }
  int ask(std::string_view method, const std::string& path, std::string_view more = {},
          std::string_view body = {}) {
    return told(request(method, "/v1/sandboxes/default/" + path, {}, more) + std::string(body));
  }
  int fs(const std::string& what, const std::string& body) {
    return told(request("POST", "/v1/sandboxes/default/fs/" + what, body));
  }
  int put(bool chunked) {
    auto body = bytes();
    if (!chunked)
      return ask("PUT", "files/" + name(),
                 "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", body.size());
    auto chunk = body.empty() ? std::string() : size + body + "\r\n";
    return ask("PUT", "files/" + name(), "Transfer-Encoding: chunked\r\n", chunk + "0\r\n\r\n");
  }
  int archive() {
    if (ask("GET", "fs/archive?path=" + folder()) != 200) return last_.status;
    auto packed = last_.body;
    return ask("PUT", "fs/archive?path=" + folder(),
               "Content-Length: " + std::to_string(packed.size()) + "\r\n", packed);
  }

  std::mt19937_64 random_;
  workspace space_;
  std::unique_ptr<wire> wire_;
  parsed_answer last_;
};

}  // namespace

CAF_TEST(random requests keep a workspace within its limit) {
  careless client(tests::seed());
  auto before = client.look();
  std::map<int, int> seen;
  for (int n = 0; n < 1'500; ++n) {
    auto status = client.step(before);
    auto after = client.look();
    ++seen[status];
    CAF_REQUIRE(status >= 200 && (status < 500 || status == 507));
    CAF_REQUIRE_EQUAL(after.used, after.in_files + after.in_folders);
    auto entries = client.copies ? after.files.size() + after.folders : 1 + way_max;
    CAF_REQUIRE(after.used <= std::max(limit_bytes, before.used) + entries * beside_bytes);
    if (before.used >= limit_bytes)
      CAF_REQUIRE(client.moves ? after.in_files <= before.in_files : after.used <= before.used);
    if (status >= 400 && !client.partly()) {
      CAF_REQUIRE(after.files == before.files);
      CAF_REQUIRE_EQUAL(after.in_files, before.in_files);
      CAF_REQUIRE(after.in_folders <= before.in_folders + way_max * beside_bytes);
    }
    before = std::move(after);
  }
  for (auto status : {200, 201, 204, 404, 409, 507}) CAF_CHECK(seen[status] > 0);
}
