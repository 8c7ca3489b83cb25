#include "protocol/http/accept.hpp"

namespace protocol::http {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes what stands before the next `mark` off the front of `text`. Marks within quotes count as
/// text.
std::string_view next_part(std::string_view& text, char mark) noexcept {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == mark && !quoted) {
      break;
    }
  }
  auto end = i < text.size() ? i : text.size();
  auto part = trim(text.substr(0, end));
  text.remove_prefix(end < text.size() ? end + 1 : text.size());
  return part;
}

/// In thousandths, as RFC 9110 writes them; -1 for what it does not allow.
int parse_weight(std::string_view text) noexcept {
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return -1;
  int value = (text[0] - '0') * 1000;
  if (text.size() == 1) return value;
  if (text[1] != '.') return -1;
  int unit = 100;
  for (char c : text.substr(2)) {
    if (c < '0' || c > '9') return -1;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value <= 1000 ? value : -1;
}

struct media_range {
  std::string_view type;
  int weight = 1000;
};

/// A weight that cannot be read counts as none given: the client did name the type.
media_range parse_range(std::string_view text) noexcept {
  media_range out{next_part(text, ';'), 1000};
  while (!text.empty()) {
    auto parameter = next_part(text, ';');
    if (parameter.size() < 2 || lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    auto weight = parse_weight(trim(parameter.substr(2)));
    if (weight >= 0) out.weight = weight;
  }
  return out;
}

/// 0: no match, 1: any type, 2: any subtype, 3: the very type.
int specificity(std::string_view range, std::string_view type) noexcept {
  if (same_word(range, type)) return 3;
  if (range == "*/*" || range == "*") return 1;
  if (!range.ends_with("/*")) return 0;
  return same_word(range.substr(0, range.size() - 1), type.substr(0, type.find('/') + 1)) ? 2 : 0;
}

int weight_of(std::string_view accept, std::string_view type) noexcept {
  int best = 0, weight = 0;
  while (!accept.empty()) {
    auto range = parse_range(next_part(accept, ','));
    auto match = specificity(range.type, type);
    if (match > best || (match == best && match > 0 && range.weight > weight)) {
      best = match;
      weight = range.weight;
    }
  }
  return weight;
}

}  // namespace

std::string_view name_of(media m) noexcept {
  switch (m) {
    case media::json: return "application/json";
    case media::ndjson: return "application/x-ndjson";
    case media::sse: return "text/event-stream";
    case media::text: return "text/plain";
    case media::problem: return "application/problem+json";
  }
  return "application/json";
}

std::optional<media> choose(std::string_view accept, std::span<const media> offers) {
  if (offers.empty()) return std::nullopt;
  if (trim(accept).empty()) return offers[0];
  std::optional<media> best;
  int best_weight = 0;
  for (auto offer : offers) {
    auto weight = weight_of(accept, name_of(offer));
    if (weight <= best_weight) continue;
    best = offer;
    best_weight = weight;
  }
  return best;
}

std::string_view essence(std::string_view content_type) noexcept {
  return trim(content_type.substr(0, content_type.find(';')));
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

}  // namespace protocol::http
