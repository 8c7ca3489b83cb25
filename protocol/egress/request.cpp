#include "protocol/egress/request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "protocol/object_writer.hpp"

namespace protocol::egress {
namespace {

constexpr std::string_view line_end = "\r\n", head_end = "\r\n\r\n";
constexpr std::size_t fields_max = 128;
constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 50;

/// Between two neighbours only; Host and Content-Length are written anew. `close` is what we say in
/// Connection, which makes a field of that name one of them.
constexpr std::array hop_by_hop{"connection",
                                "proxy-connection",
                                "keep-alive",
                                "te",
                                "proxy-authorization",
                                "proxy-authenticate",
                                "trailer",
                                "upgrade",
                                "host",
                                "content-length",
                                "close"};

struct field {
  std::string name;  ///< in lower case
  std::string_view line, value;
  bool between = false;  ///< for the next neighbour only
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    auto letter = lower(c) >= 'a' && lower(c) <= 'z';
    return letter || (c >= '0' && c <= '9') || marks.find(c) != marks.npos;
  });
}

/// Visible ASCII.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_value(std::string_view text) {
  return std::ranges::none_of(text,
                              [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  auto first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bad_request bad(std::string why) {
  return {400, std::move(why)};
}

/// Without the line ends. None: there is a lone CR or LF.
std::optional<std::vector<std::string_view>> lines_of(std::string_view head) {
  std::vector<std::string_view> out;
  while (!head.empty()) {
    auto end = head.find(line_end);
    if (end == head.npos) return {};
    auto line = head.substr(0, end);
    if (line.find_first_of(line_end) != line.npos) return {};
    out.push_back(line);
    head.remove_prefix(end + line_end.size());
  }
  return out;
}

class reader {
 public:
  std::variant<request, bad_request> read(std::string_view head) {
    auto lines = lines_of(head);
    if (!lines || lines->size() < 2 || !lines->back().empty())
      return bad("the head has lines that do not end in CR LF");
    auto wrong = read_line(lines->front());
    for (std::size_t i = 1; !wrong && i + 1 < lines->size(); ++i) wrong = read_field((*lines)[i]);
    if (!wrong) wrong = check_fields();
    if (wrong) return *wrong;
    if (!out_.tunnel) write_head();
    return std::move(out_);
  }

 private:
  using fault = std::optional<bad_request>;

  fault read_line(std::string_view line) {
    auto first = line.find(' '), last = line.rfind(' ');
    if (first == line.npos || first == last) return bad("the first line is no request line");
    method_ = line.substr(0, first);
    auto where = line.substr(first + 1, last - first - 1);
    version_ = line.substr(last + 1);
    if (!is_token(method_) || !is_visible(where)) return bad("the first line is no request line");
    if (version_ != "HTTP/1.1" && version_ != "HTTP/1.0")
      return bad_request{505, "the version is none of HTTP/1.1 and HTTP/1.0"};
    out_.tunnel = method_ == "CONNECT";
    return out_.tunnel ? read_target(where, 0) : read_uri(where);
  }

  fault read_target(std::string_view text, std::uint16_t port) {
    auto to = parse_target(text, port);
    if (!to) return bad("the request names no HOST:PORT");
    out_.to = std::move(*to);
    return {};
  }

  fault read_uri(std::string_view uri) {
    constexpr std::string_view scheme = "http://";
    if (uri.size() < scheme.size() || lowered(uri.substr(0, scheme.size())) != scheme)
      return bad("a proxy is asked by CONNECT, or for a URI that begins with http://");
    uri.remove_prefix(scheme.size());
    if (uri.find('#') != uri.npos) return bad("the URI has a fragment");
    auto end = std::min(uri.find_first_of("/?"), uri.size());
    path_ = uri.substr(end);
    if (!path_.starts_with('/')) path_.insert(0, "/");
    return read_target(uri.substr(0, end), 80);
  }

  fault read_field(std::string_view line) {
    auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)))
      return bad("a header line has no name and colon");
    auto value = trimmed(line.substr(colon + 1));
    if (!is_value(value)) return bad("a header has control characters");
    field f{lowered(line.substr(0, colon)), line, value};
    f.between = std::ranges::find(hop_by_hop, f.name) != hop_by_hop.end();
    if (!f.between && onward_++ == fields_max)
      return bad_request{431, "there are more than " + std::to_string(fields_max) + " headers"};
    fields_.push_back(std::move(f));
    return {};
  }

  fault check_fields() {
    auto count = [&](std::string_view name) {
      return std::ranges::count(fields_, name, &field::name);
    };
    if (count("host") > 1) return bad("there is more than one Host");
    if (out_.tunnel) return {};
    if (count("transfer-encoding") > 0)
      return bad_request{411, "a body needs a Content-Length; no other form is sent on"};
    if (count("content-length") > 1) return bad("there is more than one Content-Length");
    for (auto& f : fields_) {
      if (f.name == "connection" || f.name == "proxy-connection") add_named(f.value);
      if (f.name == "content-length" && !read_length(f.value))
        return bad("Content-Length is no number of bytes");
    }
    return {};
  }

  void add_named(std::string_view list) {
    for (std::size_t at = 0; at <= list.size();) {
      auto comma = std::min(list.find(',', at), list.size());
      named_.push_back(lowered(trimmed(list.substr(at, comma - at))));
      at = comma + 1;
    }
  }

  bool read_length(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || wrong != std::errc() || end != text.data() + text.size()) return false;
    out_.body_bytes = value;
    has_length_ = true;
    return value <= body_bytes_max;
  }

  void write_head() {
    auto host = to_string(out_.to);
    if (out_.to.port == 80) host.resize(host.size() - 3);
    auto& head = out_.head;
    head.append(method_).append(" ").append(path_).append(" ").append(version_);
    head.append(line_end).append("Host: ").append(host);
    for (auto& f : fields_) {
      auto dropped = f.between || std::ranges::find(named_, f.name) != named_.end();
      if (!dropped) head.append(line_end).append(f.line);
    }
    if (has_length_)
      head.append(line_end).append("Content-Length: ").append(std::to_string(out_.body_bytes));
    head.append(line_end).append("Connection: close").append(head_end);
  }

  request out_;
  std::string_view method_, version_;
  std::string path_;
  std::vector<field> fields_;
  std::size_t onward_ = 0;  ///< fields that are not between neighbours, so ours are not counted
  std::vector<std::string> named_;  ///< by Connection, so not for the host
  bool has_length_ = false;
};

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 431: return "Request Header Fields Too Large";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "HTTP Version Not Supported";
  }
}

}  // namespace

std::size_t head_size(std::string_view text) {
  auto end = text.find(head_end);
  return end == text.npos ? 0 : end + head_end.size();
}

std::variant<request, bad_request> parse_request(std::string_view head) {
  return reader().read(head);
}

std::string answer_text(int status, std::string_view detail, std::string_view rule) {
  object_writer problem(256);
  problem.text("title", title_of(status));
  problem.number("status", std::int64_t{status});
  problem.text("detail", detail);
  if (!rule.empty()) problem.text("rule", rule);
  auto body = problem.close() + "\n";
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(title_of(status)).append("\r\nContent-Type: application/problem+json\r\n");
  out.append("Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n");
  return out + body;
}

}  // namespace protocol::egress
