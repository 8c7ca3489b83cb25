#define CAF_SUITE files_contents

#include "gateways/files/contents.hpp"

#include "tests/gateways/files/workspace.hpp"
#include "tests/support/unit.hpp"

using namespace tests;
using namespace gateways::files;
using protocol::files::conditions;

CAF_TEST(an upload makes the folders on its way and replaces as a whole) {
  workspace w;
  auto first = put_whole(w.open(), "output/a/b/file", "one");
  CAF_REQUIRE_EQUAL(told(first), "ok");
  CAF_CHECK(first->created);
  CAF_CHECK_EQUAL(first->file.size_bytes, 3u);
  ::chmod(w.at("output/a/b/file").c_str(), 0755);
  auto second = put_whole(w.open(), "output/a/b/file", "second");
  CAF_REQUIRE_EQUAL(told(second), "ok");
  CAF_CHECK(!second->created);
  CAF_CHECK_NOT_EQUAL(first->file.etag, second->file.etag);
  CAF_CHECK_EQUAL(workspace::text(w.at("output/a/b/file")), "second");
  struct stat found {};
  ::stat(w.at("output/a/b/file").c_str(), &found);
  CAF_CHECK_EQUAL(found.st_mode & 0777u, 0755u);
  auto read = open_for_reading(w.open(), "output/a/b/file");
  CAF_CHECK_EQUAL(read->is.etag, second->file.etag);
}

CAF_TEST(what replaces a file that its owner may not read can be read) {
  workspace w;
  workspace::put(w.at("output/file"), "old");
  ::chmod(w.at("output/file").c_str(), 0070);
  CAF_REQUIRE_EQUAL(told(put_whole(w.open(), "output/file", "new")), "ok");
  struct stat found {};
  ::stat(w.at("output/file").c_str(), &found);
  CAF_CHECK_EQUAL(found.st_mode & 0777u, 0670u);
}

CAF_TEST(an upload that is dropped leaves the old file and nothing else) {
  workspace w;
  workspace::put(w.at("output/file"), "old");
  {
    auto to = upload::open(w.open(), "output/file", {});
    CAF_REQUIRE(to);
    CAF_CHECK_EQUAL(told(to->write("half")), "ok");
    CAF_CHECK_EQUAL(workspace::text(w.at("output/file")), "old");
  }
  CAF_CHECK_EQUAL(workspace::text(w.at("output/file")), "old");
  auto files = std::filesystem::directory_iterator(w.at("output"));
  CAF_CHECK_EQUAL(std::distance(begin(files), end(files)), 1);
}

CAF_TEST(conditions hold at the start of an upload and at its end) {
  workspace w;
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "f", "1", {"*", "", ""})), "precondition_failed");
  auto first = put_whole(w.open(), "f", "1", {"", "*", ""});
  CAF_REQUIRE_EQUAL(told(first), "ok");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "f", "2", {"", "*", ""})), "precondition_failed");
  conditions same{first->file.etag, "", ""};
  auto slow = upload::open(w.open(), "f", same);
  CAF_REQUIRE(slow);
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "f", "3", same)), "ok");
  CAF_CHECK_EQUAL(told(slow->finish()), "precondition_failed");
  CAF_CHECK_EQUAL(workspace::text(w.at("f")), "3");
  auto late = upload::open(w.open(), "new", {"", "*", ""});
  CAF_REQUIRE(late);
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "new", "x")), "ok");
  CAF_CHECK_EQUAL(told(late->finish()), "precondition_failed");
}

CAF_TEST(what stands where a file goes is replaced if it is no folder and never opened) {
  workspace w;
  ::mkfifo(w.at("pipe").c_str(), 0666);
  std::filesystem::create_symlink(w.outside + "/secret", w.at("link"));
  std::filesystem::create_directory(w.at("folder"));
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "pipe", "x")), "ok");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "link", "x")), "ok");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "folder", "x")), "wrong_state");
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/secret"), "secret");
  CAF_CHECK_EQUAL(workspace::text(w.at("link")), "x");
}

CAF_TEST(only files and folders are read) {
  workspace w;
  ::mkfifo(w.at("pipe").c_str(), 0666);
  workspace::put(w.at("output/f"), "text");
  std::filesystem::create_symlink("output/f", w.at("near"));
  std::filesystem::create_symlink(w.outside + "/secret", w.at("far"));
  std::filesystem::create_symlink("../outside/secret", w.at("up"));
  std::filesystem::create_symlink("around", w.at("around"));
  CAF_CHECK_EQUAL(read_text(w.open(), "pipe"), "<wrong_state>");
  CAF_CHECK_EQUAL(read_text(w.open(), "far"), "<path_escapes>");
  CAF_CHECK_EQUAL(read_text(w.open(), "up"), "<path_escapes>");
  CAF_CHECK_EQUAL(read_text(w.open(), "around"), "<wrong_state>");
  CAF_CHECK_EQUAL(read_text(w.open(), "none/f"), "<file_not_found>");
  CAF_CHECK_EQUAL(read_text(w.open(), "output/f/f"), "<file_not_found>");
  CAF_CHECK_EQUAL(read_text(w.open(), "near"), "text");
  CAF_CHECK_EQUAL(told(w.open().look("far")), "ok");
}

CAF_TEST(a change goes through no link out of its zone) {
  workspace w;
  workspace::put(w.at("upload/given"), "given");
  std::filesystem::create_directory(w.at("output/real"));
  std::filesystem::create_symlink("../upload", w.at("output/up"));
  std::filesystem::create_symlink("../.store", w.at("output/store"));
  std::filesystem::create_symlink("real", w.at("output/near"));
  std::filesystem::create_symlink("upload", w.at("short"));
  std::filesystem::create_symlink("around", w.at("output/around"));
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "output/up/given", "x")), "path_escapes");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "short/given", "x")), "path_escapes");
  CAF_CHECK_EQUAL(told(append(w.open(), "output/store/log", "x")), "path_escapes");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "output/around/f", "x")), "wrong_state");
  CAF_CHECK_EQUAL(told(remove_one(w.open(), "short/given", {})), "path_escapes");
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "output/near/f", "x")), "ok");
  CAF_CHECK_EQUAL(workspace::text(w.at("output/real/f")), "x");
  CAF_CHECK_EQUAL(workspace::text(w.at("upload/given")), "given");
}

CAF_TEST(the store is only appended to) {
  workspace w;
  CAF_CHECK_EQUAL(told(append(w.open(), ".store/log", "1\n")), "ok");
  auto more = append(w.open(), ".store/log", "2\n");
  CAF_REQUIRE_EQUAL(told(more), "ok");
  CAF_CHECK_EQUAL(more->file.size_bytes, 4u);
  CAF_CHECK_EQUAL(told(put_whole(w.open(), ".store/log", "x")), "zone_append_only");
  CAF_CHECK_EQUAL(told(remove_one(w.open(), ".store/log", {})), "zone_append_only");
  CAF_CHECK_EQUAL(told(edit(w.open(), {".store/log", "1", "2"})), "zone_append_only");
  CAF_CHECK_EQUAL(workspace::text(w.at(".store/log")), "1\n2\n");
}

CAF_TEST(nothing is appended to what is no file) {
  workspace w;
  ::mkfifo(w.at("pipe").c_str(), 0666);
  std::filesystem::create_symlink(w.outside + "/secret", w.at("link"));
  CAF_CHECK_EQUAL(told(append(w.open(), "pipe", "x")), "wrong_state");
  CAF_CHECK_EQUAL(told(append(w.open(), "link", "x")), "path_escapes");
  CAF_CHECK_EQUAL(told(append(w.open(), "output", "x")), "zone_read_only");
  CAF_CHECK_EQUAL(workspace::text(w.outside + "/secret"), "secret");
}

CAF_TEST(an edit replaces what is there once and says where it is not ) {
  workspace w;
  workspace::put(w.at("f"), "a b\na\n");
  auto twice = edit(w.open(), {"f", "a", "c"});
  CAF_REQUIRE_EQUAL(told(twice), "invalid_field");
  CAF_CHECK_NOT_EQUAL(
      twice.error().members.find("\"occurrences\":2,\"places\":[{\"line\":1,\"column\":1},"
                                 "{\"line\":2,\"column\":1}]"),
      std::string::npos);
  CAF_CHECK_EQUAL(told(edit(w.open(), {"f", "z", "c"})), "invalid_field");
  auto nothing = edit(w.open(), {"f", "", "c"});
  CAF_CHECK_EQUAL(nothing.error().detail, "/old: must not be empty");
  auto dry = edit(w.open(), {"f", "b", "x", false, true});
  CAF_REQUIRE_EQUAL(told(dry), "ok");
  CAF_CHECK_EQUAL(workspace::text(w.at("f")), "a b\na\n");
  auto done = edit(w.open(), {"f", "b", "x", false, false, {dry->file.etag, "", ""}});
  CAF_REQUIRE_EQUAL(told(done), "ok");
  CAF_CHECK_EQUAL(done->diff.text, dry->diff.text);
  CAF_CHECK_EQUAL(told(edit(w.open(), {"f", "x", "y", false, false, {dry->file.etag, "", ""}})),
                  "precondition_failed");
  auto all = edit(w.open(), {"f", "a", "c", true});
  CAF_CHECK_EQUAL(all->replacements, 2u);
  CAF_CHECK_EQUAL(workspace::text(w.at("f")), "c x\nc\n");
}

CAF_TEST(an edit that would make too large a file or replaces too often is refused) {
  workspace w;
  workspace::put(w.at("f"), std::string(50'000, '\n'));
  auto grown = edit(w.open(), {"f", "\n", std::string(1'024, 'x'), true});
  CAF_REQUIRE_EQUAL(told(grown), "invalid_field");
  CAF_CHECK_NOT_EQUAL(grown.error().members.find("51200000 bytes"), std::string::npos);
  auto many = edit(w.open(), {"f", "\n", "a line\n", true});
  CAF_REQUIRE_EQUAL(told(many), "ok");
  CAF_CHECK_EQUAL(many->replacements, 50'000u);
  CAF_CHECK(!many->diff.complete);
  CAF_CHECK(many->diff.text.size() < protocol::files::diff_bytes_max + 100);
  workspace::put(w.at("g"), std::string(200'000, 'a'));
  auto often = edit(w.open(), {"g", "a", "b", true});
  CAF_REQUIRE_EQUAL(told(often), "invalid_field");
  CAF_CHECK_NOT_EQUAL(often.error().members.find("\"occurrences\":100000"), std::string::npos);
  CAF_CHECK_EQUAL(workspace::text(w.at("g")), std::string(200'000, 'a'));
  workspace::put(w.at("h"), std::string((4 << 20) + 1, 'a'));
  CAF_CHECK_EQUAL(told(edit(w.open(), {"h", "b", "c"})), "invalid_field");
}

CAF_TEST(in chat only the zones are written) {
  workspace w;
  auto chat = protocol::sandbox_mode::chat;
  CAF_CHECK_EQUAL(told(put_whole(w.open(chat), "f", "x")), "zone_read_only");
  CAF_CHECK_EQUAL(told(put_whole(w.open(chat), "output/f", "x")), "ok");
  CAF_CHECK_EQUAL(told(put_whole(w.open(chat), "upload/f", "x")), "ok");
}

CAF_TEST(an upload that is refused makes no folders) {
  workspace w;
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "new/in/f", "x", {.if_match = "\"a\""})),
                  "precondition_failed");
  CAF_CHECK(!std::filesystem::exists(w.at("new")));
  CAF_CHECK_EQUAL(told(put_whole(w.open(), "new/in/f", "x", {.if_none_match = "*"})), "ok");
}
