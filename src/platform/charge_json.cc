#include "platform/charge_json.h"
#include <algorithm>
#include "base/json.h"

namespace autark::platform {
namespace {

constexpr size_t kTextMax = 256;                   // bytes
constexpr int64_t kTokensMax = 1'000'000'000'000;  // of a class

// Invalid bytes become U+FFFD, NULs vanish.
std::string cleaned(std::string text) {
  if (text.size() > kTextMax) text.resize(kTextMax);
  if (std::ranges::all_of(text, [](char c) { return c > 0; })) return text;
  std::erase(text, '\0');
  const auto valid = parse_json(dump_json(Json(text)), "text");
  return valid ? valid->get<std::string>() : std::string();
}

Tokens tokens_from(const Json& j) {
  return {j.at(0), j.at(1), j.at(2), j.at(3), j.at(4)};
}

Json json_of(const Tokens& t) {
  return Json::array({t.input, t.cached, t.cache_write, t.output, t.reasoning});
}

}  // namespace

std::string charge_text(const Charge& c) {
  const Rates& r = c.quote.rates;
  return dump_json(Json{{"id", c.id},
                        {"time", c.time},
                        {"who", Json::array({c.account, c.workspace, c.key, c.model, c.user})},
                        {"route", c.route},
                        {"service", c.service},
                        {"outcome", c.outcome},
                        {"price", Json::array({c.quote.version, c.quote.currency, c.quote.peak})},
                        {"rates", Json::array({r.input, r.cached, r.cache_write, r.output, r.reasoning})},
                        {"tokens", json_of(c.tokens)},
                        {"duration", c.duration}});
}

Result<Charge> charge_from(const std::string& text) try {
  AUTARK_TRY(const Json j, parse_json(text, "a reservation", {.bytes = 1 << 16, .depth = 4}));
  Charge c{.id = j.at("id"),
           .time = j.at("time"),
           .route = j.at("route"),
           .service = j.at("service"),
           .outcome = j.at("outcome"),
           .tokens = tokens_from(j.at("tokens")),
           .duration = j.at("duration")};
  const Json &who = j.at("who"), &price = j.at("price"), &rates = j.at("rates");
  c.account = who.at(0), c.workspace = who.at(1), c.key = who.at(2), c.model = who.at(3), c.user = who.at(4);
  c.quote.version = price.at(0), c.quote.currency = price.at(1), c.quote.peak = price.at(2);
  c.quote.rates = {rates.at(0), rates.at(1), rates.at(2), rates.at(3), rates.at(4)};
  return c;
} catch (const std::exception&) {
  return Error{Code::internal, "a reservation in the database is damaged"};
}

Charge cleaned(Charge c) {
  for (std::string* text :
       {&c.id, &c.account, &c.workspace, &c.key, &c.model, &c.user, &c.route, &c.service, &c.outcome})
    *text = cleaned(std::move(*text));
  Tokens& t = c.tokens;
  for (int64_t* count : {&t.input, &t.cached, &t.cache_write, &t.output, &t.reasoning})
    *count = std::clamp<int64_t>(*count, 0, kTokensMax);
  c.duration = std::max<Micros>(c.duration, 0);
  return c;
}

}  // namespace autark::platform
