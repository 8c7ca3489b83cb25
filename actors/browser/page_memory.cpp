#include "actors/browser/page_memory.hpp"

#include <algorithm>
#include <utility>

namespace actors::browsing {

void storage_area::assign(const json& entries) {
  clear();
  for (auto& each : entries)
    if (each.is_array() && each.size() == 2 && each[0].is_string() && each[1].is_string())
      set(each[0].get<std::string>(), each[1].get<std::string>());
}

void storage_area::set(const std::string& key, std::string value) {
  if (overflowed_) return;
  remove(key);
  bytes_ += key.size() + value.size();
  items_[key] = std::move(value);
  if (bytes_ <= bytes_max) return;
  clear();
  overflowed_ = true;
}

void storage_area::remove(const std::string& key) {
  auto found = items_.find(key);
  if (found == items_.end()) return;
  bytes_ -= key.size() + found->second.size();
  items_.erase(found);
}

void storage_area::clear() {
  items_.clear();
  bytes_ = 0;
  overflowed_ = false;
}

json storage_area::entries() const {
  auto out = json::array();
  for (auto& [key, value] : items_) out.push_back(json::array({key, value}));
  return out;
}

storage_area& site_storages::at(const std::string& origin) {
  if (!areas_.contains(origin) && areas_.size() == origins_max) areas_.erase(areas_.begin());
  return areas_[origin];
}

const storage_area* site_storages::find(const std::string& origin) const {
  auto found = areas_.find(origin);
  return found == areas_.end() ? nullptr : &found->second;
}

bool site_storages::empty() const {
  return std::ranges::all_of(areas_, [](auto& each) { return each.second.empty(); });
}

std::string origin_of(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) return {};
  auto begin = url.find("//") + 2;
  auto authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  authority.remove_prefix(authority.rfind('@') + 1);
  return std::string(url.substr(0, begin)).append(authority);
}

void storage_event(page_memory& m, site_storages& local, std::string_view name, const json& params,
                   double now_ms) {
  auto& id = at(params, "storageId");
  auto origin = text_at(id, "securityOrigin");
  auto key_of_site = text_at(id, "storageKey");
  if (origin.empty() && key_of_site.ends_with('/'))
    origin = key_of_site.substr(0, key_of_site.size() - 1);
  // Of a site inside another's page.
  if (key_of_site.find('^') != key_of_site.npos || origin.empty()) {
    m.framed = true;
    return;
  }
  auto& area = (flag_at(id, "isLocalStorage") ? local : m.session).at(origin);
  area.changed_ms = now_ms;
  auto key = text_at(params, "key");
  if (name == "domStorageItemsCleared") area.clear();
  if (name == "domStorageItemRemoved") area.remove(key);
  if (name == "domStorageItemAdded" || name == "domStorageItemUpdated")
    area.set(key, text_at(params, "newValue"));
}

}  // namespace actors::browsing
