#include "apps/cmd_inspect.h"
#include <fmt/core.h>
#include <memory>
#include "apps/command_line.h"
#include "apps/inspection.h"
#include "apps/report.h"
#include "chips/registry.h"
#include "hub/hub.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model;
  bool json = false, tensors = false;
};

// "12 kB", "3.4 MB", "5.67 GB": decimal units.
std::string size_text(int64_t bytes) {
  const double n = static_cast<double>(bytes);
  if (n < 1e6) return fmt::format("{:.0f} kB", n / 1e3);
  if (n < 1e9) return fmt::format("{:.1f} MB", n / 1e6);
  return n < 1e11 ? fmt::format("{:.2f} GB", n / 1e9) : fmt::format("{:.1f} GB", n / 1e9);
}

std::string count_text(int64_t n) {
  return n < 1'000'000'000 ? fmt::format("{:.1f} million", n / 1e6) : fmt::format("{:.2f} billion", n / 1e9);
}

// One line of the table; an empty `what` continues the entry above.
void line(const char* what, const std::string& value) {
  fmt::print("{:<14} {}\n", what, value);
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string t;
  for (int64_t d : shape) t += (t.empty() ? "" : " × ") + std::to_string(d);
  return t;
}

// 69187 → "69,187"
std::string grouped(int64_t n) {
  std::string t = std::to_string(n);
  for (int64_t i = std::ssize(t) - 3; i > 0; i -= 3) t.insert(i, ",");
  return t;
}

void print_difference(const ReleaseListing::Difference& d) {
  if (d.is.empty()) return line("", fmt::format("{} is not there, {} is expected", d.name, d.expected));
  if (d.expected.empty()) return line("", fmt::format("{} is there, {}, and not expected", d.name, d.is));
  line("", fmt::format("{} is {}, {} is expected", d.name, d.is, d.expected));
}

// The comparison with the list of the release; at most kShown differences.
void print_listing(const Inspection& in) {
  constexpr size_t kShown = 8;
  if (!in.listing) return;
  const ReleaseListing& l = *in.listing;
  const std::string is = fmt::format("{} tensors, {}", grouped(std::ssize(in.tensors)), size_text(in.bytes));
  if (l.differences.empty()) return line("release", is + ": as " + l.release);
  line("release",
       fmt::format("{}: not as {}, which has {}, {}", is, l.release, grouped(l.tensors), size_text(l.bytes)));
  for (size_t i = 0; i < std::min(l.differences.size(), kShown); ++i) print_difference(l.differences[i]);
  if (l.differences.size() > kShown)
    line("", fmt::format("and {} more; --json lists them", grouped(std::ssize(l.differences) - kShown)));
}

void print_formats(const Inspection& in) {
  for (const auto& s : in.formats)
    line(&s == &in.formats[0] ? "formats" : "",
         fmt::format("{:<8} {:5.1f} %  {:>9}  {} tensors", s.format,
                     100.0 * double(s.bytes) / double(std::max<int64_t>(in.bytes, 1)), size_text(s.bytes),
                     s.tensors));
}

// Tensors that the model does not use.
void print_not_run(const Inspection& in) {
  for (const Inspection::Share* of : {&in.drafts_not_run, &in.vision_not_run})
    if (of->tensors)
      line("not run",
           fmt::format("{}: {} tensors, {}", of->format, grouped(of->tensors), size_text(of->bytes)));
}

void print_dimensions(const Inspection& in) {
  for (const auto& [key, value] : in.dimensions.items())
    line("", fmt::format("{:<24} {}", key, dump_json(value)));
}

// What a sequence keeps and what its next token costs, for several lengths of the sequence.
void print_behind(const Inspection& in) {
  if (in.behind.empty()) return;
  line("next token", "tokens behind   state kept   GFLOP   weights read   state read");
  for (const auto& b : in.behind)
    line("", fmt::format("{:>13}  {:>11}  {:>6.1f}  {:>13}  {:>11}", grouped(b.tokens),
                         size_text(b.record_bytes + b.working_bytes), b.flops / 1e9,
                         size_text(static_cast<int64_t>(b.weight_bytes)),
                         size_text(static_cast<int64_t>(b.record_bytes_read))));
}

// Memory that the model needs, and whether this machine has it.
void print_needs(const Inspection& in) {
  if (!in.fault.empty()) return line("cannot run", in.fault);
  const int64_t useful = std::min(in.context, kUsefulTokens);
  std::string state = size_text(in.state_bytes_per_1k_tokens) + " for 1000 tokens";
  if (in.state_bytes_of_windows) state += ", and " + size_text(in.state_bytes_of_windows) + " of windows";
  line("weights", size_text(in.bytes));
  line("state", state);
  print_behind(in);
  line("memory", fmt::format("{} free of {}{}", size_text(in.memory.free), size_text(in.memory.total),
                             !in.memory.limited_by.empty() ? " that this control group allows" : ""));
  const bool fits = in.bytes_needed(useful) <= in.memory.free,
             whole = in.bytes_needed(in.context) <= in.memory.free;
  line("fits here",
       fmt::format("{}: {} with {} tokens, {} with all {}{}", fits ? "yes" : "no",
                   size_text(in.bytes_needed(useful)), useful, size_text(in.bytes_needed(in.context)),
                   in.context, fits && !whole ? " (too many for this machine)" : ""));
}

// The sizes of a config's model in several formats, and how fast memory would let it decode.
void print_stored_as(const Inspection& in) {
  for (const auto& s : in.stored_as) {
    const bool first = &s == &in.stored_as[0];
    const std::string speed = in.read_gb_per_second > 0
                                  ? fmt::format(", at most {:.3g} tokens/s here", in.tokens_per_second(s))
                                  : "";
    line(first ? "stored" : "", fmt::format("{:<12} {:>9}, {:>9} a token{}", s.format, size_text(s.bytes),
                                            size_text(static_cast<int64_t>(s.bytes_of_a_token)), speed));
  }
  if (in.read_gb_per_second > 0)
    line("", fmt::format("memory reads {:.1f} GB/s, as measured now", in.read_gb_per_second));
}

std::string parameters_text(const Inspection& in) {
  const std::string all = count_text(in.parameters);
  if (in.kind != "config") return all;
  return fmt::format("{}, {} of them active for a token; without {}", all, count_text(in.active_parameters),
                     in.listing ? "a vision tower" : "draft layers and vision towers");
}

void print(const Inspection& in, bool tensors) {
  line("model", in.path);
  line("kind", in.kind == "config" ? "config.json without weights" : in.kind);
  line("architecture", in.architecture);
  line("parameters", parameters_text(in));
  print_listing(in);
  print_formats(in);
  print_not_run(in);
  line("dimensions", in.dimensions.empty() ? "none that are known" : "");
  print_dimensions(in);
  std::string ends;
  for (int32_t id : in.end_tokens) ends += (ends.empty() ? "" : ", ") + std::to_string(id);
  line("end tokens", ends.empty() ? "none named" : ends);
  line("text", fmt::format("{}, {}", in.tokenizer ? "tokenizer" : "no tokenizer",
                           in.chat_template ? "chat template" : "no chat template"));
  print_needs(in);
  print_stored_as(in);
  if (!in.weight_cache_line.empty()) line("weight cache", in.weight_cache_line);
  for (const auto& t : in.tensors)
    if (tensors)
      fmt::print("{:<64} {:<8} {:>10}  {}\n", t.name, t.stored, size_text(t.bytes), shape_text(t.shape));
}

Result<Inspection> found(const std::string& model) {
  AUTARK_TRY(const auto path, hub::find_model(model));
  auto in = inspect(path);
  if (!in || in->stored_as.empty()) return in;
  if (const auto speed = measure_machine({})) in->read_gb_per_second = speed->read_gb_per_second;
  return in;
}

int run(const Arguments& a) {
  const auto in = found(a.model);
  if (!in) return fail(in.error());
  if (a.json)
    fmt::print("{}\n", dump_json(to_json(in.value(), a.tensors)));
  else
    print(in.value(), a.tensors);
  return 0;
}

}  // namespace

void add_inspect_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c =
      program.command("inspect", "What is in a checkpoint, what it needs, whether it fits here");
  c.option(
      "MODEL", a->model,
      "A path, or the name of a model that was pulled; none: the default model. A config.json without "
      "weights is enough: its sizes are computed, and how fast this machine's memory would let it decode");
  c.flag("--json", a->json, "One JSON object instead of a table");
  c.flag("--tensors", a->tensors, "List every tensor too");
  c.footer(
      "Examples:\n  autark inspect qwen2.5-coder-0.5b\n  autark inspect qwen2.5-coder-0.5b --tensors --json\n"
      "  autark inspect config.json");
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
