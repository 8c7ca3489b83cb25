// What a client sees of a file or folder of the workspace.
//
// Plain data, made by gateways/files. An ETag changes with every change of the file, also of its
// name or owner; a folder has none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/sandbox.hpp"

namespace protocol::files {

enum class kind : std::uint8_t { file, folder, link, other };

std::string_view name_of(kind k) noexcept;

struct entry {
  std::string path;
  kind is = kind::file;
  std::uint64_t size_bytes = 0;
  unix_ms modified_at = 0;
  std::string etag;  ///< of a file: in quotes
  bool writable = true;
};

/// As finely as HTTP's dates tell it.
inline std::int64_t modified_s(const entry& e) {
  return e.modified_at / 1'000;
}

/// The resource.
std::string to_json(const entry& e);

/// What a write answers: `{path, size_bytes, etag, modified_at}`.
std::string written_json(const entry& e);

/// A JSON array that is as long as one answer may be: names are up to six times as long in JSON.
class page {
 public:
  static constexpr std::size_t bytes_max = 4 << 20;

  /// False: there is no room for it, or there was none for one before it.
  bool add(std::string_view item);
  bool full() const { return full_; }
  std::string close() { return std::move(text_ += ']'); }

 private:
  std::string text_ = "[";
  bool full_ = false;
};

struct listing {
  std::string path;
  std::vector<entry> entries;
  std::string next;      ///< the cursor of what follows; empty: nothing does
  bool complete = true;  ///< false: something was left out: see gateways/files/walk.hpp
};

/// The first page of it, with the cursor of what follows.
std::string to_json(const listing& l);

/// The media type that a file's name stands for.
std::string_view type_of(std::string_view path) noexcept;

}  // namespace protocol::files
