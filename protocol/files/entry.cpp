#include "protocol/files/entry.hpp"

#include <array>
#include <utility>

#include "protocol/files/path.hpp"
#include "protocol/http/accept.hpp"
#include "protocol/object_writer.hpp"

namespace protocol::files {
namespace {

constexpr std::array<std::string_view, 4> kinds{"file", "folder", "link", "other"};
static_assert(kinds.size() == static_cast<std::size_t>(kind::other) + 1);

constexpr std::pair<std::string_view, std::string_view> types[] = {
    {"txt", "text/plain; charset=utf-8"},
    {"log", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"py", "text/x-python; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"json", "application/json"},
    {"jsonl", "application/x-ndjson"},
    {"xml", "application/xml"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"svg", "image/svg+xml"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"mp4", "video/mp4"},
    {"mp3", "audio/mpeg"},
    {"wav", "audio/wav"},
};

}  // namespace

std::string_view name_of(kind k) noexcept {
  auto index = static_cast<std::size_t>(k);
  return index < kinds.size() ? kinds[index] : kinds.back();
}

std::string to_json(const entry& e) {
  object_writer out(256);
  out.text("path", e.path);
  out.text("kind", name_of(e.is));
  out.number("size_bytes", e.size_bytes);
  out.time_or_null("modified_at", e.modified_at);
  out.text_or_null("etag", e.etag);
  out.text_or_null("zone", name_of(zone_of(e.path)));
  out.flag("writable", e.writable);
  return out.close();
}

std::string written_json(const entry& e) {
  object_writer out(256);
  out.text("path", e.path);
  out.number("size_bytes", e.size_bytes);
  out.text_or_null("etag", e.etag);
  out.time_or_null("modified_at", e.modified_at);
  return out.close();
}

bool page::add(std::string_view item) {
  full_ = full_ || text_.size() + item.size() + 2 > bytes_max;
  if (full_) return false;
  if (text_.size() > 1) text_ += ',';
  text_ += item;
  return true;
}

std::string to_json(const listing& l) {
  object_writer out(256 + 256 * l.entries.size());
  out.text("path", l.path);
  page entries;
  const entry* last = nullptr;
  for (const auto& e : l.entries) {
    if (!entries.add(to_json(e))) break;
    last = &e;
  }
  out.raw("entries", entries.close());
  out.text_or_null("next", entries.full() && last ? cursor_of(last->path) : l.next);
  out.flag("complete", l.complete);
  return out.close();
}

std::string_view type_of(std::string_view path) noexcept {
  auto name = last_of(path);
  auto dot = name.rfind('.');
  if (dot != name.npos)
    for (const auto& [ending, type] : types)
      if (http::same_word(name.substr(dot + 1), ending)) return type;
  return "application/octet-stream";
}

}  // namespace protocol::files
