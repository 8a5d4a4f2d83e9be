// POST /v1/completions: continues one or more prompts, given as text or token ids. With `echo` and `logprobs`
// it scores the prompts, as evaluation harnesses need it.
//
//   logprobs: {"tokens":[…],"token_logprobs":[null,…],"top_logprobs":[null,{…}],"text_offset":[…]}
//
// A token that is not valid UTF-8 is named "bytes:\xe4\xbd", which keeps names distinct. Offsets count
// characters (code points) of the choice's text.
#include <algorithm>
#include "api/dialect.h"
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/text_chunks.h"

namespace autark::api {
namespace {

bool is_ids(const Json& v) {
  return v.is_array() && !v.empty() && (v[0].is_number() || is_long_integer(v[0]));
}

void read_prompt(Fields& f, Request& r) {
  const Json* v = f.find("prompt");
  if (f.fault()) return;
  if (!v) return f.fail("prompt", "is missing");
  const auto one = [&](const Json& p) {
    if (p.is_string())
      r.prompts.emplace_back(p.get<std::string>());
    else if (is_ids(p))
      r.prompts.emplace_back(read_tokens(f, "prompt", p));
    else
      f.fail("prompt", "must be a string, a list of strings, a list of token ids or a list of those");
  };
  if (!v->is_array() || is_ids(*v)) return one(*v);
  if (v->empty()) return f.fail("prompt", "must not be empty");
  for (const Json& p : *v)
    if (!f.fault()) one(p);
  if (r.prompts.size() * size_t(r.n) > kChoicesMax)
    f.fail("prompt", "asks for " + std::to_string(r.prompts.size() * size_t(r.n)) +
                         " choices (prompts times n), " + std::to_string(kChoicesMax) + " are allowed");
}

// Reads `best_of`: so many choices are computed, and the n best of them are returned. Returns n.
int read_best_of(Fields& f, Request& r) {
  const int n = r.n;
  const auto best_of = f.integer("best_of", 1, kChoicesMax);
  if (best_of && *best_of < n) f.fail("best_of", "must be at least n");
  if (best_of) r.n = int(*best_of);
  if (!f.fault() && r.n > n && r.stream) f.fail("best_of", "above n cannot be streamed");
  return n;
}

// The best are those with the highest mean log-probability of their tokens.
void choose_best(Fields& f, int n, Request& r) {
  if (!f.fault() && r.echo) f.fail("best_of", "above n cannot be used with echo");
  r.repeated = {{"n", n}, {"logprobs", r.logprobs}};
  r.logprobs = std::max(r.logprobs, 0);
}

double mean_logprob(const Choice& c) {
  double sum = 0;
  size_t count = 0;
  for (const Event::Delta& d : c.deltas)
    for (const TokenLogprob& t : d.logprobs) sum += t.logprob, ++count;
  return count ? sum / double(count) : 0;
}

// All choices, or of each prompt's the best ones, best first. Equally good ones keep their order.
std::vector<const Choice*> chosen(const Envelope& e, const Answer& answer) {
  std::vector<const Choice*> all;
  for (const Choice& c : answer.choices) all.push_back(&c);
  if (!e.repeated.is_object()) return all;
  const size_t best_of = size_t(e.n), n = e.repeated.value("n", best_of);
  std::vector<const Choice*> best;
  for (size_t first = 0; first + best_of <= all.size(); first += best_of) {
    const auto begin = all.begin() + std::ptrdiff_t(first);
    std::stable_sort(begin, begin + std::ptrdiff_t(best_of),
                     [](const Choice* a, const Choice* b) { return mean_logprob(*a) > mean_logprob(*b); });
    best.insert(best.end(), begin, begin + std::ptrdiff_t(n));
  }
  return best;
}

// Whether `bytes` is valid UTF-8 and not empty.
bool is_text(std::string_view bytes) {
  return !bytes.empty() && Json(bytes).dump(-1, ' ', false, Json::error_handler_t::ignore).size() ==
                               Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace).size();
}

std::string name_of(const Alternative& a) {
  if (a.bytes.empty() || is_text(a.bytes)) return a.bytes.empty() ? a.token : a.bytes;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string name = "bytes:";
  for (const char c : a.bytes) {
    const auto b = static_cast<uint8_t>(c);
    name += {'\\', 'x', kHex[b >> 4], kHex[b & 15]};
  }
  return name;
}

int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

Json top_of(const TokenLogprob& t, int wanted) {
  Json top = Json::object();
  for (const Alternative& a : t.top)
    if (int(top.size()) < wanted) top[name_of(a)] = openai_logprob(a.logprob);
  if (wanted > 0 && !top.contains(name_of(t))) top[name_of(t)] = openai_logprob(t.logprob);
  return top;
}

// Builds the log-probability lists of one choice. Offsets continue from one call to the next.
class LogprobLists {
 public:
  Json lists(const std::vector<const Event::Delta*>& deltas, int wanted) {
    Json tokens = Json::array(), values = Json::array(), tops = Json::array(), offsets = Json::array();
    for (const Event::Delta* d : deltas) {
      size_t at = 0;
      for (const TokenLogprob& t : d->logprobs) {
        const size_t next = std::clamp(t.text_at, at, d->text.size());
        offset_ += characters(std::string_view(d->text).substr(at, next - at));
        at = next;
        tokens.push_back(name_of(t));
        values.push_back(t.scored ? Json(openai_logprob(t.logprob)) : Json());
        tops.push_back(t.scored && wanted > 0 ? top_of(t, wanted) : Json());
        offsets.push_back(offset_);
      }
      offset_ += characters(std::string_view(d->text).substr(at));
    }
    return Json{{"tokens", std::move(tokens)},
                {"token_logprobs", std::move(values)},
                {"top_logprobs", std::move(tops)},
                {"text_offset", std::move(offsets)}};
  }

 private:
  int64_t offset_ = 0;
};

Json envelope_json(const Envelope& e, Json choices) {
  return Json{{"id", "cmpl-" + e.id},          {"object", "text_completion"},
              {"created", e.created},          {"model", e.model},
              {"choices", std::move(choices)}, {"system_fingerprint", openai_fingerprint(e.fingerprint)}};
}

Json choice_json(int index, std::string text, Json logprobs, Json finish) {
  return Json{{"index", index},
              {"text", std::move(text)},
              {"logprobs", std::move(logprobs)},
              {"finish_reason", std::move(finish)}};
}

class CompletionStream final : public StreamEncoder {
 public:
  explicit CompletionStream(const Envelope& e) : e_(e), lists_(e.choices) {}

  std::vector<Frame> encode(const Event& event, const Tally& so_far) override {
    if (const auto* f = std::get_if<ApiError>(&event.payload)) return {{dump_json(openai_error(*f)), ""}};
    std::vector<Frame> out;
    if (const auto* d = std::get_if<Event::Delta>(&event.payload)) {
      if (d->text.empty() && d->logprobs.empty()) return out;
      out.push_back(delta(event.choice, *d));
    }
    if (const auto* done = std::get_if<Event::Finished>(&event.payload)) {
      out.push_back({dump_json(chunk(choice_json(event.choice, "", nullptr, openai_finish(done->why)))), ""});
      if (so_far.complete()) end(out, so_far.total());
    }
    return out;
  }

 private:
  Frame delta(int choice, const Event::Delta& d) {
    const auto empty = [&] { return chunk(choice_json(choice, "", nullptr, nullptr)); };
    if (e_.logprobs < 0) return {texts_.with(choice, d.text, empty), ""};
    Json logprobs = lists_[choice].lists({&d}, e_.logprobs);
    return {dump_json(chunk(choice_json(choice, d.text, std::move(logprobs), nullptr))), ""};
  }
  Json chunk(Json choice) const {
    Json out = envelope_json(e_, Json::array({std::move(choice)}));
    if (e_.include_usage) out["usage"] = nullptr;
    return out;
  }
  void end(std::vector<Frame>& out, const Usage& usage) {
    if (e_.include_usage) {
      Json last = envelope_json(e_, Json::array());
      last["usage"] = openai_usage(usage);
      out.push_back({dump_json(last), ""});
    }
    out.push_back({"[DONE]", ""});
  }

  Envelope e_;
  TextChunks texts_{"text"};
  std::vector<LogprobLists> lists_;
};

class OpenAiCompletions final : public Dialect {
 public:
  ApiResult<Request> decode(const Json& body) const override {
    Request r;
    Fields f(body);
    read_openai_common(f, r);
    const int n = read_best_of(f, r);
    r.echo = f.flag("echo").value_or(false);
    r.max_tokens = 16;
    read_limit(f, "max_tokens", 0, r.max_tokens);
    read_limit(f, "max_completion_tokens", 0, r.max_tokens);
    if (!f.fault() && r.max_tokens == 0 && !r.echo) f.fail("max_tokens", "may be 0 only with echo");
    r.logprobs = int(f.integer("logprobs", 0, kTopLogprobsMax).value_or(-1));
    if (r.n > n) choose_best(f, n, r);
    r.add_special = f.flag("add_special_tokens").value_or(true);
    r.parse_special = f.flag("parse_special").value_or(true);
    if (auto suffix = f.text("suffix"); suffix && !suffix->empty()) r.suffix = std::move(suffix);
    if (!f.fault() && r.suffix && r.echo) f.fail("suffix", "cannot be used with echo");
    read_metadata_user(f, r);
    read_prompt(f, r);
    if (f.fault()) return *f.fault();
    for (std::string& name : f.unknown()) r.ignored.push_back(std::move(name));
    return r;
  }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override {
    return std::make_unique<CompletionStream>(e);
  }

  Json body(const Envelope& e, const Answer& answer, const Tally& tally) const override {
    Json choices = Json::array();
    const int shown = e.repeated.is_object() ? e.repeated.value("logprobs", e.logprobs) : e.logprobs;
    for (const Choice* c : chosen(e, answer)) {
      std::vector<const Event::Delta*> deltas;
      for (const Event::Delta& d : c->deltas) deltas.push_back(&d);
      Json logprobs;
      if (shown >= 0) logprobs = LogprobLists().lists(deltas, shown);
      choices.push_back(
          choice_json(int(choices.size()), c->text(), std::move(logprobs), openai_finish(c->finished.why)));
    }
    Json out = envelope_json(e, std::move(choices));
    out["usage"] = openai_usage(tally.total());
    return out;
  }

  Reply error(const ApiError& fault, std::string_view) const override { return openai_reply(fault); }
  std::string_view request_id_header() const override { return "x-request-id"; }
};

}  // namespace

const Dialect& openai_completions() {
  static const OpenAiCompletions dialect;
  return dialect;
}

}  // namespace autark::api
