// Folders as tar archives, beside what a hostile archive or a hostile program tries.
#define CAF_SUITE files_archive

#include "gateways/files/archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <vector>

#include "gateways/files/tar_reader.hpp"
#include "gateways/files/walk.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;

namespace {

namespace fs = std::filesystem;
using protocol::sandbox_mode;

struct thing {
  std::string name;
  std::string text;
  unsigned type = AE_IFREG;
  std::string target = {};  ///< of a link, or of a hard link when it is a file
  unsigned permissions = 0644;
};

/// An archive of just these, whatever they are.
std::string tar_of(const std::vector<thing>& things) {
  std::string out;
  auto* a = archive_write_new();
  auto take = [](archive*, void* to, const void* bytes, std::size_t size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
  };
  archive_write_set_format_gnutar(a);
  archive_write_open(a, &out, nullptr, take, nullptr);
  for (auto& t : things) {
    auto* e = archive_entry_new();
    archive_entry_set_pathname(e, t.name.c_str());
    archive_entry_set_filetype(e, t.type);
    archive_entry_set_perm(e, static_cast<__LA_MODE_T>(t.permissions));
    archive_entry_set_size(e, static_cast<la_int64_t>(t.text.size()));
    if (t.type == AE_IFLNK) archive_entry_set_symlink(e, t.target.c_str());
    if (t.type == AE_IFREG && !t.target.empty()) archive_entry_set_hardlink(e, t.target.c_str());
    archive_write_header(a, e);
    archive_write_data(a, t.text.data(), t.text.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

struct given : workspace {
  std::string pack(const std::string& path, std::size_t piece = 1 << 20) {
    auto from = packing::open(open(), path);
    if (!from) return "<" + told(from) + ">";
    std::string out;
    for (;;) {
      auto next = from->read(piece);
      if (!next) return "<" + told(next) + ">";
      if (next->empty()) return out;
      out += *next;
    }
  }

  protocol::result<unpacked> unpack(const std::string& path, std::string_view bytes,
                                    std::optional<std::uint64_t> room = {},
                                    sandbox_mode mode = sandbox_mode::agent) {
    auto to = unpacking::open(open(mode), mode, path, room);
    if (!to) return to.error();
    if (auto done = to->write(bytes); !done) return done.error();
    return to->finish();
  }

  /// The names in a folder, in order.
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> out;
    for (auto& e : fs::directory_iterator(at(path))) out.push_back(e.path().filename());
    std::ranges::sort(out);
    return out;
  }
};

}  // namespace

CAF_TEST(what is packed in small pieces unpacks to the same) {
  given w;
  fs::create_directories(w.at("output/a/b"));
  workspace::put(w.at("output/a/b/large"), std::string(700'000, 'x'));
  workspace::put(w.at("output/a/empty"), "");
  workspace::put(w.at("output/\xe4\xb8\xad"), "name");
  workspace::put(w.at("output/" + std::string(200, 'n')), "long name");
  fs::create_symlink("a/empty", w.at("output/link"));
  auto tar = w.pack("output", 1'000);
  CAF_CHECK(tar == w.pack("output"));
  auto done = w.unpack("deploy/new/place", tar);
  CAF_REQUIRE_EQUAL(told(done), "ok");
  CAF_CHECK_EQUAL(done->files, 4u);
  CAF_CHECK_EQUAL(done->folders, 2u);
  CAF_CHECK_EQUAL(done->links, 1u);
  CAF_CHECK_EQUAL(done->bytes, 700'013u);
  CAF_CHECK_EQUAL(workspace::text(w.at("deploy/new/place/a/b/large")).size(), 700'000u);
  CAF_CHECK_EQUAL(workspace::text(w.at("deploy/new/place/\xe4\xb8\xad")), "name");
  CAF_CHECK_EQUAL(workspace::text(w.at("deploy/new/place/" + std::string(200, 'n'))), "long name");
  CAF_CHECK_EQUAL(fs::read_symlink(w.at("deploy/new/place/link")).string(), "a/empty");
}

CAF_TEST(the whole workspace goes out and its zones are not in the way when it comes in) {
  given w;
  workspace::put(w.at("output/kept"), "1");
  workspace::put(w.at("upload/given"), "2");
  auto tar = w.pack("");
  workspace::put(w.at("output/kept"), "changed");
  CAF_REQUIRE_EQUAL(told(w.unpack("", tar)), "ok");
  CAF_CHECK_EQUAL(workspace::text(w.at("output/kept")), "1");
  workspace::put(w.at(".store/log"), "3");
  CAF_CHECK_EQUAL(told(w.unpack("", w.pack(""))), "zone_append_only");
}

CAF_TEST(only a folder is packed) {
  given w;
  workspace::put(w.at("output/file"), "x");
  CAF_CHECK_EQUAL(w.pack("output/file"), "<wrong_state>");
  CAF_CHECK_EQUAL(w.pack("output/none"), "<file_not_found>");
  fs::create_directory_symlink(w.outside, w.at("output/out"));
  CAF_CHECK_EQUAL(w.pack("output/out"), "<path_escapes>");
}

CAF_TEST(a link that leads out is packed as a link and nothing behind it) {
  given w;
  fs::create_directory_symlink(w.outside, w.at("output/out"));
  CAF_CHECK(w.pack("output").find("secret") == std::string::npos);
}

CAF_TEST(what cannot be packed whole is not taken for whole) {
  given w;
  fs::path deep = w.at("output");
  for (int i = 0; i < depth_max + 2; ++i) deep /= "d";
  fs::create_directories(deep);
  CAF_CHECK_EQUAL(w.pack("output"), "<wrong_state>");
}

CAF_TEST(a daemon that ends unpacks nothing more) {
  given w;
  std::atomic<bool> stopping{true};
  auto in = root::open(w.inside, sandbox_mode::agent, nullptr, &stopping);
  CAF_REQUIRE(in);
  auto to = unpacking::open(std::move(*in), sandbox_mode::agent, "output", {});
  CAF_REQUIRE(to);
  CAF_REQUIRE(to->write(tar_of({{"file", "text"}})));
  CAF_CHECK_EQUAL(told(to->finish()), "draining");
  CAF_CHECK(w.names("output").empty());
}

CAF_TEST(an archive that may not be unpacked leaves nothing) {
  const std::vector<std::pair<std::vector<thing>, std::string>> cases{
      {{{"good", "1"}, {"../escape", "2"}}, "path_escapes"},
      {{{"good", "1"}, {"/absolute", "2"}}, "path_escapes"},
      {{{"good", "1"}, {"a/../../b", "2"}}, "path_escapes"},
      {{{"good", "1"}, {"hard", "", AE_IFREG, "good"}}, "invalid_field"},
      {{{"good", "1"}, {"pipe", "", AE_IFIFO}}, "invalid_field"},
      {{{"good", "1"}, {"device", "", AE_IFCHR}}, "invalid_field"},
      {{{"good", "1"}, {std::string(300, 'n'), "2"}}, "invalid_field"},
  };
  given w;
  for (auto& [things, wanted] : cases) {
    CAF_CHECK_EQUAL(told(w.unpack("output/to", tar_of(things))), wanted);
    CAF_CHECK(w.names("output").empty());
  }
  auto whole = tar_of({{"good", std::string(5'000, 'x')}});
  for (auto bytes : {std::string("no archive"), whole.substr(0, 2'000), std::string(512, 'z')})
    CAF_CHECK_EQUAL(told(w.unpack("output/to", bytes)), "malformed_request");
  CAF_CHECK_EQUAL(told(w.unpack("output/to", whole, 4'999)), "disk_quota");
  CAF_CHECK(w.names("output").empty());
  CAF_CHECK_EQUAL(told(w.unpack(".store", whole)), "zone_append_only");
  CAF_CHECK_EQUAL(told(w.unpack("free", whole, {}, sandbox_mode::chat)), "zone_read_only");
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/secret"), "secret");
}

CAF_TEST(a folder that takes no archive is named as it was asked for) {
  given w;
  workspace::put(w.at("output/file"), "x");
  auto onto = w.unpack("output/file", tar_of({{"a", "a"}}));
  CAF_REQUIRE_EQUAL(told(onto), "wrong_state");
  CAF_CHECK_EQUAL(onto.error().detail, "\"output/file\" is no folder");
  auto store = w.unpack(".store", tar_of({{"a", "a"}}));
  CAF_REQUIRE_EQUAL(told(store), "zone_append_only");
  CAF_CHECK_EQUAL(store.error().detail, "\".store\": what is in .store/ is only appended to");
}

CAF_TEST(links of the archive lead no later entry out) {
  given w;
  auto tar = tar_of({{"way", "", AE_IFLNK, w.outside}, {"way/secret", "overwritten"}});
  CAF_CHECK_EQUAL(told(w.unpack("output", tar)), "path_escapes");
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/secret"), "secret");
  CAF_CHECK(fs::is_symlink(w.at("output/way")));  // it was there first, and leads nobody anywhere
  auto up = tar_of({{"up", "", AE_IFLNK, "../upload"}, {"up/given", "overwritten"}});
  CAF_CHECK_EQUAL(told(w.unpack("output", up)), "path_escapes");
  CAF_CHECK(w.names("upload").empty());
}

CAF_TEST(permissions lose what raises rights and a link gives way to a file) {
  given w;
  fs::create_symlink(w.outside + "/secret", w.at("output/taken"));
  auto tar = tar_of({{"program", "x", AE_IFREG, "", 04755}, {"taken", "new"}});
  CAF_REQUIRE_EQUAL(told(w.unpack("output", tar)), "ok");
  struct stat found {};
  CAF_REQUIRE(::stat(w.at("output/program").c_str(), &found) == 0);
  CAF_CHECK_EQUAL(found.st_mode & 07777, 0755u);
  CAF_CHECK_EQUAL(workspace::text(w.at("output/taken")), "new");
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/secret"), "secret");
}

CAF_TEST(what stops midway says after how many entries) {
  given w;
  fs::create_directories(w.at("output/folder/inner"));
  auto done = w.unpack("output", tar_of({{"one", "1"}, {"folder", "a file where a folder is"}}));
  CAF_REQUIRE(!done);
  CAF_CHECK_EQUAL(told(done), "wrong_state");
  CAF_CHECK_EQUAL(done.error().members, "{\"unpacked\":1}");
}
