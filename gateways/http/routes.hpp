// THE table of routes: what is routed, what 405 allows and what /openapi.json says come from it.
//
// Made once at start; a route's place in the table is its number in the metrics. Handlers are
// declared in handlers.hpp; they read published views and never block.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/views.hpp"
#include "gateways/files/watch.hpp"
#include "gateways/http/exchange.hpp"
#include "gateways/http/metrics.hpp"
#include "gateways/http/server.hpp"
#include "gateways/http/signing.hpp"
#include "protocol/http/request.hpp"

namespace gateways::http {

/// What handlers may use. Owned by the server.
struct services {
  const http_server_options& options;
  const actors::node_views& views;
  const protocol::http::request_rules& rules;
  const http_stats& stats;
  const std::function<protocol::buffer()>& openapi;  ///< made when it is first asked for
  const url_signer& signer;
  files::watch_service& watches;
};

using handler = outcome (*)(const services&, const request&);

struct query_doc {
  std::string_view name;
  std::string_view type;  ///< of JSON Schema
  std::string_view doc;
};

struct route {
  method verb = method::get;
  std::string_view pattern{};
  std::string_view id{};  ///< operationId
  std::string_view tag{};
  std::string_view summary{};
  handler handle = nullptr;
  int status = 200;            ///< of success
  std::string_view answers{};  ///< component schema of the answer, empty: any object
  const protocol::http::schema* body = nullptr;
  std::vector<media> forms{media::json};  ///< the first is what a client gets that does not say
  std::vector<query_doc> queries{};
  std::vector<protocol::error_code> errors{};  ///< beside those that every route has
  bool open = false;                           ///< asks for no token
  bool accepted = false;                       ///< may also answer 202
  bool created = false;                        ///< may also answer 201
  bool tail = false;           ///< the last name stands for all the rest of the path
  bool gives_bytes = false;    ///< may answer a file's bytes
  bool gives_archive = false;  ///< answers a tar archive
  bool takes_bytes = false;    ///< the body is a file's bytes: streamed, not kept
  bool hands_over = false;     ///< the connection goes on as one to a browser
  bool in_drain = false;       ///< helps work to end, so it is taken while the daemon drains
  std::string_view failing{};  ///< what a 503 of its own shape says, if it has one
  std::size_t index = 0;

  /// Makes work: refused while draining, counted by the rate limit.
  bool makes_work() const { return verb != method::get; }
  /// Takes no body, and says so: the routes outside `/v1/` are another's, who does not.
  bool takes_nothing() const { return !body && !takes_bytes && pattern.starts_with("/v1/"); }
};

void add_browser_routes(std::vector<route>& to);
void add_file_routes(std::vector<route>& to, const protocol::http::request_rules& rules);

std::vector<route> make_routes(const protocol::http::request_rules& rules);

struct tag_doc {
  std::string_view name;
  std::string_view doc;
};
std::span<const tag_doc> all_tags() noexcept;

/// /openapi.json.
std::string openapi_json(const std::vector<route>& routes, std::string_view version);

class router {
 public:
  explicit router(std::vector<route> routes);

  struct place {
    std::array<const route*, method_count> by_method{};
    std::string allow;  ///< the value of Allow
  };

  /// Null: no such path. `params` gets what stands for the pattern's names. A fault: the path
  /// cannot be decoded.
  protocol::result<const place*> find(std::string_view path,
                                      std::vector<std::string>& params) const;
  const std::vector<route>& routes() const { return routes_; }

 private:
  struct pattern {
    std::vector<std::string> segments;  ///< empty: takes any one segment
    bool tail = false;                  ///< the last one takes all that are left
    place where;
  };
  const pattern* match(const std::vector<std::string>& segments, std::size_t key) const;
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };

  std::vector<route> routes_;
  std::unordered_map<std::string, place, text_hash, std::equal_to<>> fixed_;
  /// By the number of their segments; those with a tail under 0.
  std::map<std::size_t, std::map<std::string_view, pattern>> patterns_;
};

std::string_view name_of(method m) noexcept;

}  // namespace gateways::http
