// What is kept of a browser's pages, to bring them back when it has ended: where each has been,
// what its sites stored, what was typed. Chromium itself loses the last seconds when it is killed.
//
// Owned by `recovery`, fed with what the browser says. Pure. Bounded: a site that stores more than
// is kept loses its copy here, and that is said. Only what sites keep as themselves is known, not
// what they keep inside the pages of others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "actors/browser/reach.hpp"

namespace actors::browsing {

/// One storage of one origin.
class storage_area {
 public:
  static constexpr std::size_t bytes_max = 8'000'000;

  /// `entries`: [[key, value], …].
  void assign(const json& entries);
  void set(const std::string& key, std::string value);
  void remove(const std::string& key);
  void clear();
  /// It is not known any more what is in it.
  bool overflowed() const { return overflowed_; }
  double changed_ms = 0;  ///< when it was last written to, as far as was heard
  bool empty() const { return items_.empty(); }
  /// [[key, value], …].
  json entries() const;

 private:
  std::map<std::string, std::string> items_;
  std::size_t bytes_ = 0;
  bool overflowed_ = false;
};

/// By origin.
class site_storages {
 public:
  static constexpr std::size_t origins_max = 32;

  storage_area& at(const std::string& origin);
  const storage_area* find(const std::string& origin) const;
  const std::map<std::string, storage_area>& all() const { return areas_; }
  bool empty() const;  ///< nothing is in any of them

 private:
  std::map<std::string, storage_area> areas_;
};

struct page_memory {
  json history = json::array();  ///< as Page.getNavigationHistory tells it
  std::int64_t current = 0;      ///< index in `history`
  double x = 0, y = 0;           ///< scrolled to
  bool typed = false;            ///< into its present document
  bool posted = false;           ///< its present document is what a form was answered with
  bool framed = false;           ///< a site inside of it stored something
  site_storages session;
};

/// "scheme://host:port" of what has a storage; empty: it has none.
std::string origin_of(std::string_view url);

/// An event of the domain DOMStorage, by its name without it.
void storage_event(page_memory& m, site_storages& local, std::string_view name, const json& params,
                   double now_ms);

}  // namespace actors::browsing
