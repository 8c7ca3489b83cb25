#include "gateways/files/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <utility>

namespace gateways::files {
namespace {

using protocol::files::kind;

constexpr std::size_t piece_bytes = 256 << 10;

la_ssize_t give(archive*, void* to, const void** bytes) {
  auto piece = (*static_cast<tar_reader::source*>(to))(piece_bytes);
  *bytes = piece.data();
  return static_cast<la_ssize_t>(piece.size());
}

/// Names are bytes here. libarchive has them so, or as UTF-8 that its locale cannot show.
std::string text_of(const char* bytes, const char* utf8) {
  return bytes ? bytes : utf8 ? utf8 : "";
}

std::string name_of(archive_entry* e) {
  auto name = text_of(archive_entry_pathname(e), archive_entry_pathname_utf8(e));
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.ends_with('/')) name.pop_back();
  return name == "." ? std::string() : name;
}

kind kind_of(archive_entry* e) {
  if (archive_entry_hardlink(e) || archive_entry_hardlink_utf8(e)) return kind::other;
  switch (archive_entry_filetype(e)) {
    case AE_IFREG: return kind::file;
    case AE_IFDIR: return kind::folder;
    case AE_IFLNK: return kind::link;
    default: return kind::other;
  }
}

}  // namespace

tar_reader::tar_reader(source from)
    : from_(std::move(from)), archive_(archive_read_new(), archive_read_free) {
  auto* a = archive_.get();
  archive_read_support_filter_gzip(a);
  archive_read_support_format_tar(a);
  archive_read_support_format_empty(a);
  archive_read_open(a, &from_, nullptr, give, nullptr);
}

tar_reader::~tar_reader() = default;

protocol::fault tar_reader::broken() const {
  auto why = archive_error_string(archive_.get());
  return {protocol::error_code::malformed_request,
          std::string("the body cannot be read as a tar archive: ") + (why ? why : "it is broken"),
          {},
          0};
}

protocol::result<std::optional<tar_item>> tar_reader::next() {
  archive_entry* e = nullptr;
  auto got = archive_read_next_header(archive_.get(), &e);
  if (got == ARCHIVE_EOF) return std::optional<tar_item>();
  if (got < ARCHIVE_WARN) return broken();
  tar_item out{name_of(e), kind_of(e), 0, static_cast<unsigned>(archive_entry_perm(e)) & 0777, {}};
  if (out.is == kind::file) out.size_bytes = static_cast<std::uint64_t>(archive_entry_size(e));
  if (out.is == kind::link)
    out.target = text_of(archive_entry_symlink(e), archive_entry_symlink_utf8(e));
  return std::optional(std::move(out));
}

protocol::result<std::string_view> tar_reader::read() {
  piece_.resize(piece_bytes);
  auto n = archive_read_data(archive_.get(), piece_.data(), piece_.size());
  if (n < 0) return broken();
  return std::string_view(piece_).substr(0, static_cast<std::size_t>(n));
}

}  // namespace gateways::files
