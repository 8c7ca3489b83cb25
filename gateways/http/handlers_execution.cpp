// Routes on executions and their events, in the three forms an answer may have.
#include <openssl/evp.h>

#include <array>

#include "gateways/http/handlers.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/id.hpp"
#include "protocol/json.hpp"

namespace gateways::http {
namespace {

namespace web = protocol::http;

constexpr std::size_t key_bytes_max = 255;

std::string sha256_hex(std::string_view sandbox_id, std::string_view body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  auto* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  EVP_DigestUpdate(context, sandbox_id.data(), sandbox_id.size());
  EVP_DigestUpdate(context, "\n", 1);
  EVP_DigestUpdate(context, body.data(), body.size());
  EVP_DigestFinal_ex(context, digest.data(), &length);
  EVP_MD_CTX_free(context);
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += "0123456789abcdef"[digest[i] >> 4];
    out += "0123456789abcdef"[digest[i] & 15];
  }
  return out;
}

fault nothing_acceptable(const request& r) {
  std::string types;
  for (auto form : r.to->forms) {
    if (!types.empty()) types += ", ";
    types += name_of(form);
  }
  return {error_code::not_acceptable, "the answer comes as " + types, {}, 0};
}

/// A number in the query or a header; nothing when it is not there.
protocol::result<std::optional<std::uint64_t>> number(std::optional<std::string_view> text,
                                                      std::string pointer, std::uint64_t min) {
  if (!text) return std::optional<std::uint64_t>();
  auto value = web::parse_count(*text);
  if (!value || *value < min)
    return web::invalid_fields(
        {{std::move(pointer), "must be a whole number, at least " + std::to_string(min)}});
  return value;
}

std::optional<std::string_view> last_event_id(const request& r) {
  if (r.head.last_event_id.empty()) return std::nullopt;
  return r.head.last_event_id;
}

/// Whether to wait, and in which form to answer.
protocol::result<call::form> choose_form(const request& r, plan& p) {
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto wait = query->find("wait") ? web::parse_switch(*query->find("wait")) : std::optional(true);
  if (!wait) return web::invalid_fields({{"?wait", "must be true or false"}});
  if (!*wait) {
    p.adapt = located("/v1/executions/");
    return call::form::begin;
  }
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  p.form = *form;
  return *form == media::json ? call::form::whole : call::form::stream;
}

outcome execute_in(const services& s, const request& r, const std::string& sandbox_id,
                   const web::schema& shape) {
  auto sandbox = s.views.sandbox(sandbox_id);
  if (!sandbox) return sandbox_missing(s, sandbox_id);
  plan p;
  auto form = choose_form(r, p);
  if (!form) return form.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  auto body = web::read_body(r.body, shape);
  if (!body) return body.error();
  auto asked = web::read_execution(*body, s.rules, sandbox->spec.limit.execution_ms_max);
  if (!asked) return asked.error();
  if (!s.views.kernel(sandbox_id, asked->kernel_id))
    return kernel_missing(sandbox_id, asked->kernel_id);
  if (r.head.idempotency_key.size() > key_bytes_max)
    return web::invalid_fields({{"Idempotency-Key", "must have at most 255 characters"}});
  asked->sandbox_id = sandbox_id;
  asked->client = r.client;
  p.cancel_on_disconnect = asked->cancel_on_disconnect && *form != call::form::begin;
  p.skip_through = seen->value_or(0);
  std::string hash;
  if (!r.head.idempotency_key.empty()) hash = sha256_hex(sandbox_id, r.body);
  p.call = call::execute{std::move(*asked), *form, r.head.idempotency_key, std::move(hash)};
  return p;
}

bool plausible(const std::string& id) {
  return protocol::valid_id(id);
}

fault execution_missing(const std::string& id) {
  auto name = protocol::json_string(id);
  return {error_code::execution_not_found, "there is no execution " + name,
          "{\"execution_id\":" + name + "}", 0};
}

}  // namespace

outcome execute_short(const services& s, const request& r) {
  return execute_in(s, r, std::string(default_sandbox), s.rules.short_execution);
}

outcome execute(const services& s, const request& r) {
  return execute_in(s, r, r.params.at(0), s.rules.execution);
}

outcome get_execution(const services&, const request& r) {
  if (!plausible(r.params.at(0))) return execution_missing(r.params.at(0));
  plan p;
  p.call = call::get_execution{r.params.at(0)};
  return p;
}

outcome get_execution_events(const services&, const request& r) {
  if (!plausible(r.params.at(0))) return execution_missing(r.params.at(0));
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto from = number(query->find("from"), "?from", 1);
  if (!from) return from.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  plan p;
  p.form = *form;
  // A browser that reconnects repeats the query of the first time: what it saw last counts.
  p.call = call::follow_execution{r.params.at(0), *seen ? **seen + 1 : from->value_or(1)};
  return p;
}

outcome post_stdin(const services& s, const request& r) {
  if (!plausible(r.params.at(0))) return execution_missing(r.params.at(0));
  auto body = web::read_body(r.body, s.rules.standard_input);
  if (!body) return body.error();
  plan p;
  p.call = call::give_stdin{r.params.at(0), web::read_stdin(*body)};
  return p;
}

outcome cancel_execution(const services&, const request& r) {
  if (!plausible(r.params.at(0))) return execution_missing(r.params.at(0));
  plan p;
  p.call = call::cancel_execution{r.params.at(0)};
  return p;
}

outcome get_node_events(const services&, const request& r) {
  auto form = web::choose(r.head.accept, r.to->forms);
  if (!form) return nothing_acceptable(r);
  auto query = web::query::parse(r.query);
  if (!query) return query.error();
  auto from = number(query->find("from"), "?from", 0);
  if (!from) return from.error();
  auto seen = number(last_event_id(r), "Last-Event-ID", 0);
  if (!seen) return seen.error();
  plan p;
  p.form = *form;
  p.endless = true;
  p.call = call::follow_node{*seen ? **seen + 1 : from->value_or(0)};
  return p;
}

}  // namespace gateways::http
