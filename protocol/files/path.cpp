#include "protocol/files/path.hpp"

#include <array>
#include <charconv>

#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace protocol::files {
namespace {

constexpr std::array<std::string_view, 5> zone_names{"", "upload", "output", "deploy", ".store"};
constexpr std::size_t part_bytes_max = 255;

fault invalid(std::string_view pointer, std::string detail) {
  return http::invalid_fields({{std::string(pointer), std::move(detail)}});
}

fault refused(error_code code, std::string_view path, std::string_view why) {
  auto zone = name_of(zone_of(path));
  return {code, json_string(path) + ": " + std::string(why),
          "{\"zone\":" + (zone.empty() ? "null" : json_string(zone)) + "}", 0};
}

}  // namespace

std::string_view name_of(zone z) noexcept {
  auto index = static_cast<std::size_t>(z);
  return index < zone_names.size() ? zone_names[index] : zone_names[0];
}

zone zone_of(std::string_view path) noexcept {
  auto first = path.substr(0, path.find('/'));
  for (std::size_t i = 1; i < zone_names.size(); ++i)
    if (zone_names[i] == first) return static_cast<zone>(i);
  return zone::none;
}

result<std::string> parse_path(std::string_view text, std::string_view pointer) {
  auto escapes = [&](std::string_view why) {
    return fault{
        error_code::path_escapes, json_string(text.substr(0, 256)) + std::string(why), {}, 0};
  };
  if (text.starts_with('/')) return escapes(" is absolute; paths begin in the workspace");
  if (text.size() > path_bytes_max)
    return invalid(pointer, "has " + std::to_string(text.size()) + " bytes, " +
                                std::to_string(path_bytes_max) + " are allowed");
  if (text.find('\0') != text.npos) return invalid(pointer, "has a NUL character");
  std::string out;
  for (auto part : parts_of(text)) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return escapes(" has `..`");
    if (part.size() > part_bytes_max)
      return invalid(pointer, "has a name of " + std::to_string(part.size()) + " bytes, " +
                                  std::to_string(part_bytes_max) + " are allowed");
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return out;
}

std::string_view parent_of(std::string_view path) noexcept {
  auto slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

std::string_view last_of(std::string_view path) noexcept {
  auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

std::string joined(std::string_view folder, std::string_view name) {
  std::string out(folder);
  if (!out.empty()) out += '/';
  return out.append(name);
}

bool is_within(std::string_view path, std::string_view folder) noexcept {
  if (folder.empty() || path == folder) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

bool lies_before(std::string_view a, std::string_view b) noexcept {
  auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (a[i] != b[i]) return rank(a[i]) < rank(b[i]);
  return a.size() < b.size();
}

std::string cursor_of(std::string_view path) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (char c : path) {
    auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

result<std::string> parse_cursor(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned char byte = 0;
    auto end = text.data() + i + 2;
    auto [read, error] = std::from_chars(text.data() + i, end, byte, 16);
    if (error != std::errc() || read != end) return invalid("?cursor", "is none of ours");
    out += static_cast<char>(byte);
  }
  if (text.size() % 2 != 0) return invalid("?cursor", "is none of ours");
  return out;
}

std::optional<fault> refusal(change what, std::string_view path, sandbox_mode mode) {
  auto z = zone_of(path);
  bool itself = path.empty() || path == name_of(z);
  if (z == zone::store && !itself && what == change::append) return std::nullopt;
  if (z != zone::store && itself)
    return refused(error_code::zone_read_only, path, "the folder of a zone stays as it is");
  return refusal_inside(path, mode);
}

std::optional<fault> refusal_inside(std::string_view folder, sandbox_mode mode) {
  auto z = zone_of(folder);
  if (z == zone::store)
    return refused(error_code::zone_append_only, folder, "what is in .store/ is only appended to");
  if (z == zone::none && mode == sandbox_mode::chat)
    return refused(error_code::zone_read_only, folder,
                   "in mode chat only upload/, output/ and deploy/ are written to");
  return std::nullopt;
}

bool writable_inside(std::string_view path, sandbox_mode mode) noexcept {
  switch (zone_of(path)) {
    case zone::upload:
    case zone::store: return false;
    case zone::output:
    case zone::deploy: return true;
    case zone::none: return mode == sandbox_mode::agent;
  }
  return false;
}

}  // namespace protocol::files
