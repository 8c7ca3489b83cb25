// A workspace with its zones for tests of file work, and another folder beside it that nothing may
// reach.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gateways/files/contents.hpp"
#include "gateways/files/root.hpp"
#include "tests/support/temp_dir.hpp"

namespace tests {

struct workspace {
  temp_dir dir;
  std::string inside = dir / "work", outside = dir / "outside";

  workspace() {
    namespace fs = std::filesystem;
    for (auto* zone : {"", "upload", "output", "deploy", ".store"})
      fs::create_directories(fs::path(inside) / zone);
    fs::create_directories(outside + "/folder");
    put(outside + "/secret", "secret");
    put(outside + "/folder/secret", "secret");
  }

  gateways::files::root open(protocol::sandbox_mode mode = protocol::sandbox_mode::agent) const {
    auto out = gateways::files::root::open(inside, mode);
    return std::move(out.value());
  }
  std::string at(const std::string& path) const { return inside + "/" + path; }

  static void put(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string text(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
};

/// The name of the refusal; "ok" when there is none.
template <class T>
std::string told(const protocol::result<T>& done) {
  return done ? "ok" : std::string(protocol::describe(done.error().code).name);
}

/// A whole upload.
inline protocol::result<gateways::files::written> put_whole(gateways::files::root in,
                                                            const std::string& path,
                                                            std::string_view bytes,
                                                            protocol::files::conditions c = {}) {
  auto to = gateways::files::upload::open(std::move(in), path, std::move(c));
  if (!to) return to.error();
  if (auto done = to->write(bytes); !done) return done.error();
  return to->finish();
}

/// What a client reads there, or the name of the refusal in angle brackets.
inline std::string read_text(const gateways::files::root& in, const std::string& path) {
  auto file = gateways::files::open_for_reading(in, path);
  if (!file) return "<" + told(file) + ">";
  auto text = gateways::files::read_whole(file->fd.get(), 1 << 20, path);
  return text ? *text : "<" + told(text) + ">";
}

}  // namespace tests
